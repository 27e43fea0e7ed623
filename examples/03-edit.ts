// A part of an image made again: the middle (inpainting), then all but the middle (outpainting).
// npx tsx examples/03-edit.ts [model folder]
import { boxMask, ImagePipeline, imageSheet, writeFileAtomic } from "../src/index.ts";

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  const { images } = await pipeline.generate({ classes: ["cat"], seed: 5 });
  const image = images[0]!;
  const side = pipeline.resolution;
  const middle = { x: side / 4, y: side / 4, width: side / 2, height: side / 2 };

  const inside = boxMask({ width: side, height: side }, middle);
  const outside = boxMask({ width: side, height: side }, middle, true);
  const inpainted = await pipeline.edit({ image, mask: inside, class: "cat", count: 4, seed: 1 });
  const outpainted = await pipeline.edit({ image, mask: outside, class: "cat", count: 4, seed: 1 });

  const rows = [image, ...inpainted.images, image, ...outpainted.images];
  await writeFileAtomic("out/examples/edit.png", await imageSheet(rows, { columns: 5, scale: 2 }));
  console.log("original, then four versions: out/examples/edit.png");
} finally {
  await pipeline.dispose();
}
