import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { isRunning } from "../../../src/core/node/running.ts";

const hour = 3600 * 1000;
const ago = (ms: number) => new Date(Date.now() - ms);

it("tells a process that runs from one that ended", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  expect(isRunning(child.pid!, new Date())).toBe(true);
  child.kill("SIGKILL");
  await once(child, "close");
  expect(isRunning(child.pid!, new Date())).toBe(false);
});

it("tells this process from one that had its id before", () => {
  expect(isRunning(process.pid, new Date())).toBe(true);
  expect(isRunning(process.pid, ago(process.uptime() * 1000 + 60_000))).toBe(false);
});

it.runIf(process.platform === "linux")("tells another process from one that had its id before", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  expect(isRunning(child.pid!, ago(hour))).toBe(false);
  child.kill("SIGKILL");
  await once(child, "close");
});

it.runIf(process.platform === "linux")("one that ended and was not waited for does not run", async () => {
  // The shell becomes a program that does not wait for the shell's child, long before that ends.
  const child = spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 60"]);
  const [told] = (await once(child.stdout, "data")) as [Buffer];
  await expect.poll(() => isRunning(Number(told), new Date()), { timeout: 30_000 }).toBe(false);
  expect(() => process.kill(Number(told), 0)).not.toThrow(); // its id is still taken
  child.kill("SIGKILL");
  await once(child, "close");
});
