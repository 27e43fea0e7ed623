/** Whole grids for previews, from grids whose tokens are only partly known. */

/**
 * Grids in which every masked cell has the id of a known token nearest to it, in steps along rows, columns and frames.
 * Equal distances go to the token that the search, which begins with the lower positions, comes from first.
 *
 * B samples, N grid tokens.
 *
 * @param tokens  [B, N], in each sample one known token at least
 * @param shape   [rows, columns] or [frames, rows, columns]; N is the product
 * @returns [B, N] without the mask id; the given array is left alone
 */
export function fillFromNearest(tokens: Int32Array, maskId: number, shape: readonly number[]): Int32Array {
  const filled = tokens.slice();
  const gridTokens = shape.reduce((product, side) => product * side, 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  for (let first = 0; first < filled.length; first += gridTokens) {
    const grid = filled.subarray(first, first + gridTokens);
    // Breadth first from all known tokens together: what is reached first is reached from a nearest one.
    const reached: number[] = [];
    for (const [position, token] of grid.entries()) if (token !== maskId) reached.push(position);
    for (const position of reached) {
      for (const [axis, stride] of strides.entries()) {
        const place = Math.floor(position / stride) % shape[axis]!;
        for (const [next, isInside] of [
          [position - stride, place > 0],
          [position + stride, place < shape[axis]! - 1],
        ] as const) {
          if (!isInside || grid[next] !== maskId) continue;
          grid[next] = grid[position]!;
          reached.push(next); // the loop comes to it later
        }
      }
    }
  }
  return filled;
}
