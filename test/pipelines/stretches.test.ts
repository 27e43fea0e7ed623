import { describe, expect, it } from "vitest";
import { makePlan } from "../../src/decoding/plan.ts";
import { resolvePlan } from "../../src/decoding/resolve-plan.ts";
import { openImagePipeline } from "../../src/pipelines/image-pipeline.ts";
import { stretchWithin } from "../../src/pipelines/stretches.ts";
import { stepCost } from "../../src/planning/cost.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import { toyModel } from "./toy-model.ts";

describe("stretchWithin", () => {
  const model = {
    width: 64,
    hidden: 256,
    depth: 2,
    codebookSize: 16,
    gridTokens: 16,
    factors: [1, 2, 4],
    heads: 4,
  };
  const { steps } = resolvePlan(makePlan({ modelSchedule: "4x3,2x3,1x3" }), model);
  const costs = steps.map((step) => stepCost(model, step).conditionalMultiplyAdds);
  const upTo = (count: number) => costs.slice(0, count).reduce((sum, cost) => sum + cost, 0);

  it("takes all steps that the work allows, to the last refresh among them", () => {
    expect(stretchWithin(Number.POSITIVE_INFINITY, steps, model)).toBe(9);
    expect(stretchWithin(upTo(9), steps, model)).toBe(9);
    expect(stretchWithin(upTo(9) - 1, steps, model)).toBe(6);
    expect(stretchWithin(upTo(6), steps, model)).toBe(6);
    expect(stretchWithin(upTo(6) - 1, steps, model)).toBe(3);
  });

  it("takes no more than compile soon: 256 layers of all passes, those of two branches apart counted twice", () => {
    const deep = { ...model, depth: 32 };
    expect(stretchWithin(Number.POSITIVE_INFINITY, steps, deep)).toBe(6); // 192 layers; all would be 288
    const guidance = { scale: 1, unconditionalFactor: 4 };
    const apart = resolvePlan(makePlan({ modelSchedule: "4x3,2x3,1x3", guidance }), model).steps;
    expect(stretchWithin(Number.POSITIVE_INFINITY, apart, deep)).toBe(3); // 96, then 192 more
  });

  it("takes none where even the first refresh is too far", () => {
    expect(stretchWithin(upTo(3) - 1, steps, model)).toBe(0);
  });
});

/** A pipeline that tells what its runner is asked to do: the names of the graphs that run, but for the decoder. */
async function watchedPipeline() {
  const inner = await createNodeRunner({ inProcess: true, threads: 1 });
  const runs: string[] = [];
  const run: typeof inner.run = (program, ...rest) => {
    if (program.name.startsWith("transformer")) runs.push(program.name.split(" ")[1]!);
    return inner.run(program, ...rest);
  };
  const pipeline = await openImagePipeline(toyModel(), {
    runner: { ...inner, run },
    close: () => inner.close(),
  });
  return { pipeline, runs, programs: async () => (await inner.stats()).programs };
}

describe("a pipeline", () => {
  const asked = { classes: ["cat", "dog"], seed: 3, modelSchedule: "2x2,1x2", guidanceScale: 1.5 };

  it("decodes a long series in one run a batch, to the images of one step a run", async () => {
    const { pipeline, runs } = await watchedPipeline();
    const stepwise = await pipeline.generate({ ...asked, count: 9, batchSize: 9 });
    expect(runs).toEqual(["full", "partial", "full", "partial"]);
    runs.length = 0;
    const told: [number, number][] = [];
    const onStep = ({ step, firstIndex }: { step: number; firstIndex: number }) =>
      void told.push([step, firstIndex]);
    const series = await pipeline.generate({ ...asked, count: 9, batchSize: 1, onStep });
    expect(runs).toEqual(Array(9).fill("stretch"));
    expect(series.tokens).toEqual(stepwise.tokens);
    expect(told).toEqual(Array.from({ length: 36 }, (_, i) => [i + 1, Math.floor(i / 4)]));
    expect(series.stats.multiplyAdds).toBe(stepwise.stats.multiplyAdds);
    await pipeline.dispose();
  });

  it("compiles nothing for one small batch, and nothing any more once it has compiled", async () => {
    const { pipeline, runs, programs } = await watchedPipeline();
    for (let i = 0; i < 7; i++) await pipeline.generate(asked);
    expect(runs).not.toContain("stretch");
    const before = await programs();
    runs.length = 0;
    for (let i = 0; i < 3; i++) await pipeline.generate({ ...asked, seed: i });
    expect(runs).toEqual(Array(3).fill("stretch"));
    expect(await programs()).toBe(before + 1);
    await pipeline.dispose();
  });

  it("edits in one run, too, and keeps what is known", async () => {
    const { pipeline, runs } = await watchedPipeline();
    const { maskId } = pipeline;
    const [known] = (await pipeline.generate(asked)).tokens;
    const startTokens = known!.map((token, i) => (i % 3 === 0 ? maskId : token));
    const one = await pipeline.generate({ ...asked, startTokens, count: 8, batchSize: 8 });
    runs.length = 0;
    const series = await pipeline.generate({ ...asked, startTokens, count: 8, batchSize: 1 });
    expect(new Set(runs)).toEqual(new Set(["stretch"]));
    expect(series.tokens).toEqual(one.tokens);
    for (const tokens of series.tokens) {
      for (const [i, token] of tokens.entries()) if (i % 3 > 0) expect(token).toBe(known![i]);
    }
    await pipeline.dispose();
  });

  it("stops a series after the batch in which its signal is heard", async () => {
    const { pipeline, runs } = await watchedPipeline();
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => {
      if (step === 6) stop.abort("enough");
    };
    const series = pipeline.generate({ ...asked, count: 9, batchSize: 1, onStep, signal: stop.signal });
    await expect(series).rejects.toBe("enough");
    expect(runs).toEqual(["stretch", "stretch"]);
    await pipeline.dispose();
  });

  it("goes step by step where a deadline may shrink the plan, and with an entropy rule", async () => {
    const { pipeline, runs } = await watchedPipeline();
    await pipeline.generate({ ...asked, deadlineMs: 60_000 });
    for (let i = 0; i < 9; i++) {
      await pipeline.generate({ ...asked, plan: { unmask: { kind: "entropy", bound: 1 } } });
    }
    expect(runs).not.toContain("stretch");
    await pipeline.dispose();
  });
});
