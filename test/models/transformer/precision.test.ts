/** Decoding in 8-bit integers: the weights, the passes against float32 and against smaller models, whole decodes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { keyFromSeed, normals } from "../../../src/core/random.ts";
import { type HostTensor, tensor } from "../../../src/core/tensor.ts";
import { decode } from "../../../src/decoding/decode.ts";
import { makePlan } from "../../../src/decoding/plan.ts";
import { countMultiplyAdds, encode } from "../../../src/graph/index.ts";
import { type TransformerConfig, transformerConfig } from "../../../src/models/transformer/config.ts";
import { cacheNames, fullPass, partialPass, weightFeeds } from "../../../src/models/transformer/passes.ts";
import {
  type LayerPart,
  layoutOf,
  levelsOf,
  type Precision,
  partOf,
  quantisedParts,
  quantiseMatrix,
  requirePrecision,
  scalesOf,
} from "../../../src/models/transformer/precision.ts";
import { createPredictor, loadTransformer } from "../../../src/models/transformer/predictor.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Feed, Runner } from "../../../src/runtime/runner.ts";
import { randomWeights } from "./random-weights.ts";

type Tensors = Record<string, HostTensor<"float32">>;

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

describe("quantiseMatrix", () => {
  const data = normals(keyFromSeed(5), 12);
  data.set([0, 0, 0], 3); // an output of zeros

  it("is within half a scale, in -64..64, one scale for each output", () => {
    const byRows = quantiseMatrix(tensor("float32", [4, 3], data), "out-in");
    for (let output = 0; output < 4; output++) {
      const scale = byRows.scales.data[output]!;
      const own = Array.from({ length: 3 }, (_, i) => 3 * output + i);
      const levels = own.map((i) => byRows.levels.data[i]!);
      expect(Math.max(...levels.map(Math.abs))).toBe(output === 1 ? 0 : 64);
      for (const i of own)
        expect(Math.abs(byRows.levels.data[i]! * scale - data[i]!)).toBeLessThan(0.501 * scale);
    }
  });

  it("is the same matrix in either layout", () => {
    const turned = Float32Array.from({ length: 12 }, (_, i) => data[3 * (i % 4) + Math.floor(i / 4)]!);
    const byRows = quantiseMatrix(tensor("float32", [4, 3], data), "out-in");
    const byColumns = quantiseMatrix(tensor("float32", [3, 4], turned), "in-out");
    expect(byColumns.scales).toEqual(byRows.scales);
    for (let i = 0; i < 12; i++) {
      expect(byColumns.levels.data[i]).toBe(byRows.levels.data[3 * (i % 4) + Math.floor(i / 4)]);
    }
  });
});

describe("requirePrecision", () => {
  it("names the choices, and refuses integers on a GPU", () => {
    expect(() => requirePrecision("int4" as Precision)).toThrow(InputError);
    expect(() => requirePrecision("int4" as Precision)).toThrow('must be one of fp32, int8, got "int4"');
    expect(() => requirePrecision("int8", "webgpu")).toThrow(
      /int8 needs device cpu, got device webgpu; use fp32/,
    );
    requirePrecision("fp32", "webgpu");
  });
});

const small = { grid: [2, 3], codebookSize: 7, classes: 3, width: 32, depth: 2, heads: 4, hidden: 48 };
const nested = transformerConfig({ ...small, factors: [1, 2, 4] });
const both: readonly LayerPart[] = ["attention", "mlp"];
const places = [0, 1, 2, 3, 4, 5];

/** Float32 and integers side by side under one prefix. */
async function put(weights: Tensors, prefix: string): Promise<void> {
  const stored: Record<string, HostTensor> = {};
  for (const [name, given] of Object.entries(weights)) {
    stored[prefix + name] = given;
    if (partOf(name) === null) continue;
    const { levels, scales } = quantiseMatrix(given, layoutOf(name));
    stored[prefix + levelsOf(name)] = levels;
    stored[prefix + scalesOf(name)] = scales;
  }
  await runner.put(stored);
}

