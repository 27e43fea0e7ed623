/** Quantisers against brute force, mixed radix by hand, and gradients in closed form. */
import { describe, expect, it } from "vitest";
import { Graph, gradients, multiply, sum } from "../../../src/graph/index.ts";
import { codebookSize, parseTokenizerConfig } from "../../../src/models/tokenizer/config.ts";
import {
  codebookName,
  codebookOf,
  mapsToRows,
  quantize,
  quantizerParameters,
  rowsToMaps,
} from "../../../src/models/tokenizer/quantizer.ts";
import { evaluate, float32, noise, numbers } from "../../graph/harness.ts";

const config = (latentWidth: number, quantizer: Record<string, unknown>) =>
  parseTokenizerConfig(
    { resolution: 8, channels: 4, groups: 2, multipliers: [1], latentWidth, quantizer },
    "test",
  );

describe("vector quantisation", () => {
  const [R, V, d, commitment] = [40, 7, 3, 0.25];
  const vq = config(d, { kind: "vq", codebookSize: V, commitment });
  const rows = noise(R * d, 3).map(Math.fround);
  const codes = noise(V * d, 4).map(Math.fround);
  const feeds = { rows: float32([R, d], rows), codebook: float32([V, d], codes) };
  const squared = (r: number, v: number): number =>
    [0, 1, 2].reduce((total, i) => total + (rows[r * d + i]! - codes[v * d + i]!) ** 2, 0);
  const nearest = Array.from({ length: R }, (_, r) => {
    const distances = Array.from({ length: V }, (_, v) => squared(r, v));
    return distances.indexOf(Math.min(...distances));
  });

  /** The graph's outputs for these rows and codes. */
  async function run() {
    const graph = new Graph("vq");
    const z = graph.input("rows", "float32", [R, d]);
    const codebook = graph.input("codebook", "float32", [V, d]);
    const result = quantize(z, { [codebookName]: codebook }, vq);
    graph.output("ids", result.ids);
    graph.output("quantised", result.rows);
    graph.output("loss", result.loss!);
    const [lossByRows, lossByCodes] = gradients(result.loss!, [z, codebook]);
    graph.output("lossByRows", lossByRows!);
    graph.output("lossByCodes", lossByCodes!);
    const weights = graph.constant(float32([R, d], noise(R * d, 9)));
    const [throughRows, throughCodes] = gradients(sum(multiply(result.rows, weights)), [z, codebook]);
    graph.output("throughRows", throughRows!);
    graph.output("throughCodes", throughCodes!);
    const found = await evaluate(graph, feeds);
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, numbers(value)]));
  }

  it("takes the nearest code", async () => {
    const { ids, quantised, loss } = await run();
    expect(ids).toEqual(nearest);
    expect(new Set(nearest).size).toBeGreaterThan(4); // else the comparison says little
    expect(quantised).toEqual(nearest.flatMap((v) => codes.slice(v * d, (v + 1) * d)));
    // Both terms are the same number, the mean squared distance.
    const distance = nearest.reduce((total, v, r) => total + squared(r, v), 0) / (R * d);
    expect(loss![0]).toBeCloseTo((1 + commitment) * distance, 6);
  });

  it("pulls the codes to their rows, and the rows to their codes as much as the commitment says", async () => {
    const { lossByRows, lossByCodes } = await run();
    const byRows = new Array<number>(R * d).fill(0);
    const byCodes = new Array<number>(V * d).fill(0);
    nearest.forEach((v, r) => {
      for (let i = 0; i < d; i++) {
        const difference = rows[r * d + i]! - codes[v * d + i]!;
        byRows[r * d + i] = (commitment * 2 * difference) / (R * d);
        byCodes[v * d + i] = byCodes[v * d + i]! - (2 * difference) / (R * d);
      }
    });
    lossByRows!.forEach((value, i) => {
      expect(value).toBeCloseTo(byRows[i]!, 7);
    });
    lossByCodes!.forEach((value, i) => {
      expect(value).toBeCloseTo(byCodes[i]!, 7);
    });
  });

  it("hands what comes back from the decoder to the rows unchanged, and none of it to the codes", async () => {
    const { throughRows, throughCodes } = await run();
    expect(throughRows).toEqual(noise(R * d, 9).map(Math.fround));
    expect(throughCodes).toEqual(new Array(V * d).fill(0));
  });

  it("has one parameter, the codebook, without decay", () => {
    expect(quantizerParameters(vq)).toMatchObject([
      { name: codebookName, shape: [V, d], hasWeightDecay: false },
    ]);
  });
});

