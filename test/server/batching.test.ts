/** Many people at a time: every image is its own request's, whatever batch it was in, and nobody's is lost. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../server/index.ts";
import type { Made } from "../../server/schemas.ts";
import { ImagePipeline } from "../../src/index.ts";
import { type Post, pixelsOf, serve, sprites } from "./served.ts";

let server: RunningServer;
let post: Post;
let pipeline: ImagePipeline;
beforeAll(async () => {
  ({ server, post } = await serve({ batch: 8 }));
  pipeline = await ImagePipeline.fromPretrained(sprites, { threads: 1 });
});
afterAll(async () => {
  await server.stop();
  await pipeline.dispose();
});

/** What a counter of /metrics says. */
async function figure(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, "m").exec(text)![1]);
}

describe("requests at the same time", () => {
  it("share batches, and each gets its own seed's images, the same as alone", async () => {
    const asked = Array.from({ length: 12 }, (_, i) => ({
      prompt: ["cat", "rocket", "fish"][i % 3]!,
      seed: i === 5 ? "18446744073709551615" : 100 + i,
      n: 1 + (i % 3),
    }));
    const [batches, images] = [
      await figure("magnets_batch_images_count"),
      await figure("magnets_batch_images_sum"),
    ];
    const answers = await Promise.all(
      asked.map(async (body) => (await (await post("/v1/images/generations", body)).json()) as Made),
    );
    expect((await figure("magnets_batch_images_sum")) - images).toBe(24);
    // 24 images in batches of at most 8; the first batch may begin before the others have come.
    expect((await figure("magnets_batch_images_count")) - batches).toBeLessThanOrEqual(5);
    for (const [i, { prompt, seed, n }] of asked.entries()) {
      const { images } = await pipeline.generate({ classes: prompt, seed: BigInt(seed), count: n });
      const made = await Promise.all(answers[i]!.data.map(({ b64_json }) => pixelsOf(b64_json!)));
      expect(made).toEqual(images.map(({ pixels }) => Buffer.from(pixels)));
      expect(answers[i]!.data.map((item) => item.seed)).toEqual(Array(n).fill(seed));
      expect(answers[i]!.data.map((item) => item.class)).toEqual(Array(n).fill(prompt));
    }
  });

  it("of different plans are decoded apart, each by its own", async () => {
    const plans = [{ steps: 4 }, { budget: 0.05 }, { plan: "1x3" }, { plan: { guidance: { scale: 0 } } }, {}];
    const answers = await Promise.all(
      plans.map(async (plan) => {
        const answer = await post("/v1/images/generations", { prompt: "cat", seed: 1, ...plan });
        return (await answer.json()) as Made;
      }),
    );
    for (const { plan, data } of answers) {
      const { images } = await pipeline.generate({ classes: "cat", seed: 1, plan });
      expect(await pixelsOf(data[0]!.b64_json!)).toEqual(Buffer.from(images[0]!.pixels));
    }
    expect(answers.map(({ plan }) => (plan as { steps: number }).steps)).toEqual([
      4,
      expect.any(Number),
      3,
      pipeline.model.plan.steps,
      pipeline.model.plan.steps,
    ]);
    expect(new Set(answers.map(({ data }) => data[0]!.b64_json)).size).toBe(5);
  });
});

describe("a deadline", () => {
  it("chooses the plan by what this machine does, and tells whether it was kept", async () => {
    const answer = await post("/v1/images/generations", { prompt: "cat", seed: 3, deadline: 600_000 });
    const { deadline_kept, plan, data } = (await answer.json()) as Made;
    expect(deadline_kept).toBe(true);
    const { images } = await pipeline.generate({ classes: "cat", seed: 3, plan });
    expect(await pixelsOf(data[0]!.b64_json!)).toEqual(Buffer.from(images[0]!.pixels));
    const tooShort = await post("/v1/images/generations", { prompt: "cat", deadline: 0.01 });
    expect(tooShort.status).toBe(400);
    const { error } = (await tooShort.json()) as { error: { message: string; param: string } };
    expect(error.param).toBe("deadline");
    const [, least] = /^body: deadline: must be at least (\d+) ms on this device.*got 0\.01$/.exec(
      error.message,
    )!;
    // A generous multiple of what is said is kept: the figure is in milliseconds, and not far off.
    const kept = await post("/v1/images/generations", { prompt: "cat", deadline: 100 * Number(least) });
    expect(await kept.json()).toMatchObject({ deadline_kept: true });
  });
});

describe("the queue", () => {
  it("takes no more than it holds, and says when to come again", async () => {
    const small = await serve({ waiting: 4, batch: 2 });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, seed) =>
        small.post("/v1/images/generations", { prompt: "cat", seed, n: 2 }),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length + refused.length).toBe(8);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    const never = await small.post("/v1/images/generations", { prompt: "cat", n: 5 });
    expect([never.status, never.headers.get("retry-after")]).toEqual([400, null]);
    expect(await never.json()).toMatchObject({
      error: {
        param: "n",
        message: expect.stringMatching(/^body: n: must be at most 4, .* got 5; ask for fewer/),
      },
    });
    // There is room again.
    expect((await small.post("/v1/images/generations", { prompt: "cat", n: 4 })).status).toBe(200);
    await small.server.stop();
  });
});
