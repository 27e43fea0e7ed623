/**
 * The nested loss against plain float64 loops, and its gradients against central differences: B 2 samples of N 4
 * tokens, V 5 codes, D 8, 2 layers, 4 heads, F 8, sub-models 1, 2, 4, in float64 throughout.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { foldIn, integerAt, keyFromSeed } from "../../src/core/random.ts";
import { type HostTensor, tensor } from "../../src/core/tensor.ts";
import { encode, Graph, gradients, type Value } from "../../src/graph/index.ts";
import { parameterInputs } from "../../src/models/parameters.ts";
import { transformerConfig } from "../../src/models/transformer/config.ts";
import { nestedLayer, transformerParameters } from "../../src/models/transformer/parameters.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Program, Runner } from "../../src/runtime/runner.ts";
import { type NestedLoss, type NestedLossOptions, nestedLoss } from "../../src/training/nested-loss.ts";
import { stackValues } from "../models/stack-values.ts";
import { cutWeights, plainForward, softmaxOf } from "../models/transformer/plain-forward.ts";
import { randomWeights } from "../models/transformer/random-weights.ts";

const config = transformerConfig({
  grid: [2, 2],
  codebookSize: 5,
  classes: 2,
  width: 8,
  depth: 2,
  heads: 4,
  hidden: 8,
  factors: [1, 2, 4],
});
const specs = transformerParameters(config);
const names = specs.map(({ name }) => name);
const mask = 5;
const ids = [mask, 3, mask, 1, 0, mask, 2, 4];
const classes = [1, 2]; // the second sample's class is dropped
const rows = [1, 3, 7]; // b (N+1) + 1 + n of (0,0), (0,2), (1,1)
const labels = [4, 0, 2];
const filling = [0, 0]; // rows that have no share in the loss
const key = keyFromSeed(4);
const weights = Object.fromEntries(
  Object.entries(randomWeights(config, key)).map(([name, { dims, data }]) => {
    return [name, tensor("float64", dims, Float64Array.from(data))];
  }),
);

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

/** A program of whatever scalars and gradients `outputs` names. */
async function program(
  options: NestedLossOptions,
  outputs: (made: NestedLoss, parameters: Record<string, Value>) => Record<string, Value>,
  tokens = 4, // of each sample's sequence
  ownLambda: number | null = null, // of sub-model 4
): Promise<Program> {
  const graph = new Graph("nested loss");
  const parameters = parameterInputs(graph, specs, "float64");
  const inputs = {
    ids: graph.input("ids", "int32", [2, tokens]),
    ...(tokens < 4 && { places: graph.input("places", "int32", [2, 1 + tokens]) }),
    classes: graph.input("classes", "int32", [2]),
    rows: graph.input("rows", "int32", ["R"]),
    labels: graph.input("labels", "int32", ["R"]),
    shares: graph.input("shares", "float64", ["R"]),
    lambda: graph.input("lambda", "float64", []),
    ...(ownLambda !== null && { lambdaOf: { 4: graph.scalar("float64", ownLambda) } }),
  };
  const made = nestedLoss(graph, config, stackValues(specs, parameters), inputs, options);
  for (const [name, value] of Object.entries(outputs(made, parameters))) graph.output(`out/${name}`, value);
  return runner.load(encode(graph));
}

async function run(
  made: Program,
  lambda: number,
  parameters: Record<string, HostTensor> = weights,
  own: Record<string, HostTensor> = {},
) {
  const feeds: Record<string, HostTensor> = {
    ids: tensor("int32", [2, 4], Int32Array.from(ids)),
    classes: tensor("int32", [2], Int32Array.from(classes)),
    rows: tensor("int32", [5], Int32Array.from([...rows, ...filling])),
    labels: tensor("int32", [5], Int32Array.from([...labels, ...filling])),
    shares: tensor("float64", [5], Float64Array.of(1 / 3, 1 / 3, 1 / 3, 0, 0)),
    lambda: tensor("float64", [], Float64Array.of(lambda)),
    ...own,
  };
  const known = new Set(made.inputs.map(({ name }) => name));
  const all = Object.entries({ ...parameters, ...feeds }).filter(([name]) => known.has(name));
  const sinks = Object.fromEntries(made.outputs.map(({ name }) => [name, "host" as const]));
  const result = await runner.run(made, Object.fromEntries(all), sinks);
  return Object.fromEntries(
    Object.entries(result).map(([name, { data }]) => [
      name.replace("out/", ""),
      Array.from(data as Float64Array),
    ]),
  );
}