describe("finite scalar quantisation", () => {
  const levels = [4, 3, 2, 5];
  const fsq = config(levels.length, { kind: "fsq", levels });
  const size = 120;

  /** Digits of a code, the first channel's the least. */
  function digitsOf(id: number): number[] {
    let rest = id;
    return levels.map((level) => {
      const digit = rest % level;
      rest = (rest - digit) / level;
      return digit;
    });
  }

  /** What a channel must be before the squashing to land exactly on a digit. */
  const latentOf = (digit: number, level: number): number => {
    const half = ((level - 1) * 1.001) / 2;
    const offset = level % 2 === 0 ? 0.5 : 0;
    return Math.atanh((digit - Math.floor(level / 2) + offset) / half) - Math.atanh(offset / half);
  };

  async function run(rows: number[]) {
    const graph = new Graph("fsq");
    const count = rows.length / levels.length;
    const z = graph.input("rows", "float32", [count, levels.length]);
    const result = quantize(z, {}, fsq);
    expect(result.loss).toBeNull();
    graph.output("ids", result.ids);
    graph.output("quantised", result.rows);
    graph.output("codebook", codebookOf(graph, {}, fsq));
    graph.output("gradient", gradients(sum(result.rows), [z])[0]!);
    const found = await evaluate(graph, { rows: float32([count, levels.length], rows) });
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, numbers(value)]));
  }

  it("numbers its codes in mixed radix, and its codebook has them in that order", async () => {
    expect(codebookSize(fsq)).toBe(size);
    expect(quantizerParameters(fsq)).toEqual([]);
    const all = Array.from({ length: size }, (_, id) => digitsOf(id));
    const { ids, quantised, codebook } = await run(
      all.flatMap((digits) => digits.map((digit, i) => latentOf(digit, levels[i]!))),
    );
    expect(ids).toEqual(all.map((_, id) => id));
    const vectors = all.flatMap((digits) =>
      digits.map((digit, i) => {
        const middle = Math.floor(levels[i]! / 2);
        return Math.fround((digit - middle) / middle);
      }),
    );
    codebook!.forEach((value, i) => {
      expect(value).toBeCloseTo(vectors[i]!, 6);
    });
    expect(quantised).toEqual(codebook);
  });

  it("takes any latents, however large, to a code of its own", async () => {
    const { ids, quantised, codebook, gradient } = await run(noise(400, 5).map((x) => 30 * x ** 3));
    ids!.forEach((id, r) => {
      expect(id).toBeGreaterThanOrEqual(0);
      expect(id).toBeLessThan(size);
      const width = levels.length;
      expect(quantised!.slice(r * width, (r + 1) * width)).toEqual(
        codebook!.slice(id * width, (id + 1) * width),
      );
    });
    expect(new Set(ids).size).toBeGreaterThan(40);
    // Rounding lets the gradient of the squashing through: positive, and nothing (1 - tanh², rounded) far out.
    expect(gradient!.every((value) => value > -1e-6)).toBe(true);
    expect(gradient!.some((value) => value > 0.1)).toBe(true);
  });
});

