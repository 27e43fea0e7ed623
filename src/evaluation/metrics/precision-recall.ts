/**
 * Improved precision and recall (Kynkäänniemi et al., NeurIPS 2019). Around each vector of a set lies a ball that
 * reaches to its k-th nearest neighbour in the set; the set's manifold is the union of the balls. Precision is the share of
 * generated vectors within the real manifold, recall that of real vectors within the generated one. F feature width.
 */
import { requireInput } from "../../core/errors.ts";
import {
  add,
  cast,
  encode,
  Graph,
  greater,
  matmul,
  multiply,
  reshape,
  square,
  subtract,
  sum,
} from "../../graph/index.ts";
import type { Program, Runner } from "../../runtime/runner.ts";
import { blocksOf, checkFeatures, type FeatureSet } from "./feature-set.ts";

/**
 * Precision: the share of made vectors within the reference set's manifold. Recall: the share of reference vectors
 * within theirs.
 */
export interface PrecisionRecall {
  /** In [0, 1]. */
  readonly precision: number;
  /** In [0, 1]. */
  readonly recall: number;
}

/** Options of precision and recall. */
export interface PrecisionRecallOptions {
  /** k, default 3. */
  readonly neighbours?: number;
  readonly signal?: AbortSignal;
}

/**
 * Precision and recall of generated vectors; both figures fall with the size of the sets, so compare equal sizes.
 *
 * @param real  [N, F]
 * @param generated  [M, F]
 * @throws InputError when a set has no k + 1 vectors
 */
export async function precisionRecall(
  runner: Runner,
  real: FeatureSet,
  generated: FeatureSet,
  { neighbours = 3, signal }: PrecisionRecallOptions = {},
): Promise<PrecisionRecall> {
  checkFeatures("precisionRecall", real, generated);
  const fewest = Math.min(real.dims[0]!, generated.dims[0]!);
  requireInput(
    Number.isInteger(neighbours) && neighbours >= 1 && neighbours < fewest,
    `precision and recall: neighbours must be an integer of at least 1 and less than the vectors of a set, ` +
      `${fewest}, got ${neighbours}`,
  );
  const program = await runner.load(encode(distanceGraph(real.dims[1]!)));
  try {
    const pairs = (a: FeatureSet, b: FeatureSet) => distanceBlocks(runner, program, a, b, signal);
    const realRadii = await squaredRadii(pairs(real, real), real.dims[0]!, neighbours);
    const generatedRadii = await squaredRadii(pairs(generated, generated), generated.dims[0]!, neighbours);
    const isRealistic = new Uint8Array(generated.dims[0]!);
    const isRecalled = new Uint8Array(real.dims[0]!);
    for await (const { row, column, squared, columns } of pairs(real, generated)) {
      for (let i = 0; i < squared.length; i++) {
        const [x, y] = [row + Math.floor(i / columns), column + (i % columns)];
        if (squared[i]! <= realRadii[x]!) isRealistic[y] = 1;
        if (squared[i]! <= generatedRadii[y]!) isRecalled[x] = 1;
      }
    }
    return { precision: share(isRealistic), recall: share(isRecalled) };
  } finally {
    await runner.unload(program);
  }
}

function share(flags: Uint8Array): number {
  return flags.reduce((total, flag) => total + flag, 0) / flags.length;
}

/**
 * Vectors nearer than this share of their norms, squared, are one vector: less than float32 features tell apart, more
 * than rounding leaves of |a|² + |b|² - 2 a·b.
 */
const resolution = 1e-12;

/** a [N, F], b [M, F] -> `squared` [N, M], the squared distances. */
function distanceGraph(width: number): Graph {
  const graph = new Graph("squared distances");
  const a = graph.input("a", "float64", ["N", width]);
  const b = graph.input("b", "float64", ["M", width]);
  const norms = add(sum(square(a), [1], true), reshape(sum(square(b), [1]), [1, "M"])); // [N, M]
  const squared = subtract(norms, multiply(matmul(a, b, { b: true }), 2));
  const isApart = greater(squared, multiply(norms, resolution));
  graph.output("squared", multiply(squared, cast(isApart, "float64")));
  return graph;
}

interface DistanceBlock {
  /** The indices of its first vectors in the two sets. */
  readonly row: number;
  readonly column: number;
  readonly columns: number;
  /** [rows, columns]. */
  readonly squared: Float64Array;
}

async function* distanceBlocks(
  runner: Runner,
  program: Program,
  a: FeatureSet,
  b: FeatureSet,
  signal?: AbortSignal,
): AsyncGenerator<DistanceBlock> {
  for (const { from: row, rows } of blocksOf(a)) {
    for (const { from: column, rows: others } of blocksOf(b)) {
      signal?.throwIfAborted();
      const { squared } = await runner.run(program, { a: rows, b: others }, { squared: "host" });
      yield { row, column, columns: others.dims[0]!, squared: squared!.data as Float64Array };
    }
  }
}

/** The squared distance of each vector to its k-th neighbour, from the distances of a set to itself. */
async function squaredRadii(
  blocks: AsyncIterable<DistanceBlock>,
  count: number,
  neighbours: number,
): Promise<Float64Array> {
  // The nearest of all is the vector itself, at 0.
  const kept = neighbours + 1;
  const nearest = new Float64Array(count * kept).fill(Infinity); // [count, kept], ascending
  for await (const { row, columns, squared } of blocks) {
    for (let i = 0; i < squared.length; i++) {
      const start = (row + Math.floor(i / columns)) * kept;
      let at = start + kept;
      if (squared[i]! >= nearest[at - 1]!) continue;
      while (--at > start && nearest[at - 1]! > squared[i]!) nearest[at] = nearest[at - 1]!;
      nearest[at] = squared[i]!;
    }
  }
  return Float64Array.from({ length: count }, (_, i) => nearest[i * kept + neighbours]!);
}
