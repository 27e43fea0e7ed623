/** Videos over HTTP, of a model with random weights: new ones, and given ones gone on with or filled in. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../server/index.ts";
import type { Made } from "../../server/schemas.ts";
import { encodeAnimation, frameOf, type Video, VideoPipeline } from "../../src/index.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyVideoModel } from "../pipelines/toy-video-model.ts";
import { type Post, serve, sprites } from "./served.ts";

let folder: string;
let server: RunningServer;
let post: Post;
let pipeline: VideoPipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "videos-"));
  const model = join(folder, "toy-videos");
  await writeModel(model, toyVideoModel(), { store: "float32" });
  ({ server, post } = await serve({ models: [sprites, model] }));
  pipeline = await VideoPipeline.fromPretrained(model, { threads: 1 });
});
afterAll(async () => {
  await server.stop();
  await pipeline.dispose();
  await rm(folder, { recursive: true });
});

/** The frames of an animated image, one below the other. */
async function framesOf(b64: string): Promise<Buffer> {
  return sharp(Buffer.from(b64, "base64"), { animated: true }).removeAlpha().raw().toBuffer();
}

async function send(fields: Record<string, string | number>, video?: Uint8Array, path = "/v1/predictions") {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  if (video) form.append("video", new File([Uint8Array.from(video)], "video.webp"));
  return fetch(server.url + path, { method: "POST", body: form });
}

const model = "toy-videos";

describe("new videos", () => {
  it("are the seed's, as animated images", async () => {
    const answer = await post("/v1/videos", { model, prompt: "cat fall", n: 2, seed: 11, frame_rate: 10 });
    expect(answer.status).toBe(200);
    const { data, size, output_format } = (await answer.json()) as Made;
    const { videos } = await pipeline.generate({ classes: "cat fall", count: 2, seed: 11 });
    expect([size, output_format]).toEqual(["8x8", "webp"]);
    for (const [i, { b64_json, seed, index, class: name }] of data.entries()) {
      expect(await framesOf(b64_json!)).toEqual(Buffer.from(videos[i]!.pixels));
      expect([seed, index, name]).toEqual([11, i, "cat fall"]);
    }
    const { delay } = await sharp(Buffer.from(data[0]!.b64_json!, "base64")).metadata();
    expect(delay![0]! % 100).toBe(0); // equal frames may be one longer one
  });

  it("are asked for where videos are made, images where images are", async () => {
    const wrong: [string, string][] = [
      ["/v1/videos", "sprites"],
      ["/v1/images/generations", model],
    ];
    for (const [path, asked] of wrong) {
      const answer = await post(path, { model: asked, prompt: "cat" });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        error: {
          message: expect.stringContaining(`of sprites (images), toy-videos (videos), got "${asked}"`),
          ...{ code: "wrong_kind_of_model", param: "model" },
        },
      });
    }
  });

  it("are made by the first model of videos where none is named", async () => {
    const answer = await post("/v1/videos", { prompt: "cat fall", seed: 11 });
    expect(await answer.json()).toMatchObject({ model, data: [{ class: "cat fall" }] });
    expect(await (await post("/v1/images/generations", { prompt: "cat" })).json()).toMatchObject({
      model: "sprites",
    });
  });
});

describe("a given video", () => {
  let given: Video;
  let file: Uint8Array;
  beforeAll(async () => {
    // Frames that differ, so that none is left out of the file.
    const pixels = Uint8Array.from(
      { length: 4 * 8 * 8 * 3 },
      (_, i) => (i * 37 + Math.floor(i / 192) * 91) % 256,
    );
    given = { width: 8, height: 8, frames: 4, pixels };
    file = await encodeAnimation(given, { format: "webp", frameRate: 8 });
  });

  it("is gone on with", async () => {
    const answer = await send({ given: 3, seed: 5, n: 2 }, file);
    expect(answer.status).toBe(200);
    const { data, model: used } = (await answer.json()) as Made;
    expect(used).toBe(model);
    const { videos } = await pipeline.predict({ videos: [given], given: 3, count: 2, seed: 5 });
    const made = await Promise.all(data.map(({ b64_json }) => framesOf(b64_json!)));
    expect(made).toEqual(videos.map(({ pixels }) => Buffer.from(pixels)));
    expect(made[0]!.subarray(0, 3 * 192)).toEqual(Buffer.from(given.pixels.subarray(0, 3 * 192)));
  });

  it("is filled in between its ends", async () => {
    const { data } = (await (await send({ model, task: "interpolate", seed: 6 }, file)).json()) as Made;
    const { videos } = await pipeline.interpolate({ videos: [given], seed: 6 });
    const made = await framesOf(data[0]!.b64_json!);
    expect(made).toEqual(Buffer.from(videos[0]!.pixels));
    expect(made.subarray(3 * 192)).toEqual(Buffer.from(frameOf(given, 3).pixels));
  });

  it("is refused where it cannot be one", async () => {
    const still = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#123" } })
      .gif()
      .toBuffer();
    const refused: [Response, RegExp][] = [
      [await send({ model, given: 3 }, still), /at least the 3 frames that are given, got 1/],
      [await send({ model, given: 4 }, file), /given: must be in 1\.\.3/],
      [await send({ model, given: 2, task: "interpolate" }, file), /given: must be left out/],
      [await send({ model }), /video: must be a file/],
      [await send({ model, prompt: "cat fall" }, file), /must be one of|must have only|unknown|prompt/],
      [await send({ model }, new TextEncoder().encode("GIF89a but no more")), /cannot read/],
      [await send({ model, task: "guess" }, file), /task: must be "predict" or "interpolate"/],
    ];
    for (const [answer, message] of refused) {
      const { error } = (await answer.json()) as { error: { message: string } };
      expect([answer.status, error.message]).toEqual([400, expect.stringMatching(message)]);
    }
  });
});
