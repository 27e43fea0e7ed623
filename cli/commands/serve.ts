/** `magnets serve`: models behind HTTP, for the OpenAI client, curl, or anything else that speaks JSON. */
import { type Command, Option } from "commander";
import type { FleetDecoder } from "../../fleet/decode.ts";
import { addFleetOptions, type FleetFlags, fleetOptionsOf, sharesWork } from "../options/fleet-options.ts";
import { addComputeOptions, type ComputeOptions, computingOf } from "../options/machine-options.ts";
import { byteCount, duration, finishCommand, wholeNumber } from "../options/parse.ts";
import { openReport } from "../output/report.ts";

interface ServeOptions extends ComputeOptions, FleetFlags {
  port: number;
  host: string;
  apiKeyFile?: string;
  batch: number;
  waiting: number;
  gather: number;
  memory?: number;
  maxUpload: number;
  grace: number;
  log: boolean;
  logRequests?: boolean;
  json?: boolean;
}

export function addServeCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("serve")
    .description(
      "answer requests over HTTP, in the form of OpenAI's image API; requests of many decode together",
    )
    .argument(
      "<models...>",
      "model folders, called by their folder's name; of images and of videos the first one is the default",
    )
    .addOption(
      new Option("--port <n>", "0: any that is free, which is then told")
        .argParser(wholeNumber(0, 65_535))
        .default(8080)
        .env("MAGNETS_PORT"),
    )
    .addOption(
      new Option(
        "--host <address>",
        "127.0.0.1 is for this machine alone; 0.0.0.0 for every network it is in",
      )
        .default("127.0.0.1")
        .env("MAGNETS_HOST"),
    )
    .addOption(
      new Option("--api-key-file <file>", "keys, one a line, of which every request must bring one").env(
        "MAGNETS_API_KEY_FILE",
      ),
    )
    .option(
      "--batch <n>",
      "the most images decoded together; changes speed, never an image",
      wholeNumber(1, 64),
      16,
    )
    .option(
      "--waiting <n>",
      "the most images that may wait or be decoded; beyond it, 429, and 400 for a request of more",
      wholeNumber(1, 65_536),
      256,
    )
    .addOption(
      new Option("--gather <time>", "how long a batch waits for images that come at the same time")
        .argParser(duration)
        .default(5, "5ms"),
    )
    .option(
      "--memory <size>",
      "what loaded models may take together; the least recently used makes room (default: no limit)",
      byteCount,
    )
    .addOption(
      new Option("--max-upload <size>", "of an image or video that is sent to be edited or gone on with")
        .argParser(byteCount)
        .default(2 ** 24, "16MiB"),
    )
    .addOption(
      new Option(
        "--grace <time>",
        "on SIGTERM or Ctrl-C: how long requests that are there may take; the rest is told that it is cut off",
      )
        .argParser(duration)
        .default(30_000, "30s"),
    )
    .option("--no-log", "write no line of JSON for every request to standard error")
    .option("--log-requests", "log what was asked too, not only sizes and times");
  addFleetOptions(command);
  addComputeOptions(command);
  finishCommand(
    command,
    "serve models/sprites models/motions",
    "serve models/sprites --host 0.0.0.0 --api-key-file keys.txt --memory 2GiB",
    "serve models/sprites --queue redis://127.0.0.1:6379 --store /srv/results",
  ).action((models: string[], options: ServeOptions) => serve(models, options, signal));
}

async function serve(models: string[], options: ServeOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { startServer } = await import("../../server/index.ts");
  const { device, threads, precision } = computingOf(options);
  const { port, host, apiKeyFile, batch, waiting, gather, memory, maxUpload } = options;
  // A log that cannot be written, on a full disk or to a reader that left, must not end the service.
  process.stderr.on("error", () => {});
  const decoder = sharesWork(options) ? await openDecoder(models, options) : undefined;
  const server = await startServer({
    ...{ models, port, host, apiKeyFile, batch, waiting, memory, device, threads, precision },
    elsewhere: decoder,
    gatherMs: gather,
    mostUploadBytes: maxUpload,
    logsRequests: options.logRequests,
    ...(options.log && { log: (line: string) => process.stderr.write(`${line}\n`) }),
  }).catch(async (error) => {
    await decoder?.close();
    throw error;
  });
  const isLocal = /^(127\.|localhost$|::1$)/.test(host);
  if (!isLocal && apiKeyFile === undefined) {
    process.stderr.write(
      "magnets: warning: other machines reach this server, and --api-key-file is not given\n",
    );
  }
  const others = models.length > 1 ? "; models but the first are loaded when they are first asked for" : "";
  report.say(`serving at ${server.url} (${server.url}/openapi.json says what; Ctrl-C stops${others})`);
  report.finish({ url: server.url, port: server.port });
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await server.stop(options.grace);
  await decoder?.close();
}

/** Workers that decode for the server. */
async function openDecoder(models: readonly string[], options: ServeOptions): Promise<FleetDecoder> {
  const { openFleet } = await import("../../fleet/open-fleet.ts");
  const { openFleetDecoder } = await import("../../fleet/decode.ts");
  const { device, precision } = options;
  const say = (notice: string) => void process.stderr.write(`magnets: ${notice}\n`);
  const fleet = await openFleet(fleetOptionsOf(options, say));
  try {
    const decoder = await openFleetDecoder(fleet, models, { device, precision });
    // Processes of this machine are there when it serves; those of others may come later.
    if (options.workers !== undefined) await decoder.warmUp(models[0]!);
    return decoder;
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
