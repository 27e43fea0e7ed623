/**
 * `npm run faults:disk`: what becomes of work whose disk is full, at every single write. The same tiny works as in kills.ts run with a disk that
 * is full from write k on, for each k: each must end with status 2 and one sentence that says so. Then there is space
 * again, the work goes on, and every file must be that of an undisturbed run. Exit status 1 where it is otherwise.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { magnets, succeed, type Work, withWorks } from "./works.ts";

const program = new Command("npm run faults:disk --")
  .option("--from <n>", "the first write, counted from 1", wholeNumber(1), 1)
  .option("--every <n>", "only every nth write", wholeNumber(1), 1)
  .option("--minutes <n>", "stop after so many", wholeNumber(1), 30)
  .option("--works <name,...>", "of these alone; default all", (text) => text.split(","))
  .parse();
const {
  from,
  every,
  minutes,
  works: names,
} = program.opts<{ from: number; every: number; minutes: number; works?: string[] }>();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const began = performance.now();
const isTime = () => performance.now() - began < minutes * 60_000;
const preload = ["./bench/faults/full-disk-hook.ts"];
const folder = await mkdtemp(join(tmpdir(), "magnets-disk-"));
const faults: string[] = [];

/** How many writes the work makes. */
async function writesOf(work: Work): Promise<number> {
  const report = join(folder, "writes");
  await work.prepare();
  const ended = await magnets(work.command(false), { preload, env: { MAGNETS_WRITES_TO: report } });
  if (ended.code !== 0) throw new Error(`${work.name}: ended with ${ended.code}: ${ended.output}`);
  return Number(await readFile(report, "utf8"));
}

/** What is wrong with how it came through a disk that is full from write `at` on. */
async function faultsAt(work: Work, at: number): Promise<string[]> {
  await work.prepare();
  const ended = await magnets(work.command(false), { preload, env: { MAGNETS_DISK_FULL_AT: String(at) } });
  const found: string[] = [];
  const told = ended.output.split("\n").filter((line) => line.startsWith("magnets: "));
  if (ended.code !== 2 || told.length !== 1 || !told[0]!.includes("disk is full")) {
    found.push(`ended with ${ended.signal ?? ended.code}: ${ended.output.slice(-600)}`);
  }
  // What could not be begun is begun anew.
  await succeed(work.command(true));
  return [...found, ...(await work.differences())];
}

try {
  await withWorks(async (works) => {
    for (const work of works) {
      const writes = await writesOf(work);
      let tried = 0;
      for (let at = from; at <= writes && isTime(); at += every, tried++) {
        for (const fault of await faultsAt(work, at)) {
          faults.push(fault);
          say(`${work.name}, full from write ${at} on: ${fault}`);
        }
      }
      say(`${work.name}: the disk full at ${tried} of ${writes} writes`);
    }
  }, names);
} finally {
  await rm(folder, { recursive: true, force: true });
}
say(
  faults.length === 0 ? "each was refused in one sentence, and went on unharmed" : `${faults.length} faults`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
