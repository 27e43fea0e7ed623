/** `magnets demo video` (`npm start -- video`): videos from the shipped model, one gone on with, and the baseline decode. */

import { relative } from "node:path";
import { program } from "../options/parse.ts";
import { planTable } from "../output/plan-table.ts";
import { raceTable, raceWithBars } from "../output/race.ts";
import { openReport } from "../output/report.ts";
import { writeVideos } from "../output/write-videos.ts";

export interface DemoOptions {
  model?: string;
  seed: number | bigint;
  out: string;
  json?: boolean;
}

/** How many videos are made, of classes spread over the list. */
const count = 8;

/** How many frames of the drawn video are given, of the usual 16. */
const mostGiven = 5;

export async function demoVideo(folder: string, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { ensureWritableFolder, filledIn, modelPlanCost, sideBySide, VideoPipeline } = await import(
    "../../src/index.ts"
  );
  const { openSource } = await import("../../src/train.ts");
  await ensureWritableFolder(options.out);
  const pipeline = await VideoPipeline.fromPretrained(folder);
  try {
    const { model, frames, resolution } = pipeline;
    const names = model.classNames;
    // The stride shares no factor with the number of motions, so that things and motions both vary.
    const classes = Array.from({ length: count }, (_, i) => names[(i * 9) % names.length] ?? "none");
    const request = { classes, count, seed: options.seed, signal };
    const both = await raceWithBars((run) => pipeline.generate({ ...request, ...run }), {
      steps: model.plan.steps,
      series: 1,
    });
    const { nested, baseline } = both;

    const given = Math.min(mostGiven, frames - 1);
    const drawn = await openSource({ source: "motions", seed: 1_000_003, resolution, frames });
    const video = (await drawn.read(Number(BigInt(options.seed) % 1000n))) as Parameters<typeof filledIn>[0];
    const predicted = await pipeline.predict({ videos: [video], given, seed: options.seed, signal });
    const comparison = sideBySide([filledIn(video, { task: "predict", given }), predicted.videos[0]!, video]);
    const written = await writeVideos(
      nested,
      pipeline,
      { out: options.out, format: "webp", fps: 8 },
      report,
      signal,
      { extra: [{ name: "predicted", video: comparison }] },
    );
    report.say(`\n${count} videos that move: ${written.sheet}; their frames: ${written.strip}`);
    report.say(
      `${given} frames given | the other ${frames - given} predicted | what really came: ${written.extra[0]}`,
    );
    report.say("\nThe plan, step by step:\n");
    report.say(planTable(modelPlanCost(model.transformer.config, model.plan)));
    report.say(`\nMeasured just now, ${count} videos each, from the same seed:\n`);
    report.say(raceTable(both));
    const name = options.model ?? relative(process.cwd(), folder);
    report.say("\nTry next:");
    report.say(`  ${program} sample ${name} --class "${names[1] ?? "none"}" --count 4 --format gif`);
    report.say(`  ${program} predict ${name} --video ${written.videos[0]} --given ${given} --count 3`);
    report.say(`  ${program} interpolate ${name} --video ${written.videos[0]}`);
    report.finish({ ...written, baselineSeconds: baseline.stats.seconds });
  } finally {
    await pipeline.dispose();
  }
}
