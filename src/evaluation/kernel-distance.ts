/**
 * The kernel distance between two sets of feature vectors (Bińkowski et al., ICLR 2018; KID in the features of
 * Inception): the squared maximum mean discrepancy under the kernel k(x, y) = (x·y / F + 1)³, estimated without bias,
 *
 *   MMD² = mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y).
 *
 * Unlike the Fréchet distance it does not shrink with the number of vectors, so few of them do, and it may fall below 0
 * where the sets are alike. Other tools average it over random subsets, which gives the same in expectation; the
 * spread of those subsets is no error of the mean, since they share their vectors. Here it is taken of whole sets, and
 * its error from estimates that leave out a group of vectors each (the jackknife; Efron & Stein 1981). F feature width.
 */
import { requireInput } from "../core/errors.ts";
import { tensor } from "../core/tensor.ts";
import { add, encode, Graph, matmul, multiply, square, sum, type Value } from "../graph/index.ts";
import type { Program, Runner } from "../runtime/runner.ts";
import { type Estimate, mean } from "./estimate.ts";
import { blocksOf, checkFeatures, type FeatureSet } from "./feature-set.ts";

export interface KernelDistanceOptions {
  readonly signal?: AbortSignal;
}

/** Groups that the jackknife leaves out in turn, where there are as many vectors. */
const mostGroups = 20;

/** The fewest vectors of a set: the error leaves some out, and two must remain. */
export const fewestVectors = 4;

/**
 * The kernel distance, in float64: the estimate of whole sets and its standard error. The error is that of vectors
 * drawn one by one; where classes take turns, sets of equal make-up differ a little less than it says.
 *
 * @param a  [N, F]
 * @param b  [M, F]
 * @throws InputError when a set has fewer than {@link fewestVectors}
 */
export async function kernelDistance(
  runner: Runner,
  a: FeatureSet,
  b: FeatureSet,
  { signal }: KernelDistanceOptions = {},
): Promise<Estimate> {
  checkFeatures("kernelDistance", a, b);
  const fewest = Math.min(a.dims[0]!, b.dims[0]!);
  requireInput(
    fewest >= fewestVectors,
    `kernel distance: needs sets of ${fewestVectors} vectors at least, got one of ${fewest}`,
  );
  const groups = Math.min(mostGroups, fewest);
  const program = await runner.load(encode(kernelGraph(a.dims[1]!)));
  try {
    const [as, bs] = [groupsOf(a, groups), groupsOf(b, groups)];
    const sums = (first: readonly FeatureSet[], second: readonly FeatureSet[]) =>
      kernelSums(runner, program, first, second, signal);
    const [withinA, withinB, between] = [await sums(as, as), await sums(bs, bs), await sums(as, bs)];
    const without = (left: number | null): number => {
      const isKept = (group: number) => group !== left;
      return meanOfPairs(withinA, isKept) + meanOfPairs(withinB, isKept) - 2 * meanOfAll(between, isKept);
    };
    const parts = Array.from({ length: groups }, (_, group) => without(group));
    const middle = mean(parts);
    const squares = parts.reduce((total, part) => total + (part - middle) ** 2, 0);
    return { mean: without(null), standardError: Math.sqrt(((groups - 1) / groups) * squares) };
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

/** The set in so many parts of nearly equal size, in order. */
function groupsOf({ dims, data }: FeatureSet, groups: number): FeatureSet[] {
  const [rows, width] = dims as [number, number];
  const start = (group: number) => Math.floor((group * rows) / groups);
  return Array.from({ length: groups }, (_, group) => {
    const [from, to] = [start(group), start(group + 1)];
    return tensor("float64", [to - from, width], Float64Array.from(data.subarray(from * width, to * width)));
  });
}

/** Sums of the kernel over the pairs of two groups each. */
interface KernelSums {
  /** [G][G]. */
  readonly totals: readonly (readonly number[])[];
  /** [G], of every vector of a first group with itself. */
  readonly own: readonly number[];
  /** [G] each, vectors in the groups. */
  readonly counts: readonly [readonly number[], readonly number[]];
}

async function kernelSums(
  runner: Runner,
  program: Program,
  first: readonly FeatureSet[],
  second: readonly FeatureSet[],
  signal?: AbortSignal,
): Promise<KernelSums> {
  const totals = first.map(() => new Array<number>(second.length).fill(0));
  const own = new Array<number>(first.length).fill(0);
  for (const [g, xs] of first.entries()) {
    for (const [h, ys] of second.entries()) {
      signal?.throwIfAborted();
      if (first === second && h < g) {
        totals[g]![h] = totals[h]![g]!; // the kernel is symmetric
        continue;
      }
      for (const { rows } of blocksOf(xs)) {
        for (const { from, rows: others } of blocksOf(ys)) {
          const result = await runner.run(program, { x: rows, y: others }, { total: "host", own: "host" });
          totals[g]![h]! += Number(result.total!.data[0]);
          if (h === g && from === 0) own[g]! += Number(result.own!.data[0]); // the same beside every other block
        }
      }
    }
  }
  const countsOf = (groups: readonly FeatureSet[]) => groups.map(({ dims }) => dims[0]!);
  return { totals, own, counts: [countsOf(first), countsOf(second)] };
}

/** The mean of the kernel over the pairs of two sets, of the groups that are kept. */
function meanOfAll({ totals, counts }: KernelSums, isKept: (group: number) => boolean): number {
  const [n, m] = counts.map((groups) => sumOf(groups.filter((_, group) => isKept(group))));
  return keptTotal(totals, isKept) / (n! * m!);
}

/** The same of one set, over pairs of different vectors. */
function meanOfPairs({ totals, own, counts }: KernelSums, isKept: (group: number) => boolean): number {
  const kept = (values: readonly number[]) => sumOf(values.filter((_, group) => isKept(group)));
  const n = kept(counts[0]);
  return (keptTotal(totals, isKept) - kept(own)) / (n * (n - 1));
}

const keptTotal = (totals: KernelSums["totals"], isKept: (group: number) => boolean): number =>
  sumOf(totals.filter((_, g) => isKept(g)).map((row) => sumOf(row.filter((_, h) => isKept(h)))));

const sumOf = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