describe("finite scalar quantisation into equal bins", () => {
  const levels = [4, 3, 5];
  const fsq = config(levels.length, { kind: "fsq", levels, bins: "uniform" });

  async function run(rows: number[], nudges?: number[]) {
    const graph = new Graph("fsq");
    const count = rows.length / levels.length;
    const z = graph.input("rows", "float32", [count, levels.length]);
    const moved = nudges ? graph.input("nudges", "float32", [count, levels.length]) : null;
    const result = quantize(z, {}, fsq, moved);
    graph.output("ids", result.ids);
    graph.output("quantised", result.rows);
    graph.output("codebook", codebookOf(graph, {}, fsq));
    graph.output("gradient", gradients(sum(result.rows), [z])[0]!);
    const dims = [count, levels.length];
    const found = await evaluate(graph, {
      rows: float32(dims, rows),
      ...(nudges && { nudges: float32(dims, nudges) }),
    });
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, numbers(value)]));
  }

  /** A channel's digit by the definition: the bin of 2 sigmoid(1.6 z) - 1 among equal ones of [-1, 1]. */
  const digitOf = (z: number, level: number): number =>
    Math.min(level - 1, Math.floor(level / (1 + Math.exp(-1.6 * z))));

  it("takes every channel to its bin, and to the middle of that as its code", async () => {
    const rows = noise(300, 5).map((x) => Math.fround(8 * x ** 3));
    const { ids, quantised, codebook } = await run(rows);
    ids!.forEach((id, r) => {
      const digits = levels.map((level, i) => digitOf(rows[r * 3 + i]!, level));
      expect(id).toBe(digits[0]! + 4 * digits[1]! + 12 * digits[2]!);
      digits.forEach((digit, i) => {
        const middle = (2 * digit + 1) / levels[i]! - 1;
        expect(quantised![r * 3 + i]).toBeCloseTo(middle, 6);
        expect(codebook![id * 3 + i]).toBeCloseTo(middle, 6);
      });
    });
  });

  it("uses the levels of normal latents about alike, which tanh does not", async () => {
    const count = 3000;
    // Quantiles of the normal distribution would do; its density sampled evenly is near enough.
    const latents = Array.from({ length: count }, (_, i) => {
      const u = (i + 0.5) / count;
      return Math.log(u / (1 - u)) / 1.702;
    });
    const counts = new Array<number>(5).fill(0);
    for (const z of latents) counts[digitOf(z, 5)]!++;
    for (const found of counts) expect(found / count).toBeCloseTo(0.2, 1);
    const { ids } = await run(latents.flatMap((z) => [0, 0, z]));
    const found = new Array<number>(5).fill(0);
    for (const id of ids!) found[Math.floor(id / 12)]!++;
    expect(found).toEqual(counts);
  });

  it("hands on the slope of the squashing", async () => {
    const rows = [-1.2, 0.3, 2, 0, -0.4, 0.9];
    const { gradient } = await run(rows);
    rows.forEach((z, i) => {
      const s = 1 / (1 + Math.exp(-1.6 * z));
      expect(gradient![i]).toBeCloseTo(2 * 1.6 * s * (1 - s), 5);
    });
  });

  it("decodes nudged tokens as the neighbours they were moved to, within the levels, and tells the true ids", async () => {
    const rows = noise(90, 6).map((x) => Math.fround(3 * x));
    const nudges = noise(90, 7).map((x) => (x > 0.3 ? 1 : x < -0.3 ? -1 : 0));
    const { ids, quantised, gradient } = await run(rows, nudges);
    const still = await run(rows);
    expect(ids).toEqual(still.ids);
    expect(gradient).toEqual(still.gradient);
    rows.forEach((z, i) => {
      const level = levels[i % 3]!;
      const digit = Math.max(0, Math.min(level - 1, digitOf(z, level) + nudges[i]!));
      expect(quantised![i]).toBeCloseTo((2 * digit + 1) / level - 1, 6);
    });
  });

  it("only levels have neighbours", () => {
    const graph = new Graph("vq");
    const z = graph.input("rows", "float32", [2, 3]);
    const vq = config(3, { kind: "vq", codebookSize: 4 });
    const codebook = graph.input("codebook", "float32", [4, 3]);
    expect(() => quantize(z, { [codebookName]: codebook }, vq, z)).toThrow(/only the levels of FSQ/);
  });
});

it("rows and maps are one another's inverse, token by token in raster order", async () => {
  const graph = new Graph("rows");
  const maps = graph.input("maps", "float32", [2, 3, 2, 2]);
  const rows = mapsToRows(maps);
  graph.output("rows", rows);
  graph.output("again", rowsToMaps(rows, 2, [2, 2]));
  const values = Array.from({ length: 24 }, (_, i) => i);
  const found = await evaluate(graph, { maps: float32([2, 3, 2, 2], values) });
  expect(found.rows!.dims).toEqual([8, 3]);
  // Token 1 (row 0, column 1) of image 1: one value of each channel.
  expect(numbers(found.rows).slice(5 * 3, 6 * 3)).toEqual([13, 17, 21]);
  expect(numbers(found.again)).toEqual(values);
});

it("and so they are of videos, frame after frame", async () => {
  const graph = new Graph("rows");
  const maps = graph.input("maps", "float32", ["B", 3, 2, 2, 4]);
  const rows = mapsToRows(maps);
  graph.output("rows", rows);
  graph.output("again", rowsToMaps(rows, "B", [2, 2, 4]));
  const values = Array.from({ length: 96 }, (_, i) => i);
  const found = await evaluate(graph, { maps: float32([2, 3, 2, 2, 4], values) });
  expect(found.rows!.dims).toEqual([32, 3]);
  // Token (frame 1, row 0, column 2) of video 1: 16 tokens before it in video 0, 8 in frame 0, 2 in its row.
  expect(numbers(found.rows).slice(26 * 3, 27 * 3)).toEqual([48 + 10, 48 + 16 + 10, 48 + 32 + 10]);
  expect(numbers(found.again)).toEqual(values);
});
