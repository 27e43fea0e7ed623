/**
 * The Fréchet distance between two sets of feature vectors, each taken as a Gaussian (Dowson & Landau 1982; Heusel et
 * al. 2017 apply it to features of pictures):
 *
 *   d² = |m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^(1/2))
 *
 * It is called a distance, as the field does, though it is its square. F feature width, n vectors in a set.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** What is kept of a set: memory grows with F², not with n. Updated in place by {@link addFeatures}. */
export interface FeatureStatistics {
  readonly width: number;
  /** n. */
  count: number;
  /** [F]. */
  readonly mean: Float64Array;
  /** [F, F], the sum of (x - mean)(x - mean)'. */
  readonly scatter: Float64Array;
}

export interface FrechetDistance {
  /** d², at least 0. */
  readonly distance: number;
  /** |m1 - m2|², the part of it that the means make. */
  readonly ofMeans: number;
  /**
   * A set has too few vectors (n <= F) for its covariance to have full rank: the distance is then much too large and
   * says little.
   */
  readonly isUnderSampled: boolean;
}

/** The statistics of an empty set. */
export function emptyStatistics(width: number): FeatureStatistics {
  return { width, count: 0, mean: new Float64Array(width), scatter: new Float64Array(width * width) };
}

/**
 * Adds vectors to a set, one at a time, by Welford's update: no large sums cancel, whatever the mean is.
 *
 * @param rows  [n, F], row-major
 * @throws when their number is not whole, or one holds something that is not a finite number
 */
export function addFeatures(statistics: FeatureStatistics, rows: ArrayLike<number>): void {
  const { width, mean, scatter } = statistics;
  if (rows.length % width !== 0) {
    throw new Error(`addFeatures: needs rows of ${width} numbers, got ${rows.length} numbers`);
  }
  const before = new Float64Array(width);
  for (let start = 0; start < rows.length; start += width) {
    statistics.count++;
    for (let i = 0; i < width; i++) {
      const value = rows[start + i]!;
      if (!Number.isFinite(value)) throw new Error(`addFeatures: feature ${i} of a row is ${value}`);
      before[i] = value - mean[i]!;
      mean[i] = mean[i]! + before[i]! / statistics.count;
    }
    for (let i = 0; i < width; i++) {
      const after = rows[start + i]! - mean[i]!;
      for (let j = 0; j < width; j++) scatter[i * width + j]! += after * before[j]!;
    }
  }
}

/** The statistics of one array of vectors [n, F]. */
export function statisticsOf(rows: ArrayLike<number>, width: number): FeatureStatistics {
  const statistics = emptyStatistics(width);
  addFeatures(statistics, rows);
  return statistics;
}

/** The unbiased covariance [F, F], made symmetric to the last bit. */
function covariance({ width, count, scatter }: FeatureStatistics): Matrix {
  const matrix = new Matrix(width, width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      matrix.set(i, j, (scatter[i * width + j]! + scatter[j * width + i]!) / (2 * (count - 1)));
    }
  }
  return matrix;
}

function eigen(symmetric: Matrix): { values: number[]; vectors: Matrix } {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  // Rounding leaves zeros of a covariance slightly below zero.
  return { values: realEigenvalues.map((value) => Math.max(0, value)), vectors: eigenvectorMatrix };
}

/** The symmetric square root of a covariance: V diag(sqrt(values)) V'. */
function squareRoot(symmetric: Matrix): Matrix {
  const { values, vectors } = eigen(symmetric);
  return vectors.mmul(Matrix.diag(values.map(Math.sqrt))).mmul(vectors.transpose());
}

/**
 * The distance between two sets. The trace of (S1 S2)^(1/2) is that of (R S2 R)^(1/2) with R = S1^(1/2), whose inside
 * is symmetric, so its eigenvalues are real and not negative.
 *
 * @throws when the widths differ or a set has fewer than two vectors
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): FrechetDistance {
  if (a.width !== b.width) {
    throw new Error(`frechetDistance: features must be of one width, got ${a.width} and ${b.width}`);
  }
  const fewest = Math.min(a.count, b.count);
  if (fewest < 2) throw new Error(`frechetDistance: a set needs at least 2 vectors, got ${fewest}`);
  const ofMeans = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0);
  const first = covariance(a);
  const second = covariance(b);
  const root = squareRoot(first);
  const product = root.mmul(second).mmul(root);
  const symmetric = product.clone().add(product.transpose()).mul(0.5);
  const crossTrace = eigen(symmetric).values.reduce((sum, value) => sum + Math.sqrt(value), 0);
  const ofShapes = first.trace() + second.trace() - 2 * crossTrace;
  return { distance: Math.max(0, ofMeans + ofShapes), ofMeans, isUnderSampled: fewest <= a.width };
}
