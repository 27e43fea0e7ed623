/** `magnets worker`: does the work that sample, evaluate, serve and train share over a queue. */
import { type Command, Option } from "commander";
import { queueOption, storeOption } from "../options/fleet-options.ts";
import { addThreadsOption } from "../options/machine-options.ts";
import { duration, finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";

interface WorkerCommandOptions {
  queue: string;
  store: string;
  /** Milliseconds. */
  lease: number;
  threads?: number;
  json?: boolean;
}

export function addWorkerCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("worker")
    .description("do the work that sample, evaluate, serve and train share over a queue, until Ctrl-C")
    .addOption(queueOption().makeOptionMandatory())
    .addOption(storeOption().makeOptionMandatory())
    .addOption(
      new Option(
        "--lease <time>",
        "a worker not heard of for so long is taken for lost; its job goes to another",
      )
        .argParser(duration)
        .default(30_000, "30s"),
    );
  finishCommand(
    addThreadsOption(command),
    "worker --queue redis://10.0.0.1:6379 --store /mnt/shared/results",
    "worker --queue redis://10.0.0.1:6379 --store s3://bucket/results --threads 8",
  ).action((options: WorkerCommandOptions) => run(options, signal));
}

async function run({ lease, ...options }: WorkerCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { runQueueWorker } = await import("../../fleet/queue-worker.ts");
  const { queue, store, threads } = options;
  const did = await runQueueWorker({ queue, store, threads, leaseMs: lease, signal, onNotice: report.say });
  report.say(`worker ${did.worker} ends: ${did.done} jobs done, ${did.failed} failed`);
  report.finish({ ...did });
  signal.throwIfAborted();
}
