/**
 * `npm run faults:presses`: what becomes of work that a person stops by one Ctrl-C in a terminal, at a random moment. npm and npx hand
 * the press on to the process below, which so gets it twice or more; one press must still be one: what was done is saved, half-written
 * files are gone, the folder is free, and the work goes on to what an undisturbed run leaves. Exit status 1 where it is not so.
 *
 * Needs `script` (util-linux), which opens the terminal.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { succeed, type Work, withWorks } from "./works.ts";

const program = new Command("npm run faults:presses --")
  .option("--seed <n>", "of the moments", wholeNumber(0), 0)
  .option(
    "--presses <n>",
    "for each work and way to start it, at work that had not ended",
    wholeNumber(1),
    20,
  )
  .option("--ways <name,...>", "to start it: npm, npx, node", (text) => text.split(","), [
    "npm",
    "npx",
    "node",
  ])
  .option("--works <name,...>", "of these alone; default all", (text) => text.split(","))
  .option("--minutes <n>", "stop after so many", wholeNumber(1), 90)
  .parse();
const {
  seed,
  presses,
  ways: chosen,
  works: names,
  minutes,
} = program.opts<{ seed: number; presses: number; ways: string[]; works?: string[]; minutes: number }>();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const began = performance.now();
const isTime = () => performance.now() - began < minutes * 60_000;

/** Where and how people start it. */
interface Way {
  readonly name: string;
  readonly folder: string;
  readonly command: readonly string[];
}

/** Runs a command and pipes nothing; throws where it fails. */
function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  return new Promise((resolve, reject) => {
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(" ")}: ended with ${code}`)),
    );
  });
}

/** The ways to start it: from the sources by npm and by node, and as an installed package by npx. */
async function ways(parent: string): Promise<Way[]> {
  const here = process.cwd();
  await run("npm", ["run", "build"], here);
  await run("npm", ["pack", "--pack-destination", parent], here);
  const packed = (await readdir(parent)).find((name) => name.endsWith(".tgz"))!;
  await run("npm", ["init", "--yes"], parent);
  await run("npm", ["install", "--ignore-scripts", "--prefer-offline", packed], parent);
  return [
    { name: "npm", folder: here, command: ["npm", "run", "magnets", "--"] },
    { name: "npx", folder: parent, command: ["npx", "magnets"] },
    { name: "node", folder: here, command: ["node", "--import", "tsx", "cli/main.ts"] },
  ];
}

/** How a command in a terminal ended. */
interface Pressed {
  readonly code: number;
  readonly output: string;
}

/** Runs a command in a terminal, presses Ctrl-C after so many milliseconds, and waits until all of its processes are gone. */
function press({ command, folder }: Way, args: readonly string[], afterMs: number): Promise<Pressed> {
  // As a person's shell does, this one outlives what it started, and waits for what npm leaves behind.
  const line = `trap : INT; ${[...command, ...args].join(" ")}; echo "came back with $?"; sleep 2`;
  const child = spawn("script", ["-qec", `sh -c '${line}'`, "/dev/null"], { cwd: folder });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  const timer = setTimeout(() => child.stdin.write("\x03"), afterMs);
  return new Promise((resolve) => {
    child.on("close", () => {
      clearTimeout(timer);
      resolve({ code: Number(/came back with (\d+)/.exec(output)?.[1] ?? Number.NaN), output });
    });
  });
}

/** What was not saved, or left lying about. */
async function harmTo({ folder }: Work): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const left = names.filter((name) => /\.tmp$|lock\.json$/.test(name)).map((name) => `${name} is left`);
  const lost: string[] = [];
  for (const name of names.filter((name) => name.endsWith("metrics.jsonl"))) {
    const lines = (await readFile(join(folder, name), "utf8")).trimEnd().split("\n");
    const { step } = JSON.parse(lines.at(-1)!) as { step: number };
    const checkpoints = names.filter((other) =>
      other.startsWith(name.replace("metrics.jsonl", "checkpoints/")),
    );
    const saved = Math.max(0, ...checkpoints.map((other) => Number(/step-(\d+)/.exec(other)?.[1])));
    if (saved < step) lost.push(`${name} tells of step ${step}, but step ${saved} is the last one saved`);
  }
  return [...left, ...lost];
}

const parent = await mkdtemp(join(tmpdir(), "magnets-presses-"));
let faults = 0;
try {
  const starts = await ways(parent);
  await withWorks(async (works) => {
    for (const way of starts.filter(({ name }) => chosen.includes(name))) {
      for (const [w, work] of works.entries()) {
        let pressed = 0;
        let faulty = 0;
        for (let i = 0; pressed < presses && i < 3 * presses && isTime(); i++) {
          await work.prepare();
          const moment = uniformAt(keyFromSeed(seed), w * 1000 + i);
          const { code, output } = await press(way, work.command(false), work.ms * (0.1 + 0.8 * moment));
          if (code === 0) continue; // it had come to its end: not a press
          pressed++;
          const harm = await harmTo(work);
          if (output.includes("mistake in magnets")) harm.push(output.slice(-600));
          await succeed(work.command(true));
          harm.push(...(await work.differences()));
          for (const line of harm) say(`${way.name}, ${work.name}: ${line}`);
          if (harm.length > 0) faulty++;
        }
        faults += faulty;
        say(`${way.name}, ${work.name}: ${pressed - faulty} of ${pressed} presses came to no harm`);
      }
    }
  }, names);
} finally {
  await rm(parent, { recursive: true, force: true });
}
process.exitCode = faults === 0 ? 0 : 1;
