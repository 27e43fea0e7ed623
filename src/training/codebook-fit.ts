/**
 * A first codebook by k-means (Lloyd's algorithm) on latents of the untrained encoder, so that vector quantisation
 * starts from codes that all have tokens. It begins at latents far from one another (k-means||, Bahmani et al. 2012):
 * most latents are of plain background, and from latents at random so would most codes be. Distances, assignments and
 * sums run in the engine.
 */
import { foldIn, integerAt, type Key, permutation, uniforms } from "../core/random.ts";
import { type HostTensor, tensor } from "../core/tensor.ts";
import {
  argMax,
  encode,
  Graph,
  linear,
  maxOver,
  multiply,
  scatterAddRows,
  slice,
  square,
  subtract,
  sum,
} from "../graph/index.ts";
import type { Runner } from "../runtime/runner.ts";

/** In so many rounds the first codes are chosen. */
const rounds = 8;

/**
 * A codebook fitted to latents.
 *
 * @param latents  [R, d], R at least `size`
 * @returns [size, d]
 * @throws the signal's reason, between two iterations
 */
export async function fitCodebook(
  runner: Runner,
  latents: HostTensor<"float32">,
  size: number,
  key: Key,
  { iterations = 20, signal }: { readonly iterations?: number; readonly signal?: AbortSignal } = {},
): Promise<HostTensor<"float32">> {
  const [rows, width] = latents.dims as [number, number];
  const row = rowOf(latents);
  const codes = await farApart(runner, latents, size, foldIn(key, iterations), signal);
  const program = await runner.load(encode(lloydGraph(size, width)));
  const points = withOnes(latents);
  const zeros = tensor("float32", [size, width + 1], new Float32Array(size * (width + 1)));
  try {
    for (let iteration = 0; iteration < iterations; iteration++) {
      signal?.throwIfAborted();
      const feeds = { latents: points, codes: tensor("float32", [size, width], codes), zeros };
      const { sums } = await runner.run(program, feeds, { sums: "host" });
      const totals = sums!.data as Float32Array;
      for (let code = 0; code < size; code++) {
        const at = code * (width + 1);
        const count = totals[at + width]!;
        // A code that lost all its tokens starts again from a random latent.
        if (count === 0) codes.set(row(integerAt(foldIn(key, iteration), code, rows)), code * width);
        else for (let i = 0; i < width; i++) codes[code * width + i] = totals[at + i]! / count;
      }
    }
  } finally {
    await runner.unload(program);
  }
  return tensor("float32", [size, width], codes);
}

/**
 * Latents to begin with, [size, d]: some at random, then round by round as many more, each latent as likely as its
 * squared distance to the nearest one chosen is large (without replacement, Efraimidis & Spirakis 2006).
 */
async function farApart(
  runner: Runner,
  latents: HostTensor<"float32">,
  size: number,
  key: Key,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const [rows, width] = latents.dims as [number, number];
  const row = rowOf(latents);
  const codes = new Float32Array(size * width);
  const chosen = new Set<number>();
  const choose = (from: number) => {
    codes.set(row(from), chosen.size * width);
    chosen.add(from);
  };
  for (const from of permutation(foldIn(key, 0), rows).subarray(0, Math.ceil(size / rounds))) choose(from);
  const program = await runner.load(encode(distanceGraph(size, width)));
  try {
    for (let round = 1; chosen.size < size; round++) {
      signal?.throwIfAborted();
      // Places without a code yet repeat the first one, which changes no distance.
      for (let code = chosen.size; code < size; code++) codes.copyWithin(code * width, 0, width);
      const feeds = { latents, codes: tensor("float32", [size, width], codes) };
      const { distances } = await runner.run(program, feeds, { distances: "host" });
      const draws = uniforms(foldIn(key, round), rows);
      const scores = Float64Array.from(
        draws,
        (u, i) => Math.log(1 - u) / Math.max(0, Number(distances!.data[i])),
      );
      const left = Array.from(scores.keys()).filter((from) => !chosen.has(from));
      left.sort((a, b) => (scores[a] === scores[b] ? a - b : scores[b]! - scores[a]!));
      for (const from of left.slice(0, Math.min(Math.ceil(size / rounds), size - chosen.size))) choose(from);
    }
  } finally {
    await runner.unload(program);
  }
  return codes;
}

/** The rows of a matrix, as views. */
function rowOf({ dims, data }: HostTensor<"float32">): (index: number) => Float32Array {
  const width = dims[1]!;
  return (index) => data.subarray(index * width, (index + 1) * width);
}

/** Squared distances [R] of latents [R, d] to the nearest code [V, d]. */
function distanceGraph(size: number, width: number): Graph {
  const graph = new Graph("codebook.distances");
  const latents = graph.input("latents", "float32", ["R", width]);
  const codes = graph.input("codes", "float32", [size, width]);
  const closeness = maxOver(subtract(linear(latents, codes), multiply(sum(square(codes), [1]), 0.5)), [1]);
  graph.output("distances", subtract(sum(square(latents), [1]), multiply(closeness, 2)));
  return graph;
}

/** One iteration: `latents` [R, d + 1] (a column of ones last, which counts) summed by nearest code [V, d]. */
function lloydGraph(size: number, width: number): Graph {
  const graph = new Graph("codebook.lloyd");
  const latents = graph.input("latents", "float32", ["R", width + 1]);
  const codes = graph.input("codes", "float32", [size, width]);
  const zeros = graph.input("zeros", "float32", [size, width + 1]);
  const points = slice(latents, 1, 0, width);
  const nearest = argMax(subtract(linear(points, codes), multiply(sum(square(codes), [1]), 0.5)), 1);
  graph.output("sums", scatterAddRows(zeros, nearest, latents));
  return graph;
}

/** The latents with a column of ones appended. */
function withOnes(latents: HostTensor<"float32">): HostTensor<"float32"> {
  const [rows, width] = latents.dims as [number, number];
  const data = new Float32Array(rows * (width + 1)).fill(1);
  for (let r = 0; r < rows; r++) data.set(latents.data.subarray(r * width, (r + 1) * width), r * (width + 1));
  return tensor("float32", [rows, width + 1], data);
}
