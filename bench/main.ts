/**
 * `npm run bench -- NAME`: each bench answers one question by medians within one run. A table for people (on standard
 * error under `--json`), and as the very last line of standard output one JSON object.
 */
import { Argument, Command, Option } from "commander";
import { decimalNumber, wholeNumber } from "../cli/options/parse.ts";
import { toJson } from "../cli/output/report.ts";
import { InputError } from "../src/core/errors.ts";
import { devicesIn } from "../src/runtime/device.ts";
import type { Bench, BenchRequest } from "./bench.ts";
import { circumstances } from "./circumstances.ts";

const benches: Record<string, () => Promise<Bench>> = {
  decode: async () => (await import("./decode.ts")).benchDecoding,
  train: async () => (await import("./train.ts")).benchTraining,
  joint: async () => (await import("./joint.ts")).benchJointTraining,
  peer: async () => (await import("./peer.ts")).benchPeer,
  scaling: async () => (await import("./scaling.ts")).benchScaling,
  memory: async () => (await import("./memory.ts")).benchMemory,
  deadline: async () => (await import("./deadline.ts")).benchDeadlines,
  start: async () => (await import("./start.ts")).benchStart,
  studio: async () => (await import("./studio.ts")).benchStudio,
  gpu: async () => (await import("./gpu.ts")).benchGpu,
  serve: async () => (await import("./serve.ts")).benchServer,
};

interface BenchOptions
  extends Pick<BenchRequest, "size" | "axis" | "device" | "precision" | "minutes" | "threads" | "count"> {
  quick?: boolean;
  compile?: boolean;
  json?: boolean;
}

const program = new Command("npm run bench --")
  .addArgument(new Argument("<name>", "what to measure").choices(Object.keys(benches)))
  .option(
    "--size <name>",
    "decode: small, scenes, base, large or video; default all of them; peer: small or base; train: small, base or large",
  )
  .option("--axis <name>", "scaling: batch, tokens, depth or steps; default all of them")
  .addOption(
    new Option("--device <name>", "decode, train, peer: where to compute").choices(devicesIn("node")),
  )
  .addOption(
    new Option("--precision <name>", "decode: int8 measures the scheduled decode in integers too").choices([
      "fp32",
      "int8",
    ]),
  )
  .option(
    "--minutes <n>",
    "serve: how long memory is watched (default: 10); gpu: how long it may take (default: 3); joint: of each training (default: 4)",
    decimalNumber(0, true),
  )
  .option("--compile", "train, on a card: PyTorch compiled too, which takes minutes")
  .option(
    "--count <n>",
    "serve: answers to 64 clients by a quick plan (default: 10000); joint: training seeds (default: 3)",
    wholeNumber(1),
  )
  .option(
    "--threads <n>",
    "serve: CPU threads (default: 2); joint: CPU threads (default: all cores)",
    wholeNumber(1),
  )
  .option("--quick", "small and measured once: to see that it runs, not for figures")
  .option("--json", "tables on standard error, so that standard output holds the JSON line alone")
  .addHelpText("after", "\nExample:\n  npm run bench -- decode --size base")
  .action(async (name: string, options: BenchOptions) => {
    const { size, axis, device, precision, minutes, threads, count } = options;
    const stream = options.json ? process.stderr : process.stdout;
    const isQuick = options.quick ?? false;
    const bench = await benches[name]!();
    const say = (line = "") => void stream.write(`${line}\n`);
    const given = {
      ...(size && { size }),
      ...(axis && { axis }),
      ...(device && { device }),
      ...(precision && { precision }),
      ...(minutes && { minutes }),
      ...(threads && { threads }),
      ...(count && { count }),
    };
    const isCompiled = options.compile ?? false;
    const figures = await bench({ say, isQuick, isCompiled, ...given });
    process.stdout.write(`${toJson({ bench: name, isQuick, ...figures, ...circumstances() })}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  program.error(`bench: ${error.message}`, { exitCode: 2 });
}
