/** One press of Ctrl-C and two, as a process that stands still gets them. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";

/** Says when it answers signals, when it was told to stop and by what; then it goes on for ever. */
const program = `
  import { openStop } from "./cli/options/stop.ts";
  const stop = openStop();
  stop.signal.addEventListener("abort", () => console.log("stopped by " + stop.by()));
  setInterval(() => {}, 1000);
  console.log("ready");`;

let child: ChildProcess;
afterEach(() => {
  child.kill("SIGKILL");
});

async function start() {
  child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program]);
  const told = { out: "", err: "" };
  child.stdout!.on("data", (data) => {
    told.out += data;
  });
  child.stderr!.on("data", (data) => {
    told.err += data;
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on("close", (_code, signal) => resolve(signal));
  });
  const hears = (text: string) => expect.poll(() => told.out, { timeout: 30_000 }).toContain(text);
  await hears("ready");
  return { told, ended, hears };
}

it("one press that comes several times is one; another press ends the program", async () => {
  const { told, ended, hears } = await start();
  child.kill("SIGINT");
  await hears("stopped by SIGINT");
  for (let again = 0; again < 3; again++) {
    await wait(30);
    child.kill("SIGINT");
  }
  await wait(1200);
  expect(child.exitCode ?? child.signalCode).toBeNull();
  expect(told.err.match(/stopping at the next safe point/g)).toHaveLength(1);
  child.kill("SIGINT");
  expect(await ended).toBe("SIGINT");
});

it("SIGTERM stops as Ctrl-C does, and either ends what the other stopped", async () => {
  const { ended, hears } = await start();
  child.kill("SIGTERM");
  await hears("stopped by SIGTERM");
  await wait(1200);
  child.kill("SIGINT");
  expect(await ended).toBe("SIGINT");
});

it("npm runs the program itself, not tsx: that one kills it (-9) where it answers a press only after 60 ms", async () => {
  const { scripts } = JSON.parse(await readFile("package.json", "utf8"));
  for (const name of ["start", "magnets", "bench", "faults"])
    expect(scripts[name]).toMatch(/^node --import tsx /);
});
