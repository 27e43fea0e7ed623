/**
 * The passes of decoding against plain float64 loops and against each other. Tolerance 1e-4 against logits of
 * size 1 to 10: float32 rounding through two layers.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyFromSeed } from "../../../src/core/random.ts";
import { type HostTensor, tensor } from "../../../src/core/tensor.ts";
import { countMultiplyAdds, encode, Graph, gatherRows } from "../../../src/graph/index.ts";
import { parameterInputs } from "../../../src/models/parameters.ts";
import {
  type TransformerConfig,
  type TransformerConfigInput,
  transformerConfig,
} from "../../../src/models/transformer/config.ts";
import { embedAll, logitsOf } from "../../../src/models/transformer/layers.ts";
import { nestedLayers } from "../../../src/models/transformer/nested-layers.ts";
import { nestedLayer, transformerParameters } from "../../../src/models/transformer/parameters.ts";
import { cacheNames, fullPass, partialPass, weightFeeds } from "../../../src/models/transformer/passes.ts";
import { passCost } from "../../../src/planning/cost.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Feed, Runner, Sink } from "../../../src/runtime/runner.ts";
import { stackValues } from "../stack-values.ts";
import { cutWeights, emptyCache, type PlainCache, plainForward, plainPartial } from "./plain-forward.ts";
import { randomWeights } from "./random-weights.ts";

const modelSchedule = {
  grid: [2, 3],
  codebookSize: 7,
  classes: 3,
  width: 16,
  depth: 2,
  heads: 4,
  hidden: 24,
};
const make = (more: Partial<TransformerConfigInput> = {}) =>
  transformerConfig({ ...modelSchedule, factors: [1, 2, 4], ...more });
const base = make();
const mask = 7;
const ids = [
  [mask, 2, mask, 0, 6, mask],
  [1, mask, 5, mask, mask, 3],
];
const classes = [1, 3];

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const int32 = (dims: readonly number[], values: readonly number[]): HostTensor =>
  tensor("int32", dims, Int32Array.from(values));
const floats = (given: HostTensor | undefined): number[] => Array.from(given!.data as Float32Array);

function expectClose(got: readonly number[], expected: readonly number[], tolerance = 1e-4): void {
  expect(got.length).toBe(expected.length);
  const worst = Math.max(...got.map((value, i) => Math.abs(value - expected[i]!)));
  expect(worst).toBeLessThan(tolerance);
}

async function put(config: TransformerConfig, seed = 1): Promise<Record<string, HostTensor<"float32">>> {
  const weights = randomWeights(config, keyFromSeed(seed));
  await runner.put(Object.fromEntries(Object.entries(weights).map(([name, value]) => [`w/${name}`, value])));
  return weights;
}

const allRows = [0, 1].flatMap((b) => [0, 1, 2, 3, 4, 5].map((n) => b * 7 + 1 + n));

/** Every output of a full pass over both samples. */
async function full(config: TransformerConfig, factor: number, tokens: readonly number[][] = ids) {
  const program = await runner.load(encode(fullPass(config)));
  const feeds = {
    ...weightFeeds(config, "full", factor, "w/"),
    ids: int32([2, 6], tokens.flat()),
    classes: int32([2], classes),
    rows: int32([12], allRows),
  };
  const outputs = await runner.run(program, feeds, sinks(config));
  await runner.unload(program);
  return outputs;
}

const sinks = (config: TransformerConfig) =>
  Object.fromEntries(
    ["logits", ...cacheNames(config).map((name) => `new.${name}`)].map((name) => [name, "host" as const]),
  );

/** A partial pass of both samples, `active` grid positions each: the logits of all of them, and the cache after it. */
async function partial(
  config: TransformerConfig,
  factor: number,
  cache: Record<string, HostTensor>,
  active: readonly number[][],
  tokens: readonly number[][],
): Promise<Record<string, HostTensor>> {
  const count = active[0]!.length;
  const program = await runner.load(encode(partialPass(config)));
  const cells = int32(
    [2 * count],
    active.flatMap((own, b) => own.map((n) => b * 7 + 1 + n)),
  );
  const feeds: Record<string, Feed> = {
    ...weightFeeds(config, "partial", factor, "w/"),
    ids: int32([2, count], tokens.flat()),
    places: int32(
      [2, count],
      active.flat().map((n) => n + 1),
    ),
    cells,
    rows: int32(
      [2 * count],
      active.flat().map((_, i) => i),
    ),
  };
  const outputs: Record<string, Sink> = { logits: "host" };
  for (const name of cacheNames(config)) {
    await runner.put({ [`new.${name}`]: cache[`new.${name}`]! });
    feeds[name] = { stored: `new.${name}` };
    outputs[`new.${name}`] = { store: `new.${name}`, atRows: cells.data as Int32Array };
  }
  const { logits } = await runner.run(program, feeds, outputs);
  await runner.unload(program);
  return { logits: logits!, ...(await runner.get(cacheNames(config).map((name) => `new.${name}`))) };
}

const plainLogits = (
  config: TransformerConfig,
  weights: Record<string, HostTensor<"float32">>,
  factor: number,
) => {
  const cut = cutWeights(weights, factor);
  return ids.flatMap((tokens, b) => plainForward(config, cut, tokens, classes[b]!).flat());
};

