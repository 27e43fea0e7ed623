/** What Newton-Schulz iteration gives, by a singular value decomposition in float64. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";

/** The five iterations of Jordan et al. 2024 of one number. */
export function iterated(x: number): number {
  let y = x;
  for (let i = 0; i < 5; i++) y = 3.4445 * y - 4.775 * y ** 3 + 2.0315 * y ** 5;
  return y;
}

/** U f(S / |S|) V^T of the matrix U S V^T with so many rows, given and returned row by row. */
export function orthogonalised(values: readonly number[], rows: number): number[] {
  const x = Matrix.from1DArray(rows, values.length / rows, [...values]);
  const {
    leftSingularVectors: u,
    rightSingularVectors: v,
    diagonal,
  } = new SingularValueDecomposition(x, { autoTranspose: true });
  const s = Matrix.diag(diagonal.map((value) => iterated(value / x.norm("frobenius"))));
  return u.mmul(s).mmul(v.transpose()).to1DArray();
}
