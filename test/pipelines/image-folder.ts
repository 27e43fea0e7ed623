/** Image folders for tests: a colour for each class, with a little noise, as 20 x 16 PNG files. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { integerAt } from "../../src/core/random.ts";

const colours = [
  [220, 40, 40],
  [40, 200, 60],
  [50, 60, 220],
] as const;

/** @param classes  names of class folders; none: images directly in the folder */
export async function writeImages(folder: string, classes: readonly string[], each: number): Promise<void> {
  const places = classes.length > 0 ? classes.map((name) => join(folder, name)) : [folder];
  for (const [c, place] of places.entries()) {
    await mkdir(place, { recursive: true });
    for (let i = 0; i < each; i++) {
      const pixels = Uint8Array.from({ length: 20 * 16 * 3 }, (_, at) =>
        Math.max(0, Math.min(255, colours[c]![at % 3]! + integerAt([c, i], at, 31) - 15)),
      );
      const png = sharp(pixels, { raw: { width: 20, height: 16, channels: 3 } }).png();
      await writeFile(join(place, `${i}.png`), await png.toBuffer());
    }
  }
}

/** A training configuration that takes seconds, on such a folder; plain data, as a file would hold. */
export function toyTraining(source: string, steps: { tokenizer: number; transformer: number }) {
  const training = { batchSize: 4, learningRate: 0.01, warmupSteps: 3, checkpointEvery: 1000, logEvery: 5 };
  return {
    name: "toy",
    data: { source, resolution: 16 },
    tokenizer: {
      model: {
        patchSize: 4,
        channels: 8,
        multipliers: [1],
        residualBlocks: 1,
        groups: 2,
        latentWidth: 48,
        pixelShortcut: true,
        quantizer: { kind: "vq", codebookSize: 16 },
      },
      training: { ...training, steps: steps.tokenizer },
    },
    transformer: {
      model: { width: 16, depth: 1, heads: 4, factors: [1, 2] },
      training: { ...training, steps: steps.transformer },
    },
    decoding: { steps: 4, modelSchedule: "2x2,1x2", guidance: { scale: 1 } },
  };
}
