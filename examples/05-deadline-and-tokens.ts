// Stop a decode by a time limit; keep images as token ids, 64 whole numbers that decode to the same pixels.
// npx tsx examples/05-deadline-and-tokens.ts [model folder]
import { ImagePipeline, imageSheet, writeFileAtomic } from "../src/index.ts";

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  try {
    await pipeline.generate({ classes: ["all"], count: 100_000, signal: AbortSignal.timeout(500) });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "TimeoutError")) throw error;
    console.log("stopped after half a second; the pipeline goes on working");
  }

  const { images, tokens } = await pipeline.generate({ classes: ["all"], count: 6, seed: 2 });
  await writeFileAtomic("out/examples/tokens.json", JSON.stringify(tokens.map((ids) => [...ids])));
  const again = await pipeline.decodeTokens(tokens);
  const isSame = again.every(({ pixels }, i) => Buffer.compare(pixels, images[i]!.pixels) === 0);
  console.log(`the ids in out/examples/tokens.json decode to ${isSame ? "the same images" : "other images"}`);

  // The second half of one image's ids made again, in six versions.
  const startTokens = tokens[0]!.map((id, i, ids) => (i < ids.length / 2 ? id : pipeline.maskId));
  const continued = await pipeline.generate({ startTokens, count: 6, seed: 3 });
  const sheet = await imageSheet([...images, ...continued.images], { columns: 6, scale: 2 });
  await writeFileAtomic("out/examples/tokens.png", sheet);
  console.log("six images, then six that share the first half of one: out/examples/tokens.png");
} finally {
  await pipeline.dispose();
}
