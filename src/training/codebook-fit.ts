/**
 * A first codebook by k-means (Lloyd's algorithm) on latents of the untrained encoder, so that vector quantisation
 * starts from codes that all have tokens. Assignments and sums run in the engine.
 */
import { foldIn, integerAt, type Key, permutation } from "../core/random.ts";
import { type HostTensor, tensor } from "../core/tensor.ts";
import {
  argMax,
  encode,
  Graph,
  linear,
  multiply,
  scatterAddRows,
  slice,
  square,
  subtract,
  sum,
} from "../graph/index.ts";
import type { Runner } from "../runtime/runner.ts";

/**
 * A codebook fitted to latents, which start it: `size` of them at random.
 *
 * @param latents  [R, d], R at least `size`
 * @returns [size, d]
 */
export async function fitCodebook(
  runner: Runner,
  latents: HostTensor<"float32">,
  size: number,
  key: Key,
  iterations = 20,
): Promise<HostTensor<"float32">> {
  const [rows, width] = latents.dims as [number, number];
  const program = await runner.load(encode(lloydGraph(size, width)));
  const codes = new Float32Array(size * width);
  const row = (from: number): Float32Array => latents.data.subarray(from * width, (from + 1) * width);
  permutation(key, rows)
    .subarray(0, size)
    .forEach((from, code) => {
      codes.set(row(from), code * width);
    });
  const points = withOnes(latents);
  const zeros = tensor("float32", [size, width + 1], new Float32Array(size * (width + 1)));
  for (let iteration = 0; iteration < iterations; iteration++) {
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
  await runner.unload(program);
  return tensor("float32", [size, width], codes);
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