/** The logits of a full pass, and of a partial one with every position active after it. */
async function logits(config: TransformerConfig, factor: number, parts: readonly LayerPart[], prefix = "w/") {
  const integers = (dims: number[], data: number[]) => tensor("int32", dims, Int32Array.from(data));
  const ids = integers([1, 6], [7, 2, 7, 0, 6, 7]);
  const caches = cacheNames(config).map((name) => `new.${name}`);
  const program = await runner.load(encode(fullPass(config, undefined, parts)));
  const found = await runner.run(
    program,
    {
      ...weightFeeds(config, "full", factor, prefix, parts),
      ids,
      classes: integers([1], [2]),
      rows: integers(
        [6],
        places.map((n) => n + 1),
      ),
    },
    Object.fromEntries(["logits", ...caches].map((name) => [name, "host" as const])),
  );
  await runner.unload(program);
  const again = await runner.load(encode(partialPass(config, undefined, parts)));
  const feeds: Record<string, Feed> = {
    ...weightFeeds(config, "partial", factor, prefix, parts),
    ...Object.fromEntries(cacheNames(config).map((name) => [name, found[`new.${name}`]!])),
    ids,
    places: integers(
      [1, 6],
      places.map((n) => n + 1),
    ),
    cells: integers(
      [6],
      places.map((n) => n + 1),
    ),
    rows: integers([6], places),
  };
  const partial = await runner.run(again, feeds, { logits: "host" });
  await runner.unload(again);
  const numbers = (given: HostTensor | undefined) => Array.from(given!.data as Float32Array);
  return { full: numbers(found.logits), partial: numbers(partial.logits) };
}

const rms = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
const apart = (a: readonly number[], b: readonly number[]) => rms(a.map((x, i) => x - b[i]!)) / rms(b);

describe("passes in integers", () => {
  const weights = randomWeights(nested, keyFromSeed(4));

  // A weight is rounded by up to 1/128 of its row's largest and an activation by 1/254 of its own (after GELU by 1/430,
  // or 0.0021 if that is more): with the largest near 2.5 standard deviations, 1.1 % and 0.6 % of a product's size, and
  // four products follow each other, in a residual stream that keeps the errors: 2.5 %. Twice that is allowed; a wrong
  // scale or zero point gives 100 %.
  it.each([1, 2, 4])("are near those in float32, p = %i", async (factor) => {
    await put(weights, "w/");
    const exact = await logits(nested, factor, []);
    for (const parts of [both, ["attention"], ["mlp"]] as const) {
      const rounded = await logits(nested, factor, parts);
      expect(apart(rounded.full, exact.full)).toBeLessThan(0.05);
      expect(apart(rounded.full, exact.full)).toBeGreaterThan(1e-4);
      expect(apart(rounded.partial, rounded.full)).toBeLessThan(1e-5);
    }
  });

  it.each([2, 4])("of sub-model p are those of a model made of its slices, p = %i", async (factor) => {
    // Scales belong to whole outputs, so the slice must hold the largest weight of each: the rest is made smaller.
    const tamed: Tensors = {};
    const cut: Tensors = {};
    for (const [name, { dims, data }] of Object.entries(weights)) {
      const isCut = partOf(name) !== null || name.endsWith("mlp.in.bias");
      const end = isCut ? data.length / factor : data.length;
      tamed[name] = tensor(
        "float32",
        dims,
        data.map((value, i) => (i < end ? value : value * 0.01)),
      );
      cut[name] = tensor(
        "float32",
        [isCut ? dims[0]! / factor : dims[0]!, ...dims.slice(1)],
        data.slice(0, end),
      );
    }
    await put(tamed, "w/");
    await put(cut, "cut/");
    const viewed = await logits(nested, factor, both);
    // The same graph over a model that has nothing beyond the slice, fed whole.
    const whole = await wholeLogits(factor);
    expect(viewed.full).toEqual(whole);
  });

  async function wholeLogits(factor: number): Promise<number[]> {
    const program = await runner.load(encode(fullPass(nested, undefined, both)));
    const feeds: Record<string, Feed> = {};
    for (const [name, feed] of Object.entries(weightFeeds(nested, "full", factor, "cut/", both))) {
      feeds[name] = name === "head.weight" ? feed : { stored: feed.stored };
    }
    const integers = (dims: number[], data: number[]) => tensor("int32", dims, Int32Array.from(data));
    const rows = integers(
      [6],
      places.map((n) => n + 1),
    );
    const own = { ids: integers([1, 6], [7, 2, 7, 0, 6, 7]), classes: integers([1], [2]), rows };
    const found = await runner.run(program, { ...feeds, ...own }, { logits: "host" });
    await runner.unload(program);
    return Array.from(found.logits!.data as Float32Array);
  }

  it("cost what they cost in float32, and float32 passes hold no integers", () => {
    const bindings = { B: 2, A: 3, R: 4, h0: 4, h1: 4, f0: 48, f1: 48 };
    for (const pass of [fullPass, partialPass]) {
      const graph = pass(nested, undefined, both);
      expect(graph.nodes.filter(({ op }) => op === "MatMulIntegerToFloat")).toHaveLength(6 * nested.depth);
      expect(countMultiplyAdds(graph, bindings)).toBe(countMultiplyAdds(pass(nested), bindings));
      expect(
        pass(nested).nodes.some(({ op }) => op === "MatMulIntegerToFloat" || op === "QuantizeLinear"),
      ).toBe(false);
    }
  });
});

