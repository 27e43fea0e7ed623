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
 * Notes the encodings of a pass: what the request's active positions held. A masked position counts as undecided even
 * where a condition token stood in for the mask: decided as that very token it runs once more, so that the number of
 * active positions never depends on what was sampled.
 */
export function recordEncoding(ledger: CacheLedger, request: PredictRequest): void {
  const gridTokens = ledger.tokens.length / request.batch;
  const active = request.positions.length / request.batch;
  for (let activeRow = 0; activeRow < request.positions.length; activeRow++) {
    const cell = Math.floor(activeRow / active) * gridTokens + request.positions[activeRow];
    ledger.tokens[cell] = request.tokens[activeRow];
  }
  const masked = request.masked.length / request.batch;
  for (const [row, activeIndex] of request.masked.entries()) {
    const sample = Math.floor(row / masked);
    const position = request.positions[sample * active + activeIndex];
    ledger.tokens[sample * gridTokens + position] = undecided;
  }
}

/**
 * The grid positions of a sample that a partial step must run, ascending: those still masked, since their logits are
 * wanted, and those whose entry is missing or was made with another id.
 *
 * @param tokens  [B, N] the current ids
 */
export function stalePositions(
  ledger: CacheLedger,
  tokens: Int32Array,
  maskId: number,
  sample: number,
  gridTokens: number,
): number[] {
  const stale: number[] = [];
  for (let position = 0; position < gridTokens; position++) {
    const cell = sample * gridTokens + position;
    if (tokens[cell] === maskId || ledger.tokens[cell] !== tokens[cell]) stale.push(position);
  }
  return stale;
}
