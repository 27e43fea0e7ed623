/** OpenAI's own client for JavaScript, as it is published, against the server. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../cli/output/report.ts";
import { writeGenerated } from "../../cli/output/write-images.ts";
import type { RunningServer } from "../../server/index.ts";
import { boxMask, ImagePipeline, readPngText } from "../../src/index.ts";
import { pixelsOf, serve, sprites } from "./served.ts";

let server: RunningServer;
let client: OpenAI;
let pipeline: ImagePipeline;
beforeAll(async () => {
  ({ server } = await serve());
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  pipeline = await ImagePipeline.fromPretrained(sprites, { threads: 1 });
});
afterAll(async () => {
  await server.stop();
  await pipeline.dispose();
});

/** Fields that are this server's own. */
const own = (fields: object) => fields as object;

describe("images.generate", () => {
  it("makes the seed's images, and tells how in the answer and in the PNG", async () => {
    const answer = await client.images.generate({
      ...{ model: "sprites", prompt: "cat, rocket", n: 3 },
      ...own({ seed: 7, first_index: 2 }),
    });
    const { images, plan } = await pipeline.generate({
      ...{ classes: ["cat", "rocket"], count: 3, seed: 7, firstIndex: 2 },
    });
    expect(answer.data).toHaveLength(3);
    for (const [i, item] of answer.data!.entries()) {
      expect(await pixelsOf(item.b64_json!)).toEqual(Buffer.from(images[i]!.pixels));
      const className = ["cat", "rocket", "cat"][i];
      expect(item).toMatchObject({ seed: 7, index: 2 + i, class: className });
      const record = JSON.parse(readPngText(Buffer.from(item.b64_json!, "base64"), "magnets")!);
      expect(record).toEqual({ model: "sprites", seed: 7, index: 2 + i, class: className, plan });
    }
    expect(answer).toMatchObject({ output_format: "png", size: "64x64", plan });
  });

  it("writes the same text into the PNG as the command line", async () => {
    const answer = await client.images.generate({ prompt: "cat", ...own({ seed: 7 }) });
    const made = await pipeline.generate({ classes: "cat", seed: 7 });
    const out = await mkdtemp(join(tmpdir(), "record-"));
    const report = { isTerminal: false } as Report;
    await writeGenerated(made, pipeline, { out, folder: sprites }, report, new AbortController().signal);
    const [served, sampled] = [
      Buffer.from(answer.data![0]!.b64_json!, "base64"),
      await readFile(join(out, "0000.png")),
    ].map((png) => readPngText(png, "magnets"));
    expect(served).toBe(sampled);
    expect(Object.keys(JSON.parse(served!))).toEqual(["model", "seed", "index", "class", "plan"]);
    await rm(out, { recursive: true });
  });

  it("draws a seed where none is given, by which the image can be made again", async () => {
    const make = (seed?: number) =>
      client.images.generate({ prompt: "cat", ...own(seed === undefined ? {} : { seed }) });
    const [first, second] = [await make(), await make()];
    const seedOf = (answer: OpenAI.ImagesResponse) => (answer.data![0] as unknown as { seed: number }).seed;
    expect(seedOf(first)).not.toBe(seedOf(second));
    expect((await make(seedOf(first))).data![0]!.b64_json).toBe(first.data![0]!.b64_json);
  });

  it("gives the sizes and formats that are asked for", async () => {
    const answer = await client.images.generate({
      ...{ prompt: "cat", size: "1024x1024", response_format: "url", output_format: "webp" },
    });
    const [, type, data] = /^data:(image\/webp);base64,(.*)$/.exec(answer.data![0]!.url!)!;
    expect(type).toBe("image/webp");
    expect(await sharp(Buffer.from(data!, "base64")).metadata()).toMatchObject({
      width: 1024,
      format: "webp",
    });
  });

  it("streams partial images that are none of them empty, then the image", async () => {
    const stream = await client.images.generate({
      ...{ prompt: "rocket", stream: true, partial_images: 3, n: 2 },
      ...own({ seed: 21 }),
    });
    const events: (OpenAI.ImageGenStreamEvent & { index: number })[] = [];
    const steps: number[] = [];
    for await (const event of stream) {
      const { type, step } = event as unknown as { type: string; step: number };
      if (type === "image_generation.progress") steps.push(step);
      else events.push(event as (typeof events)[number]);
    }
    expect(steps).toEqual(Array.from({ length: pipeline.model.plan.steps }, (_, k) => k + 1));
    const partial = events.filter(({ type }) => type === "image_generation.partial_image");
    const completed = events.filter(({ type }) => type === "image_generation.completed");
    expect(completed.map(({ index }) => index)).toEqual([0, 1]);
    const { images } = await pipeline.generate({ classes: ["rocket"], count: 2, seed: 21 });
    for (const [i, { b64_json }] of completed.entries()) {
      expect(await pixelsOf(b64_json)).toEqual(Buffer.from(images[i]!.pixels));
    }
    const indexes = partial.map((event) => "partial_image_index" in event && event.partial_image_index);
    expect(indexes).toEqual([0, 0, 1, 1, 2, 2]);
    const seen = await Promise.all(partial.map(({ b64_json }) => pixelsOf(b64_json)));
    for (const pixels of seen) {
      expect(pixels).toHaveLength(64 * 64 * 3);
      expect(new Set(pixels).size).toBeGreaterThan(20); // an image, no empty or one-coloured square
    }
    expect(new Set(seen.map((pixels) => pixels.toString("base64"))).size).toBe(6);
    expect(events.at(-1)!.type).toBe("image_generation.completed");
  });

  it("tells mistakes as the client's own errors", async () => {
    await expect(client.images.generate({ prompt: "caat" })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('did you mean "cat"?'),
    });
    await expect(client.images.generate({ prompt: "cat", model: "dall-e-3" })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(client.images.generate({ prompt: "cat", quality: "hd" })).rejects.toMatchObject({
      param: "quality",
    });
    const stream = client.images.generate({ prompt: "cat", stream: true, ...own({ steps: 1000 }) });
    await expect(stream).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });
});

