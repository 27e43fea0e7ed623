/** `magnets fleet`: what a queue's workers are at, and what failed for good. */
import { type Command, Option } from "commander";
import { queueOption } from "../options/fleet-options.ts";
import { finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { table } from "../output/table.ts";

interface FleetCommandOptions {
  queue: string;
  retry?: boolean;
  forget?: boolean;
  metrics?: boolean;
  json?: boolean;
}

export function addFleetCommand(program: Command): void {
  const command = program
    .command("fleet")
    .description("show the jobs and workers of a queue, and the jobs that failed for good, with the reason")
    .addOption(queueOption().makeOptionMandatory())
    .addOption(new Option("--retry", "put the jobs that failed back into the queue").conflicts("forget"))
    .option("--forget", "empty the list of jobs that failed")
    .addOption(
      new Option("--metrics", "print the counts in Prometheus's text format").conflicts([
        "retry",
        "forget",
        "json",
      ]),
    );
  finishCommand(
    command,
    "fleet --queue redis://10.0.0.1:6379",
    "fleet --queue redis://10.0.0.1:6379 --retry",
  ).action(run);
}

async function run({ queue, retry, forget, metrics, ...options }: FleetCommandOptions): Promise<void> {
  const report = openReport(options);
  const { forgetFailed, queueMetrics, readQueueStatus, retryFailed } = await import(
    "../../fleet/queue-status.ts"
  );
  if (metrics) return void process.stdout.write(await queueMetrics(queue));
  if (retry) report.say(`put back into the queue: ${await retryFailed(queue)}\n`);
  if (forget) report.say(`forgotten: ${await forgetFailed(queue)}\n`);
  const status = await readQueueStatus(queue);
  const { waiting, active, retried, done, failed } = status.jobs;
  report.say(
    table(
      ["jobs at", "waiting", "active", "tried again", "done in a day", "failed"],
      [[status.queue, waiting, active, retried, done, failed]],
    ),
  );
  report.say(`\n${status.workers.length} workers${status.workers.map((name) => ` ${name}`).join("")}`);
  for (const dead of status.failed) {
    report.say(`\nfailed after ${dead.attempts} tries: ${dead.job}\n  ${dead.reason}`);
  }
  report.finish({ ...status });
}
