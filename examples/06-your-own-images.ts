// A model of one's own images from another model: here two steps on twelve drawn discs and stripes, which is no training yet.
// npx tsx examples/06-your-own-images.ts [model folder]
import { ImagePipeline, imageSheet, writeFileAtomic } from "../src/index.ts";
import { configFromModel, trainModel } from "../src/train.ts";

const model = process.argv[2] ?? "models/sprites";
const side = 64;
const isInside = {
  discs: (x: number, y: number, i: number) => Math.hypot(x - 32, y - 32) < 12 + 3 * i,
  stripes: (x: number, y: number, i: number) => (x + y) % (8 + 4 * i) < 4 + 2 * i,
};

// One folder per class, as the command line takes it: magnets train --from models/sprites --data out/examples/own
for (const [name, isInk] of Object.entries(isInside)) {
  for (let i = 0; i < 6; i++) {
    const pixels = new Uint8Array(side * side * 3).fill(250);
    for (let at = 0; at < side * side; at++) {
      if (isInk(at % side, Math.floor(at / side), i)) pixels.set([230, 90, 40 * i], 3 * at);
    }
    const png = await imageSheet([{ width: side, height: side, pixels }], { gap: 0 });
    await writeFileAtomic(`out/examples/own/${name}/${i}.png`, png);
  }
}

// Without these settings: eight hundred steps, a tenth of the images held out, and a check for copies.
const set = ["steps=2", "batchSize=4", "heldOut=null"].map((value) => `transformer.training.${value}`);
const { config } = await configFromModel(model, { data: "out/examples/own", set });
const trained = await trainModel({ config, out: "out/examples/run", resume: true, onMessage: console.log });

const pipeline = await ImagePipeline.fromPretrained(trained!);
const { images } = await pipeline.generate({ classes: ["discs", "stripes"], count: 8, seed: 1 });
await pipeline.dispose();
await writeFileAtomic("out/examples/own.png", await imageSheet(images, { columns: 4, scale: 2 }));
console.log("samples after two steps: out/examples/own.png");
