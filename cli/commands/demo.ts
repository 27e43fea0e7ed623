/** `magnets demo` (`npm start`): a shipped model, its plan, and the baseline decode beside it. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { finishCommand, program, seed } from "../options/parse.ts";
import { planTable } from "../output/plan-table.ts";
import { raceTable, raceWithBars } from "../output/race.ts";
import { openReport } from "../output/report.ts";
import { writeGenerated } from "../output/write-images.ts";
import type { DemoOptions } from "./demo-video.ts";

export function addDemoCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("demo")
    .description(
      "images or videos from a shipped model, with the baseline decode's cost and time beside the plan's",
    )
    .addArgument(new Argument("[what]", "what to make").choices(["images", "video"]).default("images"))
    .option("--model <folder>", "another model folder (default: the shipped one)")
    .option("--seed <n>", "0..2^64-1", seed, 7)
    .option("--out <folder>", "for what is made", "out/demo");
  finishCommand(command, "demo --seed 3", "demo video").action(
    async (what: "images" | "video", options: DemoOptions) => {
      const folder = options.model ?? (await shippedModel(what === "video" ? "motions" : "sprites"));
      if (what === "images") return demo(folder, options, signal);
      const { demoVideo } = await import("./demo-video.ts");
      return demoVideo(folder, options, signal);
    },
  );
}

async function demo(folder: string, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { ensureWritableFolder, ImagePipeline, modelPlanCost } = await import("../../src/index.ts");
  await ensureWritableFolder(options.out);
  const pipeline = await ImagePipeline.fromPretrained(folder);
  try {
    const { model } = pipeline;
    const { classNames } = model;
    // Whole turns of the classes, 16 to 24 images where the classes are that few.
    const turn = Math.max(1, classNames.length);
    const count = Math.min(24, Math.ceil(16 / turn) * turn);
    const request = {
      classes: classNames.length > 0 ? ["all"] : null,
      count,
      seed: options.seed,
      signal,
    };
    const both = await raceWithBars((run) => pipeline.generate({ ...request, ...run }), {
      steps: model.plan.steps,
      series: Math.ceil(count / 16),
    });
    const { nested, baseline } = both;

    const written = await writeGenerated(nested, pipeline, { ...options, folder }, report, signal);
    report.say(`\n${count} images: ${written.sheet}\n\nThe plan, step by step:\n`);
    report.say(planTable(modelPlanCost(model.transformer.config, model.plan)));
    report.say(`\nMeasured just now, ${count} images each, from the same seed:\n`);
    report.say(raceTable(both));
    report.say(
      "(The baseline decode timed here skips the logits of decided tokens; the count above includes them.)",
    );

    const name = options.model ?? relative(process.cwd(), folder);
    const one = classNames.includes("cat") ? "cat" : classNames[0];
    const wanted = one === undefined ? "" : ` --class ${one}`;
    const quarter = pipeline.resolution / 4;
    const box = [quarter, quarter, 2 * quarter, 2 * quarter].map(Math.floor).join(",");
    report.say("\nTry next:");
    report.say(`  ${program} sample ${name}${wanted} --count 16 --seed 1`);
    report.say(`  ${program} edit ${name} --image ${written.images[0]} --box ${box}${wanted}`);
    report.say(`  ${program} plan ${name} --model-schedule 1x12`);
    report.say(`  ${program} --help`);
    report.finish({
      ...written,
      baselineSeconds: baseline.stats.seconds,
      baselineMultiplyAddsRun: baseline.stats.multiplyAdds,
    });
  } finally {
    await pipeline.dispose();
  }
}

/**
 * The model beside the package's sources, or beside its build.
 *
 * @throws InputError when this copy has none
 */
async function shippedModel(name: "sprites" | "motions"): Promise<string> {
  const places = [`../../models/${name}`, `../../../models/${name}`];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = paths.find((path) => existsSync(join(path, "model_index.json")));
  if (found) return found;
  const { InputError } = await import("../../src/index.ts");
  throw new InputError(
    `demo: this copy has no models/${name}; make it with: train configs/${name}.yaml, or name another model ` +
      "folder with --model",
  );
}