describe("fullPass", () => {
  const variants: [string, TransformerConfig][] = [
    ["pre-norm", base],
    ["post-norm", make({ norm: "post" })],
    ["a head with a hidden layer", make({ headHidden: true })],
    ["an output matrix of its own", make({ tieEmbeddings: false })],
  ];
  const factors = [1, 2, 4];

  for (const [name, config] of variants) {
    it.each(factors)(`is the dense transformer cut from the weights: ${name}, p = %j`, async (factor) => {
      const weights = await put(config);
      expectClose(floats((await full(config, factor)).logits), plainLogits(config, weights, factor));
    });
  }

  it.each(variants.flatMap(([name, config]) => factors.map((factor) => ({ name, config, factor }))))(
    "equals the graph of training, of stacks: $name, p = $factor",
    async ({ config, factor }) => {
      const weights = await put(config);
      const graph = new Graph("sliced");
      const specs = transformerParameters(config);
      const own = stackValues(specs, parameterInputs(graph, specs));
      const embedded = embedAll(
        config,
        own,
        graph.input("ids", "int32", [2, 6]),
        graph.input("classes", "int32", [2]),
      );
      const hidden = nestedLayers(config, own, factors, embedded, 2)[factors.indexOf(factor)]!;
      const rows = graph.input("rows", "int32", ["R"]);
      graph.output("logits", logitsOf(config, own, gatherRows(hidden, rows)));
      const program = await runner.load(encode(graph));
      const feeds = {
        ids: int32([2, 6], ids.flat()),
        classes: int32([2], classes),
        rows: int32([12], allRows),
      };
      const { logits } = await runner.run(program, { ...weights, ...feeds }, { logits: "host" });
      await runner.unload(program);
      expectClose(floats(logits), floats((await full(config, factor)).logits), 1e-5);
    },
  );

  it("of sub-model p does not see a weight outside slice p, bit for bit", async () => {
    for (const factor of [2, 4]) {
      const weights = await put(base);
      const before = floats((await full(base, factor)).logits);
      const beyond: Record<string, HostTensor> = {};
      for (const [name, { dims, data }] of Object.entries(weights)) {
        if (nestedLayer(name) === null) continue;
        const changed = data.slice();
        changed.fill(100, data.length / factor);
        beyond[`w/${name}`] = tensor("float32", dims, changed);
      }
      await runner.put(beyond);
      expect(floats((await full(base, factor)).logits)).toEqual(before);
      expect(floats((await full(base, factor / 2)).logits)).not.toEqual(before);
    }
  });
});

describe("partialPass", () => {
  const everyone = [0, 1, 2, 3, 4, 5];

  it.each([1, 2, 4])("with every position active is a full pass, cache and all, p = %i", async (factor) => {
    await put(base);
    const whole = await full(base, factor);
    const again = await partial(base, factor, whole, [everyone, everyone], ids);
    for (const name of Object.keys(whole)) expectClose(floats(again[name]), floats(whole[name]), 1e-5);
  });

  it.each([1, 2, 4])("keeps the cache that the plain loops keep, step by step, p = %j", async (factor) => {
    const weights = await put(base);
    const cut = cutWeights(weights, factor);
    let cache = await full(base, factor);
    const plain: PlainCache[] = ids.map((tokens, b) => {
      const own = emptyCache(base);
      plainForward(base, cut, tokens, classes[b]!, own);
      return own;
    });
    const steps = [
      {
        active: [
          [0, 2, 5],
          [1, 3, 4],
        ],
        tokens: [
          [mask, 4, mask],
          [2, mask, mask],
        ],
      },
      {
        active: [
          [0, 5],
          [3, 4],
        ],
        tokens: [
          [3, mask],
          [mask, 0],
        ],
      },
    ];
    for (const { active, tokens } of steps) {
      const before = cache;
      cache = await partial(base, factor, cache, active, tokens);
      const expected = active.flatMap((own, b) => plainPartial(base, cut, own, tokens[b]!, plain[b]!).flat());
      expectClose(floats(cache.logits), expected);
      for (let layer = 0; layer < base.depth; layer++) {
        expectClose(
          floats(cache[`new.keys.${layer}`]),
          plain.flatMap((own) => own.keys[layer]!.flat()),
        );
        expectClose(
          floats(cache[`new.values.${layer}`]),
          plain.flatMap((own) => own.values[layer]!.flat()),
        );
      }
      // What was not active stays as it was, bit for bit: here the class token and position 1 of sample 0.
      const width = cache["new.keys.1"]!.dims[1]!;
      for (const row of [0, 2]) {
        const entry = (from: Record<string, HostTensor>) =>
          floats(from["new.keys.1"]).slice(row * width, (row + 1) * width);
        expect(entry(cache)).toEqual(entry(before));
      }
    }
  });
});

describe("the cost of the graphs", () => {
  const configs = [
    base,
    make({ headHidden: true }),
    make({ depth: 3, grid: [4, 2, 2], tieEmbeddings: false }),
  ];

  it.each(configs.map((config) => [config] as const))("is the closed form's, %j", (config) => {
    const { width, depth, heads, hidden, codebookSize, factors } = config;
    const grid = config.grid.reduce((product, extent) => product * extent);
    const [batch, active, rowsEach] = [3, 4, 2];
    const sizesOf = { width, depth, hidden, codebookSize, ...(config.headHidden && { headHidden: width }) };
    for (const factor of factors) {
      const inner = Array.from({ length: depth }, (_, layer) => [
        [`h${layer}`, heads / factor],
        [`f${layer}`, hidden / factor],
      ]).flat();
      const bindings = { B: batch, A: active, R: batch * rowsEach, ...Object.fromEntries(inner) };
      const each = { factor, keys: grid + 1, headRows: rowsEach };
      expect(countMultiplyAdds(fullPass(config), bindings)).toBe(
        batch * passCost(sizesOf, { ...each, queries: grid + 1 }),
      );
      expect(countMultiplyAdds(partialPass(config), bindings)).toBe(
        batch * passCost(sizesOf, { ...each, queries: active }),
      );
    }
  });
});
