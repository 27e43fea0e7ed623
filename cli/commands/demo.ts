/** `magnets demo` (`npm start`): the shipped model, its plan, and the flat decode beside it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { finishCommand, seed } from "../options.ts";
import { planTable } from "../plan-table.ts";
import { openReport } from "../report.ts";
import { short, table } from "../table.ts";
import { writeGenerated } from "../write-pictures.ts";

export function addDemoCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("demo")
    .description("pictures from the shipped model, with the flat decode's cost and time beside the plan's")
    .option("--seed <n>", "0..2^64-1", seed, 7)
    .option("--out <folder>", "for the pictures", "out/demo");
  finishCommand(command, "demo --seed 3").action((options: DemoOptions) => demo(options, signal));
}

interface DemoOptions {
  seed: number | bigint;
  out: string;
  json?: boolean;
}

async function demo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { ensureWritableFolder, ImagePipeline, imagePlanCost } = await import("../../src/index.ts");
  const { startProgress } = await import("../progress.ts");
  await ensureWritableFolder(options.out);
  const pipeline = await ImagePipeline.fromPretrained(shippedModel());
  try {
    const { model } = pipeline;
    const turn = Math.max(1, model.classNames.length);
    const count = Math.ceil(16 / turn) * turn;
    const request = {
      classes: model.classNames.length > 0 ? ["all"] : null,
      count,
      seed: options.seed,
      signal,
    };
    const run = async (label: string, plan: Parameters<typeof pipeline.generate>[0] = {}) => {
      const progress = startProgress(label, model.plan.steps * Math.ceil(count / 16));
      try {
        return await pipeline.generate({
          ...request,
          ...plan,
          onStep: ({ step, factor }) => progress.update(step, { model: `1/${factor}` }),
        });
      } finally {
        progress.stop();
      }
    };
    await pipeline.generate({ ...request, count: 1 }); // compiles, so that both clocks start warm
    const nested = await run("nested");
    const flat = await run("flat  ", { plan: { sizes: `1x${model.plan.steps}`, cache: { enabled: false } } });

    const written = await writeGenerated(nested, pipeline, options, report, signal);
    report.say();
    report.say(planTable(imagePlanCost(model.transformer.config, model.plan)));
    report.say();
    report.say(
      table(
        ["decode", "multiply-adds", "seconds"],
        [nested, flat].map(({ stats }, i) => [
          i === 0 ? "nested, cached" : "flat, full size",
          short(stats.multiplyAdds),
          Number(stats.seconds.toFixed(2)),
        ]),
      ),
    );
    report.say(`\n${count} pictures: ${written.sheet}`);
    report.say("\nTry next:");
    report.say("  npm run magnets -- sample models/sprites --class cat --count 16 --seed 1");
    report.say(`  npm run magnets -- edit models/sprites --image ${written.images[0]} --box 16,16,32,32`);
    report.say("  npm run magnets -- --help");
    report.finish({ ...written, secondsFlat: flat.stats.seconds });
  } finally {
    await pipeline.dispose();
  }
}

/** The model beside the package's sources, or beside its build. */
function shippedModel(): string {
  const places = ["../../models/sprites", "../../../models/sprites"];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}
