/** `magnets studio`: models in a page of this machine's browser, trainings as they go on, or a folder for any host. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { finishCommand, wholeNumber } from "../options/parse.ts";
import type { Stop } from "../options/stop.ts";
import { openReport } from "../output/report.ts";

interface StudioOptions {
  port: number;
  host: string;
  open: boolean;
  out?: string;
  json?: boolean;
}

export function addStudioCommand(program: Command, stop: Stop): void {
  const command = program
    .command("studio")
    .description("models in your browser, seen while they decode; or trainings, seen while they go on")
    .argument(
      "[folders...]",
      "models, trainings (the --out of train), or folders of such (default: the shipped models)",
    )
    .addOption(
      new Option(
        "--port <n>",
        "0: any that is free, which is then told; what the browser keeps belongs to one port",
      )
        .argParser(wholeNumber(0, 65_535))
        .default(8321)
        .env("MAGNETS_STUDIO_PORT"),
    )
    .option(
      "--host <address>",
      "127.0.0.1 is for this machine alone; 0.0.0.0 for every network it is in, by plain http, where a " +
        "browser allows neither threads nor storage",
      "127.0.0.1",
    )
    .option("--no-open", "only tell the address; a browser is opened where a person sits at a terminal")
    .option("--out <folder>", "serve nothing; write the studio and the models as files for any web host");
  finishCommand(
    command,
    "studio",
    "studio runs/",
    "studio models/sprites --port 9000 --no-open",
    "studio models/sprites --out site",
  ).action((folders: string[], options: StudioOptions) => studio(folders, options, stop));
}

async function studio(folders: string[], options: StudioOptions, stop: Stop): Promise<void> {
  const { signal } = stop;
  const report = openReport(options);
  const { startStudio, writeStudio } = await import("../../studio/serve/index.ts");
  const given = folders.length > 0 ? folders : [shippedModels()];
  if (options.out !== undefined) {
    const { models, refused } = await writeStudio({ folders: given, out: options.out, signal });
    for (const reason of refused) report.say(`left out: ${reason}`);
    const names = models.map(({ listed }) => listed.name);
    report.say(`${options.out}: the studio with ${names.join(", ")}; any web host can serve this folder`);
    report.finish({ out: options.out, models: names });
    return;
  }
  stop.endsAtOnce();
  const { port, host } = options;
  const running = await startStudio({
    ...{ folders: given, port, host },
    onError: (error) =>
      process.stderr.write(`magnets: ${error instanceof Error ? error.stack : String(error)}\n`),
  });
  const { models, runs, refused } = running.found;
  const names = { models: models.map(({ listed }) => listed.name), runs: runs.map(({ name }) => name) };
  for (const reason of refused) report.say(`left out: ${reason}`);
  if (names.models.length > 0) report.say(`models: ${names.models.join(", ")}`);
  if (names.runs.length > 0) report.say(`trainings: ${names.runs.join(", ")}`);
  report.say(`the studio is at ${running.url} (Ctrl-C stops)`);
  report.finish({ url: running.url, port: running.port, ...names });
  if (options.open && report.isTerminal) {
    const { default: open } = await import("open");
    await open(running.url).catch(() => {}); // the address is told
  }
  if (!signal.aborted)
    await new Promise((stopped) => signal.addEventListener("abort", stopped, { once: true }));
  await running.stop();
}

/** The models beside the package's sources, or beside its build. */
function shippedModels(): string {
  const places = ["../../models", "../../../models"].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  return places.find((path) => existsSync(path)) ?? "models";
}
