/** AdamW and Muon as a graph against the same formulas as plain float64 loops. */
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/tensor.ts";
import { encode, Graph } from "../../src/graph/index.ts";
import type { ParameterSpec } from "../../src/models/parameters.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import {
  addOptimiser,
  learningRateAt,
  type OptimiserOptions,
  optimiserFeeds,
} from "../../src/training/optimiser.ts";
import {
  averagedWeights,
  getState,
  initialState,
  putState,
  stateFeeds,
  stateInputs,
  stateSinks,
  stateSpecs,
  stateTables,
} from "../../src/training/optimiser-state.ts";
import { float32, noise, numbers } from "../graph/harness.ts";
import { orthogonalised } from "./newton-schulz.ts";

const init = { kind: "constant", value: 0 } as const;
const specs: ParameterSpec[] = [
  { name: "matrix", shape: [3, 2], init, hasWeightDecay: true },
  { name: "bias", shape: [4], init, hasWeightDecay: false },
  { name: "hidden", shape: [2, 4], init, hasWeightDecay: true, isHidden: true, stack: "both" },
  { name: "shift", shape: [3], init, hasWeightDecay: false },
  { name: "deeper", shape: [2, 4], init, hasWeightDecay: true, isHidden: true, stack: "both" },
  { name: "kernel", shape: [2, 1, 2, 3], init, hasWeightDecay: true, isHidden: true }, // as a matrix of 2 rows
];
const sizes = { matrix: 6, bias: 4, hidden: 8, shift: 3, deeper: 8, kernel: 12 } as const;
const muons = ["hidden", "deeper", "kernel"];
type Name = keyof typeof sizes;
const names = Object.keys(sizes) as Name[];
const tables = stateTables(specs);

/** The gradient of a step, fed as it is. */
const gradientOf = (name: Name, step: number, scale: number): number[] =>
  noise(sizes[name], 7 * step + name.length).map((x) => scale * x);

/**
 * Loshchilov & Hutter 2019, algorithm 2, and for the hidden matrix Jordan et al. 2024, with clipping (Pascanu et al.
 * 2013) and an average with a ramp.
 */
function plainLoop(steps: number, rate: (step: number) => number, scale: number, options: OptimiserOptions) {
  const [beta1, beta2] = options.betas;
  const state = Object.fromEntries(
    names.map((name) => {
      const weight = noise(sizes[name], name.length).map(Math.fround);
      const zeros = () => new Array<number>(sizes[name]).fill(0);
      return [name, { weight, first: zeros(), second: zeros(), average: [...weight] }];
    }),
  );
  const norms: number[] = [];
  for (let step = 0; step < steps; step++) {
    let squares = 0;
    for (const name of names) for (const g of gradientOf(name, step, scale)) squares += g * g;
    norms.push(Math.sqrt(squares));
    const clip = options.clipNorm === null ? 1 : Math.min(1, options.clipNorm / Math.sqrt(squares));
    const decay = Math.min(options.emaDecay, (1 + step) / (10 + step));
    for (const name of names) {
      const { weight, first, second, average } = state[name]!;
      const gradient = gradientOf(name, step, scale).map((raw) => raw * clip);
      const directionOf = (kind: OptimiserOptions["optimiser"]): number[] => {
        if (kind === "muon") {
          gradient.forEach((g, i) => {
            first[i] = 0.95 * first[i]! + 0.05 * g;
          });
          const ahead = gradient.map((g, i) => 0.95 * first[i]! + 0.05 * g);
          return orthogonalised(ahead, 2).map((o) => 0.2 * Math.sqrt(ahead.length / 2) * o);
        }
        return gradient.map((g, i) => {
          first[i] = beta1 * first[i]! + (1 - beta1) * g;
          second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
          const m = first[i]! / (1 - beta1 ** (step + 1));
          const v = second[i]! / (1 - beta2 ** (step + 1));
          return m / (Math.sqrt(v) + 1e-8);
        });
      };
      directionOf(muons.includes(name) ? options.optimiser : "adamw").forEach((direction, i) => {
        const pull = name === "bias" || name === "shift" ? 0 : options.weightDecay * weight[i]!;
        weight[i] = weight[i]! - rate(step) * (direction + pull);
        average[i] = decay * average[i]! + (1 - decay) * weight[i]!;
      });
    }
  }
  return { state, norms };
}

