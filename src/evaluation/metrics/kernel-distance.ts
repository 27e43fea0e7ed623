/**
 * The kernel distance between two sets of feature vectors (Bińkowski et al., ICLR 2018; KID in the features of
 * Inception): the squared maximum mean discrepancy under the kernel k(x, y) = (x·y / F + 1)³, estimated without bias,
 *
 *   MMD² = mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y).
 *
 * Unlike the Fréchet distance it does not shrink with the number of vectors, so few of them do, and it may fall below 0
 * where the sets are alike. Other tools average it over random subsets, which gives the same in expectation; the
 * spread of those subsets is no error of the mean, since they share their vectors. Here it is taken of whole sets, and
 * its error from estimates that leave out a group of vectors each (the jackknife; Efron & Stein 1981).
 *
 * F feature width, G groups.
 */
import { requireInput } from "../../core/errors.ts";
import { type HostTensor, tensor } from "../../core/tensor.ts";
import { add, encode, Graph, matmul, multiply, square, sum, type Value } from "../../graph/index.ts";
import type { Program, Runner } from "../../runtime/runner.ts";
import { type Estimate, mean } from "./estimate.ts";
import { blocksOf, checkFeatures, type FeatureSet } from "./feature-set.ts";

/** Options of a kernel distance. */
export interface KernelDistanceOptions {
  readonly signal?: AbortSignal;
}

/** Groups that the jackknife leaves out in turn, where there are as many vectors. */
const mostGroups = 20;

/** The fewest vectors of a set: without one of them, two must remain. */
const fewestVectors = 3;

/**
 * The kernel distance, in float64: the estimate of whole sets and its standard error. The error is that of vectors
 * drawn one by one. Where the sets are alike it says up to 1.4 times what the distance varies by; where classes take
 * turns, sets of equal make-up differ a little less, too.
 *
 * @param a  [N, F]
 * @param b  [M, F]
 * @throws InputError when a set has fewer than three vectors
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
  const program = await runner.load(encode(kernelGraph(a.dims[1]!, groups)));
  try {
    const sums = (first: FeatureSet, second: FeatureSet) =>
      kernelSums(runner, program, { first, second, groups, signal });
    const [withinA, withinB, between] = [await sums(a, a), await sums(b, b), await sums(a, b)];
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

/**
 * Sums of the kernel by groups.
 *
 * x [N, F], y [M, F], and the groups their rows are in, as rows of 0 and 1, inX [N, G], inY [M, G] -> `totals` [G, G],
 * over all pairs of a row of x and a row of y; `own` [G], over k(x, x).
 */
function kernelGraph(width: number, groups: number): Graph {
  const graph = new Graph("polynomial kernel");
  const x = graph.input("x", "float64", ["N", width]);
  const y = graph.input("y", "float64", ["M", width]);
  const inX = graph.input("inX", "float64", ["N", groups]);
  const inY = graph.input("inY", "float64", ["M", groups]);
  const kernelOf = (product: Value): Value => {
    const base = add(multiply(product, 1 / width), 1);
    return multiply(square(base), base);
  };
  graph.output("totals", matmul(inX, matmul(kernelOf(matmul(x, y, { b: true })), inY), { a: true }));
  graph.output("own", sum(multiply(inX, kernelOf(sum(square(x), [1], true))), [0]));
  return graph;
}

/** Sums of the kernel over the pairs of two groups each. */
interface KernelSums {
  /** [G, G]. */
  readonly totals: Float64Array;
  /** [G], of every vector of a first group with itself. */
  readonly own: Float64Array;
  /** [G] each, vectors in the groups. */
  readonly counts: readonly [readonly number[], readonly number[]];
}

async function kernelSums(
  runner: Runner,
  program: Program,
  {
    first,
    second,
    groups,
    signal,
  }: { first: FeatureSet; second: FeatureSet; groups: number; signal?: AbortSignal },
): Promise<KernelSums> {
  const [inFirst, inSecond] = [first, second].map(({ dims }) => groupsOf(dims[0]!, groups));
  const totals = new Float64Array(groups ** 2);
  const own = new Float64Array(groups);
  for (const { from: atX, rows: x } of blocksOf(first)) {
    for (const { from: atY, rows: y } of blocksOf(second)) {
      signal?.throwIfAborted();
      const inX = membership(inFirst!, atX, x.dims[0]!, groups);
      const inY = membership(inSecond!, atY, y.dims[0]!, groups);
      const result = await runner.run(program, { x, y, inX, inY }, { totals: "host", own: "host" });
      result.totals!.data.forEach((value, i) => {
        totals[i]! += Number(value);
      });
      if (atY > 0) continue; // the same beside every other block
      result.own!.data.forEach((value, i) => {
        own[i]! += Number(value);
      });
    }
  }
  const countsOf = (groupOf: readonly number[]) =>
    Array.from({ length: groups }, (_, group) => groupOf.filter((each) => each === group).length);
  return { totals, own, counts: [countsOf(inFirst!), countsOf(inSecond!)] };
}

/** [count], the group of every vector: parts of nearly equal size, in order. */
const groupsOf = (count: number, groups: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor((i * groups) / count));

/** [rows, G], 1 where a row is in a group. */
function membership(
  groupOf: readonly number[],
  from: number,
  rows: number,
  groups: number,
): HostTensor<"float64"> {
  const data = new Float64Array(rows * groups);
  for (let row = 0; row < rows; row++) data[row * groups + groupOf[from + row]!] = 1;
  return tensor("float64", [rows, groups], data);
}

/** The mean of the kernel over the pairs of two sets, of the groups that are kept. */
function meanOfAll(sums: KernelSums, isKept: (group: number) => boolean): number {
  const [n, m] = sums.counts.map((counts) => keptSum(counts, isKept));
  return keptTotal(sums, isKept) / (n! * m!);
}

/** The same of one set, over pairs of different vectors. */
function meanOfPairs(sums: KernelSums, isKept: (group: number) => boolean): number {
  const n = keptSum(sums.counts[0], isKept);
  return (keptTotal(sums, isKept) - keptSum(sums.own, isKept)) / (n * (n - 1));
}

function keptTotal({ totals, own }: KernelSums, isKept: (group: number) => boolean): number {
  const groups = own.length;
  return totals.reduce(
    (total, value, at) => (isKept(Math.floor(at / groups)) && isKept(at % groups) ? total + value : total),
    0,
  );
}

const keptSum = (values: ArrayLike<number>, isKept: (group: number) => boolean): number =>
  Array.from(values).reduce((total, value, group) => (isKept(group) ? total + value : total), 0);
