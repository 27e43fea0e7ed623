/**
 * `npm run faults:fleet`: workers at a queue are killed (-9), cut off for longer than their lease and let
 * go on, and Redis is restarted or killed, at random moments by a seed, while they sample; what comes out must be that of
 * one process, byte for byte but for times, with nothing left in the queue. Needs redis-server. Exit status 1 where
 * something differs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { readQueueStatus } from "../../fleet/queue-status.ts";
import { integerAt, keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { hasRedis, startRedis } from "../../test/fleet/redis-server.ts";

interface FleetFaultOptions {
  readonly seed: number;
  readonly faults: number;
  readonly workers: number;
  readonly count: number;
  readonly minutes: number;
}

const leaseMs = 2000;

const program = new Command("npm run faults:fleet --")
  .option("--seed <n>", "of the moments", wholeNumber(0), 0)
  .option("--faults <n>", "how many in all", wholeNumber(1), 20)
  .option("--workers <n>", "at the queue", wholeNumber(2), 2)
  .option("--count <n>", "images of a round, 16 to a job", wholeNumber(16), 96)
  .option("--minutes <n>", "stop after so many", wholeNumber(1), 10)
  .parse();
const { seed, faults, workers: width, count, minutes } = program.opts<FleetFaultOptions>();
const began = performance.now();
const say = (line: string) =>
  void process.stdout.write(`${((performance.now() - began) / 1000).toFixed(0)} s: ${line}\n`);
if (!hasRedis) throw new Error("redis-server is not there; apt install redis-server");

/** Runs magnets; its words are kept for when something goes wrong. */
function magnets(...args: string[]): { readonly child: ChildProcess; readonly words: () => string } {
  const child = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);
  let words = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (data) => {
      words += data;
    });
  }
  return { child, words: () => words };
}

async function succeed(run: ReturnType<typeof magnets>): Promise<void> {
  const [code] = await once(run.child, "close");
  if (code !== 0) throw new Error(`ended with ${code}: ${run.words()}`);
}

/** Every file of a folder; the record without what no two runs share. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, name));
    const { seconds: _, ...record } = name === "sample.json" ? JSON.parse(bytes.toString()) : {};
    content[name] = name === "sample.json" ? JSON.stringify(record) : bytes.toString("base64");
  }
  return content;
}

const parent = await mkdtemp(join(tmpdir(), "magnets-fleet-faults-"));
const redis = await startRedis();
const workers = new Set<ChildProcess>();
const lastWords: string[] = [];
let failures = 0;
try {
  const sample = ["sample", "models/sprites", "--count", String(count), "--seed", "7", "--tokens", "npy"];
  const alone = join(parent, "alone");
  await succeed(magnets(...sample, "--threads", "1", "--out", alone));
  const right = await contentOf(alone);
  say(`one process made ${count} images`);

  const key = keyFromSeed(seed);
  const startWorker = (store: string): void => {
    const lease = ["--lease", `${leaseMs}ms`, "--threads", "1"];
    const run = magnets("worker", "--queue", redis.url, "--store", store, ...lease);
    workers.add(run.child);
    run.child.on("close", () => {
      workers.delete(run.child);
      lastWords.push(run.words());
    });
  };
  const happened = { killed: 0, "cut off": 0, "Redis restarted": 0, "Redis killed": 0 };
  let done = 0;
  for (let round = 0; done < faults && performance.now() - began < minutes * 60_000; round++) {
    const [store, out] = [join(parent, `store-${round}`), join(parent, `out-${round}`)];
    for (let i = 0; i < width; i++) startWorker(store);
    const asking = magnets(...sample, "--queue", redis.url, "--store", store, "--out", out);
    let isOver = false;
    const over = succeed(asking).finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    while (!isOver && done < faults) {
      await Promise.race([over.catch(() => {}), setTimeout(1000 + 5000 * uniformAt(key, 3 * done))]);
      if (isOver) break;
      const victim = [...workers][integerAt(key, 3 * done + 1, workers.size)]!;
      const kind = integerAt(key, 3 * done + 2, 10);
      done++;
      if (kind < 6) {
        happened.killed++;
        victim.kill("SIGKILL");
        await once(victim, "close");
        startWorker(store);
      } else if (kind < 8) {
        happened["cut off"]++;
        victim.kill("SIGSTOP");
        await setTimeout(2 * leaseMs);
        victim.kill("SIGCONT");
      } else {
        const how = kind === 8 ? "SIGTERM" : "SIGKILL";
        happened[how === "SIGTERM" ? "Redis restarted" : "Redis killed"]++;
        await redis.restart(how, () => setTimeout(500));
      }
    }
    await over;
    for (const worker of workers) worker.kill("SIGTERM");
    while (workers.size > 0) await setTimeout(50);
    const found = await contentOf(out);
    const names = new Set([...Object.keys(found), ...Object.keys(right)]);
    const differing = [...names].filter((name) => found[name] !== right[name]);
    const { jobs } = await readQueueStatus(redis.url);
    const left = jobs.waiting + jobs.active + jobs.retried + jobs.failed;
    const files = (await readdir(store)).filter((name) => !/^[0-9a-f]{32}\.(json|safetensors)$/.test(name));
    for (const name of differing) say(`round ${round}: ${name} differs`);
    if (left > 0) say(`round ${round}: left in the queue: ${JSON.stringify(jobs)}`);
    if (files.length > 0) say(`round ${round}: left in the store: ${files.join(", ")}`);
    failures += differing.length + left + files.length;
    say(`round ${round}: ${done} faults so far, ${differing.length} files differ`);
  }
  const told = Object.entries(happened).map(([what, times]) => `${what} ${times}`);
  say(
    `${done} faults of seed ${seed} (${told.join(", ")}): ${failures === 0 ? "nothing lost, nothing doubled, nothing left" : `${failures} differences`}`,
  );
} finally {
  for (const worker of workers) worker.kill("SIGKILL");
  await redis.stop();
  if (failures > 0) process.stdout.write(lastWords.join("\n---\n"));
  await rm(parent, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