const gradientsBy = (loss: Value, parameters: Record<string, Value>): Record<string, Value> => {
  const by = gradients(
    loss,
    names.map((name) => parameters[name]!),
  );
  return Object.fromEntries(names.map((name, i) => [name, by[i]!]));
};

/** Logits of the three masked tokens by sub-model p, from the plain loops. */
function plainLogits(factor: number): number[][] {
  const cut = cutWeights(weights, factor);
  const samples = [0, 1].map((b) => plainForward(config, cut, ids.slice(4 * b, 4 * b + 4), classes[b]!));
  return rows.map((row) => samples[Math.floor(row / 5)]![(row % 5) - 1]!);
}

const crossEntropyOf = (logits: number[], target: number[]): number => {
  const p = softmaxOf(logits);
  return -target.reduce((total, q, id) => total + q * Math.log(p[id]!), 0);
};
const oneHot = (label: number, smoothing: number): number[] =>
  Array.from({ length: 5 }, (_, id) => (id === label ? 1 - smoothing : 0) + smoothing / 5);

/** The gradients, at lambda = 0, of what the last of the factors adds to the loss of those before it. */
async function gradientsOfLast(
  factors: readonly number[],
  options: NestedLossOptions,
): Promise<Record<string, number[]>> {
  const [all, before] = await Promise.all(
    [factors, factors.slice(0, -1)].map(async (some) => {
      const made = await program({ ...options, factors: some }, ({ loss }, parameters) =>
        gradientsBy(loss, parameters),
      );
      return run(made, 0);
    }),
  );
  return Object.fromEntries(
    names.map((name) => [name, all![name]!.map((value, i) => value - before![name]![i]!)]),
  );
}