describe("decodes in integers", () => {
  // Wide enough that the largest sub-model computes all layers in integers, and the smallest none.
  const config = transformerConfig({
    grid: [3, 4],
    codebookSize: 9,
    classes: 3,
    width: 256,
    depth: 2,
    heads: 8,
    hidden: 1024,
    factors: [1, 2, 8],
  });
  const weights = randomWeights(config, keyFromSeed(6), 0.05);
  const plan = makePlan({ modelSchedule: "8x2,2x2,1x2", guidance: { scale: 1 } });

  it("use integers where products are large", () => {
    expect(quantisedParts(config, "int8", 1)).toEqual(["attention", "mlp"]);
    expect(quantisedParts(config, "int8", 2)).toEqual(["mlp"]);
    expect(quantisedParts(config, "int8", 8)).toEqual([]);
    expect(quantisedParts(config, "fp32", 1)).toEqual([]);
  });

  async function tokens(precision: Precision, samples: readonly number[]): Promise<number[][]> {
    const transformer = await loadTransformer(runner, config, weights, { precision });
    const predictor = createPredictor(
      transformer,
      samples.map((i) => i % 3),
    );
    const found = await decode({
      plan,
      model: { gridTokens: 12, factors: config.factors, heads: config.heads },
      maskId: 9,
      seed: 1,
      sampleIndexes: [...samples],
      gridShape: config.grid,
      predict: predictor.predict,
    });
    await predictor.dispose();
    await transformer.dispose();
    return samples.map((_, i) => Array.from(found.tokens.slice(12 * i, 12 * (i + 1))));
  }

  it("give the same tokens again, in any batch, and other ones than chance", async () => {
    const together = await tokens("int8", [0, 1, 2, 3]);
    expect(await tokens("int8", [0, 1, 2, 3])).toEqual(together);
    expect([...(await tokens("int8", [0])), ...(await tokens("int8", [1, 2, 3]))]).toEqual(together);
    const exact = (await tokens("fp32", [0, 1, 2, 3])).flat();
    const same = together.flat().filter((id, i) => id === exact[i]).length;
    expect(same / exact.length).toBeGreaterThan(0.5); // by chance: 1 in 9
  });

  it("leave nothing behind, and keep in float32 only what small sub-models read", async () => {
    const before = await runner.stats();
    const transformer = await loadTransformer(runner, config, weights, { precision: "int8" });
    const [query, levels] = ["blocks.0.attention.query.weight", levelsOf("blocks.0.attention.query.weight")];
    const stored = await runner.get([query, levels].map((name) => transformer.prefix + name));
    expect(stored[transformer.prefix + query]!.dims).toEqual([128, 256]); // of sub-model 1/2, the largest in float32
    expect(stored[transformer.prefix + levels]!.dims).toEqual([256, 256]);
    await transformer.dispose();
    expect(await runner.stats()).toEqual(before);
  });
});
