// From a model folder to a PNG: one image of each class.
// npx tsx examples/01-sample.ts [model folder]
import { ImagePipeline, imageSheet, writeFileAtomic } from "../src/index.ts";

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  const { images, stats } = await pipeline.generate({ classes: ["all"], count: 12, seed: 7 });
  const labels = images.map(({ classId }) => (classId === null ? "" : pipeline.model.classNames[classId]!));
  await writeFileAtomic("out/examples/sample.png", await imageSheet(images, { scale: 2, labels }));
  const billions = (stats.multiplyAdds / 1e9).toFixed(2);
  console.log(`${images.length} images, ${billions} G multiply-adds: out/examples/sample.png`);
} finally {
  await pipeline.dispose();
}