describe("nestedLoss", () => {
  for (const teacher of ["next-larger", "largest"] as const) {
    it(`equals the sum of two cross-entropies per sub-model, teacher ${teacher}`, async () => {
      const lambda = 0.3;
      const made = await program({ teacher, labelSmoothing: 0.1 }, ({ loss, perFactor }) => ({
        loss,
        ...Object.fromEntries(Object.entries(perFactor).map(([p, value]) => [`ce${p}`, value])),
      }));
      const got = await run(made, lambda);

      const logits = new Map([1, 2, 4].map((factor) => [factor, plainLogits(factor)]));
      const teachers = new Map(
        teacher === "next-larger"
          ? [
              [2, 1],
              [4, 2],
            ]
          : [
              [2, 1],
              [4, 1],
            ],
      );
      let expected = 0;
      for (const [factor, perRow] of logits) {
        let plain = 0;
        for (const [i, row] of perRow.entries()) {
          const truth = crossEntropyOf(row, oneHot(labels[i]!, 0.1));
          const from = teachers.get(factor);
          const distilled = from ? crossEntropyOf(row, softmaxOf(logits.get(from)![i]!)) : 0;
          const both = from ? lambda * truth + (1 - lambda) * distilled : truth;
          expected += both / rows.length;
          plain += crossEntropyOf(row, oneHot(labels[i]!, 0)) / rows.length;
        }
        expect(got[`ce${factor}`]![0]).toBeCloseTo(plain, 10);
      }
      expect(got.loss![0]).toBeCloseTo(expected, 10);
    });
  }

  it("has the gradient that central differences find at lambda = 1", async () => {
    // Below 1 the loss's value also moves with the teachers, whose gradient is stopped on purpose: next test.
    const made = await program({}, ({ loss }, parameters) => ({ loss, ...gradientsBy(loss, parameters) }));
    await expectCentralDifferences(made, 1, names);
  });

  it("has the gradient of cross-entropy against a teacher held fixed at lambda = 0", async () => {
    // The difference quotients are those of plain loops, in which the teacher's distribution does not move.
    const got = await gradientsOfLast([1, 4], {});
    const targets = plainLogits(1).map(softmaxOf);
    const term = (parameters: Record<string, HostTensor>): number => {
      const cut = cutWeights(parameters as Record<string, HostTensor<"float64">>, 4);
      const samples = [0, 1].map((b) => plainForward(config, cut, ids.slice(4 * b, 4 * b + 4), classes[b]!));
      return rows.reduce((total, row, i) => {
        const logits = samples[Math.floor(row / 5)]![(row % 5) - 1]!;
        return total + crossEntropyOf(logits, targets[i]!) / rows.length;
      }, 0);
    };
    for (const [which, name] of names.entries()) {
      const at = integerAt(foldIn(key, 2000 + which), 0, weights[name]!.data.length);
      const slope = (term(moved(name, at, 1e-5)) - term(moved(name, at, -1e-5))) / 2e-5;
      expect(got[name]![at], `${name}[${at}]`).toBeCloseTo(slope, 8);
    }
  });

  it("takes a lambda of its own for one sub-model", async () => {
    const lossOf = async (factors: number[], lambda: number, own: number | null = null): Promise<number> => {
      const made = await program({ factors }, ({ loss }) => ({ loss }), 4, own);
      return (await run(made, lambda)).loss![0]!;
    };
    // What sub-model 4 adds at 0.9, beside the others at 0.3.
    const added = (await lossOf([1, 2, 4], 0.9)) - (await lossOf([1, 2], 0.9));
    expect(await lossOf([1, 2, 4], 0.3, 0.9)).toBeCloseTo((await lossOf([1, 2], 0.3)) + added, 12);
    expect(await lossOf([1, 2, 4], 0.3)).not.toBeCloseTo((await lossOf([1, 2], 0.3)) + added, 3);
  });

  it("gives no gradient through distillation at lambda = 1", async () => {
    const distilled = await program({}, ({ loss }, parameters) => gradientsBy(loss, parameters));
    const apart = await Promise.all(
      [1, 2, 4].map((factor) =>
        program({ factors: [factor] }, ({ loss }, parameters) => gradientsBy(loss, parameters)),
      ),
    );
    const got = await run(distilled, 1);
    const alone = await Promise.all(apart.map((made) => run(made, 1)));
    for (const name of names) {
      for (const [i, value] of got[name]!.entries()) {
        expect(value).toBeCloseTo(
          alone.reduce((total, by) => total + by[name]![i]!, 0),
          12,
        );
      }
    }
  });

  it("gives a teacher exactly nothing from its students", async () => {
    // Sub-model 4's part of the loss at lambda = 0: it learns from the teacher alone, whose weights beyond slice 4
    // would move if anything leaked.
    for (const factors of [
      [1, 2, 4],
      [1, 4],
    ]) {
      for (const teacher of ["next-larger", "largest"] as const) {
        expectZeroBeyondSlice(await gradientsOfLast(factors, { teacher }), 4);
      }
    }
  });

  it("gives weights outside slice p exactly nothing from sub-model p's loss, and those inside something", async () => {
    for (const factor of [2, 4]) {
      const made = await program({}, ({ perFactor }, parameters) =>
        gradientsBy(perFactor[factor]!, parameters),
      );
      expectZeroBeyondSlice(await run(made, 0.5), factor);
    }
  });
});

