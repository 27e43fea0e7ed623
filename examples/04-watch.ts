// The decode step by step: after each, the model's guess at the whole picture. One row per picture, first step left.
// npx tsx examples/04-watch.ts [model folder]
import { ImagePipeline, type Picture, pictureSheet, writeFileAtomic } from "../src/index.ts";

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  const steps: Picture[][] = [];
  await pipeline.generate({
    classes: ["all"],
    count: 3,
    seed: 11,
    onStep: async ({ step, total, factor, multiplyAdds, preview }) => {
      console.log(
        `step ${step}/${total}, 1/${factor} of the model, ${(multiplyAdds / 1e9).toFixed(3)} G so far`,
      );
      steps.push(await preview());
    },
  });
  const strips = [0, 1, 2].flatMap((picture) => steps.map((guesses) => guesses[picture]!));
  await writeFileAtomic("out/examples/watch.png", await pictureSheet(strips, { columns: steps.length }));
} finally {
  await pipeline.dispose();
}
