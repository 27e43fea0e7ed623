/** Requests of different people decoded as one batch: each gets what it would get alone. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boxMask } from "../../src/pipelines/mask.ts";
import {
  type ImagePipeline,
  openImagePipeline,
  openVideoPipeline,
} from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { toyModel } from "./toy-model.ts";
import { toyVideoModel } from "./toy-video-model.ts";

let runner: Runner;
let pipeline: ImagePipeline;
beforeAll(async () => {
  runner = await createNodeRunner({ threads: 1 });
  pipeline = await openImagePipeline(toyModel(), { runner });
});
afterAll(async () => {
  await pipeline.dispose();
  await runner.close();
});

describe("samples of several requests in one batch", () => {
  it("have the seed, the index and the class of their own request", async () => {
    const asked = [
      { classes: "cat", seed: 1, count: 2 },
      { classes: "dog", seed: 2n ** 60n, firstIndex: 5 },
      { classes: ["dog", "cat"], seed: 3, firstIndex: 1, count: 3 },
      { classes: null, seed: 0 },
    ].map((options) => ({ ...options, guidanceScale: 2 }));
    const prepared = asked.map((options) => pipeline.prepare(options));
    const made = await pipeline.decodeTogether(
      prepared[0]!.request.plan,
      prepared.flatMap(({ samples }) => samples),
    );
    const alone = await Promise.all(asked.map((options) => pipeline.generate(options)));
    expect(made.map(({ tokens }) => tokens)).toEqual(alone.flatMap(({ tokens }) => tokens));
    expect(made.map(({ image }) => image)).toEqual(alone.flatMap(({ images }) => images));
    expect(new Set(made.map(({ tokens }) => String(tokens))).size).toBe(7);
  });

  it("show previews of the rows that are asked for", async () => {
    const samples = pipeline.prepare({ count: 3, seed: 4 }).samples;
    const whole: number[][] = [];
    await pipeline.generate({
      ...{ count: 3, seed: 4 },
      onStep: async ({ preview }) => void whole.push((await preview()).map(({ pixels }) => pixels[40]!)),
    });
    const rows: number[][] = [];
    await pipeline.decodeTogether(pipeline.model.plan, samples, {
      onStep: async ({ preview }) => void rows.push((await preview([2, 0])).map(({ pixels }) => pixels[40]!)),
    });
    expect(rows).toEqual(whole.map(([first, , third]) => [third, first]));
  });

  it("may be edits, shown as an edit shows them", async () => {
    const [image] = (await pipeline.generate({ seed: 9 })).images;
    const [other] = (await pipeline.generate({ seed: 10 })).images;
    const mask = boxMask(image!, { x: 0, y: 0, width: 8, height: 8 });
    const edits = [
      { image: image!, mask, seed: 1, count: 2 },
      { image: other!, mask, class: "dog", seed: 2 },
    ];
    const prepared = await Promise.all(edits.map((edit) => pipeline.prepareEdit(edit)));
    const { plan } = prepared[0]!.request;
    const made = await pipeline.decodeTogether(
      plan,
      prepared.flatMap(({ samples }) => samples),
    );
    const shown = [
      prepared[0]!.show(made[0]!.image, 0),
      prepared[0]!.show(made[1]!.image, 1),
      prepared[1]!.show(made[2]!.image, 0),
    ];
    const alone = await Promise.all(edits.map((edit) => pipeline.edit(edit)));
    expect(shown).toEqual(alone.flatMap(({ images }) => images));
    expect(shown[2]!.pixels).not.toEqual(made[2]!.image.pixels);
  });

  it("may complete videos", async () => {
    const videos = await openVideoPipeline(toyVideoModel(), { threads: 1 });
    const given = (await videos.generate({ count: 2, seed: 3 })).videos;
    const asked = { videos: given, given: 2, count: 2, seed: 8 };
    const { request, samples, show } = await videos.preparePredict(asked);
    const made = await videos.decodeTogether(request.plan, samples);
    const alone = await videos.predict(asked);
    expect(made.map(({ image }, i) => show(image, i))).toEqual(alone.videos);
    await videos.dispose();
  });

  it("stop by the batch's signal", async () => {
    const stop = new AbortController();
    let steps = 0;
    const decoding = pipeline.decodeTogether(pipeline.model.plan, pipeline.prepare({ count: 2 }).samples, {
      signal: stop.signal,
      onStep: () => {
        if (++steps === 2) stop.abort(new Error("nobody waits"));
      },
    });
    await expect(decoding).rejects.toThrow("nobody waits");
    expect(steps).toBe(2);
  });
});