describe("nestedLoss of three of four tokens", () => {
  // Of the samples the positions 0, 1, 3 and 1, 2, 3; in the loss the first token of each, which is masked.
  const kept = [
    [0, 1, 3],
    [1, 2, 3],
  ];
  const int32 = (dims: number[], data: number[]) => tensor("int32", dims, Int32Array.from(data));
  const feeds = {
    ids: int32(
      [2, 3],
      kept.flatMap((own, b) => own.map((n) => ids[4 * b + n]!)),
    ),
    places: int32(
      [2, 4],
      kept.flatMap((own) => [0, ...own.map((n) => n + 1)]),
    ),
    rows: int32([5], [1, 5, ...filling, 0]),
    labels: int32([5], [4, 2, ...filling, 0]),
    shares: tensor("float64", [5], Float64Array.of(1 / 2, 1 / 2, 0, 0, 0)),
  };

  /** Of a sample's first token, from the plain loops over a model whose table holds the positions that are there. */
  function plainLoss(factor: number, parameters: Record<string, HostTensor>): number {
    const losses = kept.map((own, b) => {
      const { dims, data } = parameters["positions.weight"]!;
      const width = dims[1]!;
      const there = [0, ...own.map((n) => n + 1)].flatMap((place) =>
        Array.from(data.slice(place * width, (place + 1) * width), Number),
      );
      const cut = cutWeights(
        {
          ...(parameters as Record<string, HostTensor<"float64">>),
          "positions.weight": { dims: [4, width], data: there },
        },
        factor,
      );
      const logits = plainForward(
        config,
        cut,
        own.map((n) => ids[4 * b + n]!),
        classes[b]!,
      )[0]!;
      return crossEntropyOf(logits, oneHot([4, 2][b]!, 0));
    });
    return (losses[0]! + losses[1]!) / 2;
  }

  it("equals that of a sequence without the fourth", async () => {
    const made = await program(
      {},
      ({ perFactor }) => ({ p1: perFactor[1]!, p2: perFactor[2]!, p4: perFactor[4]! }),
      3,
    );
    const got = await run(made, 1, weights, feeds);
    for (const factor of [1, 2, 4]) expect(got[`p${factor}`]![0]).toBeCloseTo(plainLoss(factor, weights), 10);
  });

  it("has its gradient, none of it for a position that no sample has", async () => {
    const options = { factors: [2], labelSmoothing: 0 };
    const made = await program(options, ({ loss }, parameters) => gradientsBy(loss, parameters), 3);
    const got = await run(made, 1, weights, feeds);
    for (const [which, name] of names.entries()) {
      const at = integerAt(foldIn(key, 3000 + which), 0, weights[name]!.data.length);
      const slope = (plainLoss(2, moved(name, at, 1e-5)) - plainLoss(2, moved(name, at, -1e-5))) / 2e-5;
      expect(got[name]![at], `${name}[${at}]`).toBeCloseTo(slope, 8);
    }
    // Without position 2 in either sample, row 3 of the table's 5 rows of 8.
    const without = { ...feeds, places: int32([2, 4], [0, 1, 2, 4, 0, 1, 2, 4]) };
    const table = (await run(made, 1, weights, without))["positions.weight"]!;
    expect(table.map((value) => value !== 0)).toEqual(table.map((_, i) => Math.floor(i / 8) !== 3));
  });
});

function expectZeroBeyondSlice(got: Record<string, number[]>, factor: number): void {
  for (const name of names) {
    if (nestedLayer(name) === null) continue;
    const kept = got[name]!.length / factor;
    expect(
      got[name]!.slice(kept).every((value) => value === 0),
      name,
    ).toBe(true);
    expect(
      got[name]!.slice(0, kept).some((value) => value !== 0),
      name,
    ).toBe(true);
  }
}

function moved(name: string, at: number, by: number): Record<string, HostTensor> {
  const { dims, data } = weights[name]!;
  const changed = data.slice();
  changed[at]! += by;
  return { ...weights, [name]: tensor("float64", dims, changed) };
}

/** Two elements of each parameter, gradient against (f(x + h) - f(x - h)) / 2h. */
async function expectCentralDifferences(made: Program, lambda: number, by: readonly string[]): Promise<void> {
  const got = await run(made, lambda);
  const step = 1e-5;
  for (const [which, name] of by.entries()) {
    for (const draw of [0, 1]) {
      const at = integerAt(foldIn(key, 1000 + which), draw, weights[name]!.data.length);
      const up = (await run(made, lambda, moved(name, at, step))).loss![0]!;
      const down = (await run(made, lambda, moved(name, at, -step))).loss![0]!;
      expect(got[name]![at], `${name}[${at}]`).toBeCloseTo((up - down) / (2 * step), 8);
    }
  }
}
