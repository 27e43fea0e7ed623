/** What every drawn dataset gives: numbered drawings as SVG text, the same on every platform. Pixels are made elsewhere. */

/** One drawing. */
export interface Drawing {
  /** An SVG document; of a video its frames below one another, the first on top. */
  readonly svg: string;
  readonly classId: number;
}

/** The drawings of one seed, as many as one asks for. */
export interface DrawnSet {
  readonly name: string;
  /** In class order. */
  readonly classNames: readonly string[];
  /** Side of its square drawings, in pixels. */
  readonly resolution: number;
  /** T of its videos; left out: they are still images. */
  readonly frames?: number;
  /**
   * Drawing `index`, a whole number in 0..2^32 - 1: a pure function of the set's seed and the index.
   *
   * @throws InputError for another index
   */
  svg(index: number): Drawing;
}
