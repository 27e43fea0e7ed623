/**
 * What the key/value caches hold: for each sample and grid position, the decided token id with which it was last
 * encoded. An entry is stale where the token has changed since. One ledger serves both branches of guidance: a branch
 * that runs was refreshed together with the other (see resolve-plan.ts) and has encoded the same positions ever since.
 *
 * B samples, N grid tokens, A active positions; cells, rows and indices as at the head of decode.ts.
 */
import type { PredictRequest } from "./predict.ts";

export interface CacheLedger {
  /** [B, N] id at the last encoding; {@link undecided} before the first, and where it was not a decided token's. */
  readonly tokens: Int32Array;
}

export const undecided = -1;

/** A ledger of empty caches. */
export function emptyLedger(batch: number, gridTokens: number): CacheLedger {
  return { tokens: new Int32Array(batch * gridTokens).fill(undecided) };
}

/**
 * Notes the encodings of a pass, at the request's active positions. A masked position counts as undecided even where a
 * condition token stood in for the mask: decided as that very token it runs once more, so that the number of active
 * positions never depends on what was sampled.
 *
 * @param tokens  [B, N] the ids when the pass began
 */
export function recordEncoding(
  ledger: CacheLedger,
  { positions, batch }: Pick<PredictRequest, "positions" | "batch">,
  tokens: Int32Array,
  maskId: number,
): void {
  const gridTokens = ledger.tokens.length / batch;
  const active = positions.length / batch;
  for (const [activeRow, position] of positions.entries()) {
    const cell = Math.floor(activeRow / active) * gridTokens + position;
    ledger.tokens[cell] = tokens[cell] === maskId ? undecided : tokens[cell];
  }
}

/**
 * The grid positions of a sample that a partial step must run, ascending: those to be predicted, and the decided ones
 * whose entry is missing or was made with another id.
 *
 * @param tokens     [B, N] the current ids
 * @param predicted  masked positions of the sample, ascending
 */
export function positionsToRun(
  ledger: CacheLedger,
  tokens: Int32Array,
  maskId: number,
  sample: number,
  gridTokens: number,
  predicted: readonly number[],
): number[] {
  const isPredicted = new Set(predicted);
  return Array.from({ length: gridTokens }, (_, position) => position).filter((position) => {
    const token = tokens[sample * gridTokens + position];
    const isStale = token !== maskId && ledger.tokens[sample * gridTokens + position] !== token;
    return isStale || isPredicted.has(position);
  });
}
