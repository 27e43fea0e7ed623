/**
 * The kernel distance between two sets of feature vectors (Bińkowski et al., ICLR 2018; KID in the features of
 * Inception): the squared maximum mean discrepancy under the kernel k(x, y) = (x·y / F + 1)³, estimated without bias,
 *
 *   MMD² = mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y)
 *
 * averaged over random subsets. Unlike the Fréchet distance it does not shrink with the number of vectors, so few of
 * them do, and it may fall below 0 where the sets are alike. F feature width.
 */
import { requireInput } from "../core/errors.ts";
import { foldIn, type Key, keyFromSeed, permutation } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { add, encode, Graph, matmul, multiply, square, sum, type Value } from "../graph/index.ts";
import type { Program, Runner } from "../runtime/runner.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { blocksOf, checkFeatures, type FeatureSet } from "./feature-set.ts";

/** MMD², the mean over the subsets; its error is from the drawing of subsets alone. */
export interface KernelDistance extends Estimate {
  /** Of the subsets' figures: what other tools print after the sign "±". */
  readonly standardDeviation: number;
}

export interface KernelDistanceOptions {
  /** How many subsets, 100 unless told. */
  readonly subsets?: number;
  /** Vectors that a subset takes of each set without repetition, 1000 unless told. */
  readonly subsetSize?: number;
  /** Draws the subsets; of seed 0 unless told. */
  readonly key?: Key;
  readonly signal?: AbortSignal;
  /** Called after every subset. */
  readonly onProgress?: (done: number) => void;
}

/**
 * The kernel distance, in float64.
 *
 * @param a  [N, F]
 * @param b  [M, F]
 * @throws InputError when a set is smaller than a subset, or a subset has fewer than two vectors
 */
export async function kernelDistance(
  runner: Runner,
  a: FeatureSet,
  b: FeatureSet,
  options: KernelDistanceOptions = {},
): Promise<KernelDistance> {
  const { subsets = 100, subsetSize = 1000, key = keyFromSeed(0), signal, onProgress } = options;
  checkFeatures("kernelDistance", a, b);
  const fewest = Math.min(a.dims[0]!, b.dims[0]!);
  requireInput(
    Number.isInteger(subsets) && subsets >= 1 && Number.isInteger(subsetSize) && subsetSize >= 2,
    `kernel distance: needs at least 1 subset of at least 2 vectors, got ${subsets} of ${subsetSize}`,
  );
  requireInput(
    subsetSize <= fewest,
    `kernel distance: subsets of ${subsetSize} vectors need sets as large, got one of ${fewest}; ` +
      "make more samples or ask for smaller subsets",
  );
  const program = await runner.load(encode(kernelGraph(a.dims[1]!)));
  try {
    const found: number[] = [];
    for (let i = 0; i < subsets; i++) {
      signal?.throwIfAborted();
      const x = drawn(a, subsetSize, foldIn(key, 2 * i));
      const y = drawn(b, subsetSize, foldIn(key, 2 * i + 1));
      found.push(await squaredDiscrepancy(runner, program, x, y));
      onProgress?.(i + 1);
    }
    return summary(found);
  } finally {
    await runner.unload(program);
  }
}

/** x [N, F], y [M, F] -> `total`, the sum of k over all pairs, and `own`, that of k(x, x) over the rows of x. */
function kernelGraph(width: number): Graph {
  const graph = new Graph("polynomial kernel");
  const x = graph.input("x", "float64", ["N", width]);
  const y = graph.input("y", "float64", ["M", width]);
  const kernelOf = (product: Value): Value => {
    const base = add(multiply(product, 1 / width), 1);
    return multiply(square(base), base);
  };
  graph.output("total", sum(kernelOf(matmul(x, y, { b: true }))));
  graph.output("own", sum(kernelOf(sum(square(x), [1]))));
  return graph;
}

/** `count` rows without repetition. */
function drawn({ dims, data }: FeatureSet, count: number, key: Key): FeatureSet {
  const [rows, width] = dims as [number, number];
  const chosen = new Float64Array(count * width);
  const order = permutation(key, rows);
  for (let i = 0; i < count; i++) {
    chosen.set(data.subarray(order[i]! * width, (order[i]! + 1) * width), i * width);
  }
  return tensor("float64", [count, width], chosen);
}

/** The unbiased MMD² of two sets of one size. */
async function squaredDiscrepancy(
  runner: Runner,
  program: Program,
  x: FeatureSet,
  y: FeatureSet,
): Promise<number> {
  const sums = async (first: FeatureSet, second: FeatureSet): Promise<{ total: number; own: number }> => {
    let total = 0;
    let own = 0;
    for (const { rows } of blocksOf(first)) {
      for (const { from, rows: others } of blocksOf(second)) {
        const result = await runner.run(program, { x: rows, y: others }, { total: "host", own: "host" });
        total += Number(result.total!.data[0]);
        if (from === 0) own += Number(result.own!.data[0]); // the same beside every other block
      }
    }
    return { total, own };
  };
  const count = x.dims[0]!;
  const [withinX, withinY, between] = [await sums(x, x), await sums(y, y), await sums(x, y)];
  const apart = withinX.total - withinX.own + withinY.total - withinY.own;
  return apart / (count * (count - 1)) - (2 * between.total) / count ** 2;
}

function summary(found: readonly number[]): KernelDistance {
  const { mean, standardError } = estimate(found);
  const squares = found.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, standardDeviation: Math.sqrt(squares / found.length), standardError };
}
