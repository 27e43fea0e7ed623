/**
 * The Halton order of a grid's cells: a fixed order in which every leading part covers the grid evenly
 * (Halton-MaskGIT, Besnier et al., ICLR 2025). Rows follow base 2, columns base 3, frames of a video base 5.
 */

/**
 * The grid positions 0..N-1 in the order in which the Halton sequence, from its point 1 on, first falls into them.
 *
 * @param shape  [rows, columns] or [frames, rows, columns]; N is the product
 */
export function haltonOrder(shape: readonly number[]): Int32Array {
  const bases = [5, 2, 3].slice(3 - shape.length);
  const order = new Int32Array(shape.reduce((product, side) => product * side, 1));
  const isTaken = new Uint8Array(order.length);
  for (let point = 1, found = 0; found < order.length; point++) {
    const cell = shape.reduce((index, side, axis) => {
      return index * side + Math.floor(radicalInverse(point, bases[axis]) * side);
    }, 0);
    if (isTaken[cell]) continue;
    isTaken[cell] = 1;
    order[found++] = cell;
  }
  return order;
}

/** The digits of `index` in `base`, mirrored at the point: 6 = 110 in base 2 gives 0.011 = 3/8. */
function radicalInverse(index: number, base: number): number {
  let numerator = 0;
  let denominator = 1;
  for (let rest = index; rest > 0; rest = Math.floor(rest / base)) {
    numerator = numerator * base + (rest % base);
    denominator *= base;
  }
  return numerator / denominator;
}
