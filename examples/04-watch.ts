// Watch a decode: after each step, the model's guess at the whole image. One row per image, the first step on the left.
// npx tsx examples/04-watch.ts [model folder]
import { type Image, ImagePipeline, imageSheet, writeFileAtomic } from "../src/index.ts";

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  const steps: Image[][] = [];
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
  const strips = [0, 1, 2].flatMap((image) => steps.map((guesses) => guesses[image]!));
  await writeFileAtomic("out/examples/watch.png", await imageSheet(strips, { columns: steps.length }));
  console.log("one row per image, one column per step: out/examples/watch.png");
} finally {
  await pipeline.dispose();
}
