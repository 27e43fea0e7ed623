/**
 * The Fréchet distance and its statistics in plain JavaScript, a vector at a time: what the engine's are held against.
 * F feature width.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { type FeatureStatistics, momentsOf } from "../../../src/evaluation/metrics/frechet.ts";

/** The statistics of vectors [n, F], row-major, by Welford's update: no large sums cancel, whatever the mean is. */
export function plainStatistics(rows: ArrayLike<number>, width: number): FeatureStatistics {
  const mean = new Float64Array(width);
  const scatter = new Float64Array(width * width);
  const before = new Float64Array(width);
  let count = 0;
  for (let start = 0; start < rows.length; start += width) {
    count++;
    for (let i = 0; i < width; i++) {
      before[i] = rows[start + i]! - mean[i]!;
      mean[i] = mean[i]! + before[i]! / count;
    }
    for (let i = 0; i < width; i++) {
      const after = rows[start + i]! - mean[i]!;
      for (let j = 0; j < width; j++) scatter[i * width + j]! += after * before[j]!;
    }
  }
  return { width, count, mean, scatter };
}

/** |m1 - m2|² + tr(S1 + S2 - 2 (S1^(1/2) S2 S1^(1/2))^(1/2)), the roots by eigenvalues. */
export function plainFrechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const [first, second] = [a, b].map((set) => {
    const { mean, covariance, width } = momentsOf(set);
    return { mean, covariance: Matrix.from1DArray(width, width, covariance) };
  }) as [{ mean: Float64Array; covariance: Matrix }, { mean: Float64Array; covariance: Matrix }];
  const ofMeans = first.mean.reduce((sum, value, i) => sum + (value - second.mean[i]!) ** 2, 0);
  const root = squareRoot(first.covariance);
  const inner = root.mmul(second.covariance).mmul(root);
  return (
    ofMeans + first.covariance.trace() + second.covariance.trace() - 2 * squareRoot(symmetric(inner)).trace()
  );
}

function squareRoot(matrix: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, {
    assumeSymmetric: true,
  });
  const roots = realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  return eigenvectorMatrix.mmul(Matrix.diag(roots)).mmul(eigenvectorMatrix.transpose());
}

const symmetric = (matrix: Matrix): Matrix => matrix.clone().add(matrix.transpose()).mul(0.5);