describe("addOptimiser", () => {
  const base: OptimiserOptions = {
    betas: [0.9, 0.96],
    weightDecay: 0.3,
    clipNorm: 1,
    emaDecay: 0.3,
    optimiser: "adamw",
  };
  it.each<[string, number, OptimiserOptions]>([
    ["clipping every step", 5, base],
    ["clipping no step", 0.05, base],
    ["never clipping", 5, { ...base, clipNorm: null }],
    ["without decay, with a ramped average", 1, { ...base, weightDecay: 0, emaDecay: 0.999 }],
    ["by muon", 5, { ...base, optimiser: "muon" }],
  ])("%s equals the plain loop", async (_name, scale, options) => {
    const graph = new Graph("optimiser");
    stateInputs(graph, specs);
    const gradients = tables.map(({ name, shape }) => graph.input(`gradient/${name}`, "float32", shape));
    graph.output(
      "gradientNorm",
      addOptimiser(graph, specs, { loss: graph.scalar("float32", 1), gradients }, options),
    );
    const runner = await createNodeRunner({ inProcess: true, threads: 1 });
    const program = await runner.load(encode(graph));
    await runner.put(
      initialState(
        specs,
        Object.fromEntries(
          specs.map(({ name, shape }) => [name, float32(shape, noise(sizes[name as Name], name.length))]),
        ),
      ),
    );
    const steps = 12;
    const rate = (step: number): number => 0.1 / (1 + step);
    const norms: number[] = [];
    for (let step = 0; step < steps; step++) {
      const fed = tables.map(({ name, shape, stacks }) => {
        const parameters = stacks.flatMap(({ members }) => members.map((member) => member.name as Name));
        const values = parameters.flatMap((parameter) => gradientOf(parameter, step, scale));
        return [`gradient/${name}`, float32(shape, values)];
      });
      const { gradientNorm } = await runner.run(
        program,
        { ...stateFeeds(specs), ...optimiserFeeds(step, rate(step), options), ...Object.fromEntries(fed) },
        { ...stateSinks(specs), gradientNorm: "host" },
      );
      norms.push(numbers(gradientNorm)[0]!);
    }
    const found = await getState(runner, specs);
    await runner.close();

    const expected = plainLoop(steps, rate, scale, options);
    for (const name of names) {
      for (const [kind, values] of Object.entries(expected.state[name]!)) {
        // float32 rounds at 6e-8 an operation; about 20 operations a step.
        numbers(found[`${kind}/${name}`]).forEach((value, i) => {
          expect(Math.abs(value - values[i]!), `${kind}/${name}[${i}]`).toBeLessThan(2e-5);
        });
      }
    }
    norms.forEach((norm, step) => {
      expect(norm / expected.norms[step]!).toBeCloseTo(1, 5);
      expect(norm > 1).toBe(scale >= 1); // so the first two cases do clip, and do not
    });
    expect(averagedWeights(found)).toEqual({
      matrix: found["average/matrix"],
      bias: found["average/bias"],
      hidden: found["average/hidden"],
      shift: found["average/shift"],
      deeper: found["average/deeper"],
      kernel: found["average/kernel"],
    });
  });
});

describe("the state", () => {
  it("is a table for each stack, one for all vectors, and one for each other parameter", () => {
    expect(tables.map(({ name, shape, matrices }) => ({ name, shape, matrices }))).toEqual([
      { name: "matrix", shape: [3, 2], matrices: null },
      { name: "both", shape: [2, 2, 4], matrices: [2, 2, 4] },
      { name: "kernel", shape: [2, 1, 2, 3], matrices: [1, 2, 6] },
      { name: "vectors", shape: [7], matrices: null },
    ]);
  });

  it("comes back from a runner by parameter, as it went in", async () => {
    const state = Object.fromEntries(
      stateSpecs(specs).map(({ name, shape }, i) => [name, float32(shape, noise(sizeOf(shape), i))]),
    );
    const runner = await createNodeRunner({ inProcess: true, threads: 1 });
    await putState(runner, specs, state);
    const found = await getState(runner, specs);
    await runner.close();
    for (const [name, { dims, data }] of Object.entries(state)) {
      expect([found[name]!.dims, [...found[name]!.data]]).toEqual([dims, [...data]]);
    }
    expect(Object.keys(found)).toEqual(Object.keys(state));
  });
});

describe("learningRateAt", () => {
  const options = { learningRate: 0.8, warmupSteps: 4, finalFraction: 0.1 };
  const at = (step: number) => learningRateAt(step, 104, options);

  it("rises in equal steps to the full rate", () => {
    expect([0, 1, 2, 3].map(at)).toEqual([0.2, 0.4, 0.6000000000000001, 0.8]);
  });

  it("falls as half a cosine: the full rate, then the mean of both ends half-way", () => {
    expect(at(4)).toBe(0.8);
    expect(at(54)).toBeCloseTo((0.8 + 0.08) / 2, 12);
    // A quarter and three quarters of the way lie as far from the mean as cos 45 degrees says.
    expect(at(29) - at(54)).toBeCloseTo((0.72 / 2) * Math.SQRT1_2, 12);
    expect(at(54) - at(79)).toBeCloseTo((0.72 / 2) * Math.SQRT1_2, 12);
    for (let step = 4; step < 103; step++) expect(at(step + 1)).toBeLessThan(at(step));
  });

  it("ends at the final fraction, which the step after the last would have", () => {
    expect(at(104)).toBeCloseTo(0.08, 12);
    expect(at(103)).toBeGreaterThan(0.08);
    expect(at(103)).toBeLessThan(0.081);
  });

  it("needs no warm-up, and may be all warm-up", () => {
    expect(learningRateAt(0, 10, { ...options, warmupSteps: 0 })).toBe(0.8);
    expect(learningRateAt(9, 10, { ...options, warmupSteps: 20 })).toBeCloseTo(0.4, 12);
  });
});
