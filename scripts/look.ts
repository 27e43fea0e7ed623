/**
 * Sheets of samples at several settings, with their border contrast: `tsx scripts/look.ts MODEL OUT COUNT SETTING...`,
 * a setting such as "8x4,4x6,2x6,1x8 choice=1 minP=0.3 guidance=2.25".
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { borderContrast } from "../src/evaluation/picture-metrics.ts";
import { ImagePipeline, pictureSheet } from "../src/index.ts";
import { tokenStride } from "../src/models/tokenizer/config.ts";

const [model, out, count, ...settings] = process.argv.slice(2) as [string, string, string, ...string[]];
mkdirSync(out, { recursive: true });
const pipeline = await ImagePipeline.fromPretrained(model, { threads: Number(process.env.THREADS ?? 2) });
const stride = tokenStride(pipeline.model.tokenizer.config).at(-1)!;
for (const [i, setting] of settings.entries()) {
  const [sizes, ...rest] = setting.split(" ");
  const value = Object.fromEntries(rest.map((pair) => pair.split("="))) as Record<string, string>;
  const steps = sizes!.split(",").reduce((total, part) => total + Number(part.split("x")[1]), 0);
  const plan = {
    sizes,
    steps,
    ...(value.schedule && { maskSchedule: { kind: value.schedule } }),
    ...(value.choice && { choiceTemperature: Number(value.choice) }),
    ...(value.minP && { minP: Number(value.minP) }),
    ...(value.temperature && { tokenTemperature: { kind: "constant", value: Number(value.temperature) } }),
    ...(value.guidance && {
      guidance: {
        ...pipeline.model.plan.guidance,
        scale: Number(value.guidance),
        ...(value.from && { interval: [Number(value.from), 1] as [number, number] }),
        ...(value.un && ({ unconditionalFactor: value.un === "same" ? "same" : value.un } as object)),
      },
    }),
  };
  const began = performance.now();
  const { images } = await pipeline.generate({
    ...{ classes: ["all"], count: Number(count), seed: Number(value.seed ?? 7) },
    plan: plan as never,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${i}  border ${borderContrast(images, stride).toFixed(3)}  ${seconds} s  ${setting}`);
  writeFileSync(join(out, `sheet-${i}.png`), await pictureSheet(images, { columns: 12, gap: 2 }));
}
await pipeline.dispose();