describe("images.edit", () => {
  it("makes again what the mask marks, white or transparent, and nothing else", async () => {
    const [image] = (await pipeline.generate({ classes: ["cat"], seed: 5 })).images;
    const png = await sharp(image!.pixels, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer();
    const mask = boxMask(image!, { x: 16, y: 16, width: 24, height: 24 });
    const grey = { raw: { width: 64, height: 64, channels: 1 } } as const;
    const white = await sharp(
      mask.data.map((set) => 255 * set),
      grey,
    )
      .png()
      .toBuffer();
    const alpha = await sharp(
      mask.data.map((set) => 255 * (1 - set)),
      grey,
    )
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const transparent = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#000" } })
      .joinChannel(alpha)
      .png()
      .toBuffer();
    const expected = await pipeline.edit({ image: image!, mask, class: "rocket", count: 2, seed: 3 });
    for (const file of [white, transparent]) {
      const answer = await client.images.edit({
        image: await toFile(png, "image.png", { type: "image/png" }),
        mask: await toFile(file, "mask.png", { type: "image/png" }),
        ...{ prompt: "rocket", n: 2 },
        ...own({ seed: 3 }),
      });
      const made = await Promise.all(answer.data!.map(({ b64_json }) => pixelsOf(b64_json!)));
      expect(made).toEqual(expected.images.map(({ pixels }) => Buffer.from(pixels)));
    }
  });

  it("streams as well", async () => {
    const [image] = (await pipeline.generate({ classes: ["cat"], seed: 5 })).images;
    const half = await sharp(image!.pixels, { raw: { width: 64, height: 64, channels: 3 } })
      .ensureAlpha()
      .composite([
        {
          input: { create: { width: 32, height: 64, channels: 4, background: "#000" } },
          ...{ left: 0, top: 0, blend: "dest-out" },
        },
      ])
      .png()
      .toBuffer();
    const stream = await client.images.edit({
      image: await toFile(half, "image.png", { type: "image/png" }),
      ...{ prompt: "cat", stream: true, partial_images: 1 },
      ...own({ seed: 4 }),
    });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types.filter((type) => !type.endsWith("progress"))).toEqual([
      "image_edit.partial_image",
      "image_edit.completed",
    ]);
  });
});

describe("models", () => {
  it("are listed with what they make", async () => {
    const [model] = (await client.models.list()).data;
    expect(model).toMatchObject({ id: "sprites", makes: "images", size: "64x64", tokens: 64 });
    expect(await client.models.retrieve("sprites")).toEqual(model);
    await expect(client.models.retrieve("other")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});
