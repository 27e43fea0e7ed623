/** A worker process of this machine's fleet: does the jobs that its parent sends, and ends with it. */
import type { FromWorker, ToWorker } from "./local-workers.ts";
import { openStore } from "./open-store.ts";
import { openJobRunner } from "./run-job.ts";

const [place, threads] = process.argv.slice(2) as [string, string];
const runner = openJobRunner(await openStore(place), { threads: Number(threads) });
let stop = new AbortController();

// The terminal gives a Ctrl-C to every process of the command; the parent decides what becomes of the job.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
process.on("disconnect", () => process.exit(0));
process.on("message", async (message: ToWorker) => {
  if ("stop" in message) return stop.abort();
  stop = new AbortController();
  process.send!(await answerTo(message.job, stop.signal));
});

async function answerTo(job: Parameters<typeof runner.run>[0], signal: AbortSignal): Promise<FromWorker> {
  const worker = runner.name;
  try {
    await runner.run(job, { signal });
    return { worker, isDone: true };
  } catch (error) {
    const isInput = error instanceof Error && error.name === "InputError";
    const reason = isInput || !(error instanceof Error) ? String((error as Error).message) : error.stack!;
    return { worker, isDone: false, reason, isInput };
  }
}
