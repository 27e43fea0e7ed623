/**
 * The Fréchet distance between two sets of feature vectors, each taken as a Gaussian (Dowson & Landau 1982; Heusel et
 * al. 2017 apply it to features of images):
 *
 *   d² = |m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^(1/2))
 *
 * It is called a distance, as the field does, though it is its square. F feature width, n vectors in a set.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from "ml-matrix";
import { tensor } from "../../core/tensor.ts";
import { encode, Graph, matmul } from "../../graph/index.ts";
import type { Runner } from "../../runtime/runner.ts";

/** What is kept of a set: memory grows with F², not with n. statistics-stream.ts gathers it. */
export interface FeatureStatistics {
  /** F. */
  readonly width: number;
  /** n. */
  readonly count: number;
  /** [F]. */
  readonly mean: Float64Array;
  /** [F, F], the sum of (x - mean)(x - mean)'. */
  readonly scatter: Float64Array;
}

/** The Gaussian of a set: of its features, or from a file (statistics-file.ts). */
export interface Moments {
  /** F. */
  readonly width: number;
  /** n; null where the file does not tell. */
  readonly count: number | null;
  /** [F]. */
  readonly mean: Float64Array;
  /** [F, F], symmetric: the unbiased covariance. */
  readonly covariance: Float64Array;
}

/** A Fréchet distance, with what tells how far to trust it. */
export interface FrechetDistance {
  /** d², at least 0. */
  readonly distance: number;
  /** |m1 - m2|², the part of it that the means make. */
  readonly ofMeans: number;
  /**
   * A set is known to have too few vectors (n <= F) for its covariance to have full rank: the distance is then much
   * too large and says little.
   */
  readonly isUnderSampled: boolean;
}

/**
 * Mean and unbiased covariance, symmetric to the last bit.
 *
 * @throws when there are fewer than two vectors
 */
export function momentsOf({ width, count, mean, scatter }: FeatureStatistics): Moments {
  if (count < 2) throw new Error(`momentsOf: a set needs at least 2 vectors, got ${count}`);
  const covariance = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      covariance[i * width + j] = (scatter[i * width + j]! + scatter[j * width + i]!) / (2 * (count - 1));
    }
  }
  return { width, count, mean, covariance };
}

/**
 * The distance between two sets. The runner multiplies the [F, F] matrices, in float64; the factors and eigenvalues are
 * computed here, in seconds for some hundred features and minutes for 2048.
 *
 * @param runner  on the CPU, which alone has float64
 * @throws Error when the widths differ or a set has fewer than two vectors
 */
export async function frechetDistance(
  runner: Runner,
  a: FeatureStatistics | Moments,
  b: FeatureStatistics | Moments,
): Promise<FrechetDistance> {
  const pair = gaussians(a, b);
  const { factor, second } = factored(pair);
  const { width } = pair.first;
  const graph = new Graph("congruence");
  const [left, right] = ["factor", "second"].map((name) => graph.input(name, "float64", [width, width]));
  graph.output("inner", matmul(matmul(left!, right!, { a: true }), left!));
  const program = await runner.load(encode(graph));
  try {
    const fed = (matrix: Matrix) => tensor("float64", [width, width], Float64Array.from(matrix.to1DArray()));
    const feeds = { factor: fed(factor), second: fed(second) };
    const { inner } = await runner.run(program, feeds, { inner: "host" });
    return distanceOf(pair, square(inner!.data as Float64Array, width));
  } finally {
    await runner.unload(program);
  }
}

interface Pair {
  readonly first: Moments;
  readonly second: Moments;
}

function gaussians(a: FeatureStatistics | Moments, b: FeatureStatistics | Moments): Pair {
  if (a.width !== b.width) {
    throw new Error(`frechetDistance: features must be of one width, got ${a.width} and ${b.width}`);
  }
  const [first, second] = [a, b].map((set) => ("scatter" in set ? momentsOf(set) : set));
  return { first: first!, second: second! };
}

/**
 * S2 beside a factor L of S1 = L L'. (S1 S2)^(1/2) has the trace of (L' S2 L)^(1/2), whose inside is symmetric, so
 * its eigenvalues are real and not negative.
 */
function factored({ first, second }: Pair): { factor: Matrix; second: Matrix } {
  const { width } = first;
  return { factor: factorOf(square(first.covariance, width)), second: square(second.covariance, width) };
}

/** L with S = L L': Cholesky's, or where S has not full rank V diag(sqrt(values)), which takes ten times as long. */
function factorOf(symmetric: Matrix): Matrix {
  const cholesky = new CholeskyDecomposition(symmetric);
  if (cholesky.isPositiveDefinite()) return cholesky.lowerTriangularMatrix;
  const { realEigenvalues, eigenvectorMatrix } = eigen(symmetric);
  return eigenvectorMatrix.mulRowVector(realEigenvalues.map(root));
}

/** @param inner  L' S2 L */
function distanceOf({ first, second }: Pair, inner: Matrix): FrechetDistance {
  const ofMeans = first.mean.reduce((sum, value, i) => sum + (value - second.mean[i]!) ** 2, 0);
  const symmetric = inner.clone().add(inner.transpose()).mul(0.5);
  const crossTrace = eigen(symmetric).realEigenvalues.reduce((sum, value) => sum + root(value), 0);
  const ofShapes = trace(first) + trace(second) - 2 * crossTrace;
  const counts = [first.count, second.count].filter((count) => count !== null);
  return {
    distance: Math.max(0, ofMeans + ofShapes),
    ofMeans,
    isUnderSampled: counts.some((count) => count <= first.width),
  };
}

const eigen = (symmetric: Matrix) => new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });

/** Rounding leaves zeros of a covariance slightly below zero. */
const root = (value: number): number => Math.sqrt(Math.max(0, value));

const square = (values: Float64Array, width: number): Matrix => Matrix.from1DArray(width, width, values);

function trace({ width, covariance }: Moments): number {
  return covariance.reduce((sum, value, i) => sum + (i % (width + 1) === 0 ? value : 0), 0);
}
