/**
 * Keeps a learned codebook alive: codes that no token chose for a while are moved onto latents of the current batch
 * (random restarts, as in Jukebox, Dhariwal et al. 2020), so that every row of the codebook earns its place.
 */
import { integerAt, type Key } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { codebookName } from "../models/tokenizer/quantizer.ts";
import type { Runner } from "../runtime/runner.ts";

/** Counts how often each code was chosen since the last restart. */
export interface CodebookUse {
  readonly counts: Uint32Array;
}

/** A count that has seen nothing. */
export function emptyUse(codebookSize: number): CodebookUse {
  return { counts: new Uint32Array(codebookSize) };
}

/** Counts the ids of one batch. */
export function countUse(use: CodebookUse, ids: ArrayLike<number>): void {
  for (let i = 0; i < ids.length; i++) use.counts[ids[i]!]!++;
}

/** The share of codes chosen at least once, in [0, 1]. */
export function usedShare({ counts }: CodebookUse): number {
  return counts.reduce((used, count) => used + (count > 0 ? 1 : 0), 0) / counts.length;
}

/**
 * Moves every unused code onto a random latent, forgets its optimiser moments, and starts a new count.
 *
 * @param latents  [R, d] of the current batch
 * @returns how many codes were moved
 */
export async function restartDeadCodes(
  runner: Runner,
  use: CodebookUse,
  latents: HostTensor,
  key: Key,
): Promise<number> {
  const dead = [...use.counts.keys()].filter((code) => use.counts[code] === 0);
  use.counts.fill(0);
  if (dead.length === 0) return 0;
  const names = ["weight", "first", "second", "average"].map((kind) => `${kind}/${codebookName}`);
  const state = await runner.get(names);
  const [rows, width] = latents.dims as [number, number];
  const source = latents.data as Float32Array;
  dead.forEach((code, i) => {
    const from = integerAt(key, i, rows) * width;
    const latent = source.subarray(from, from + width);
    for (const name of names) {
      const row = (state[name]!.data as Float32Array).subarray(code * width, (code + 1) * width);
      if (name.startsWith("weight") || name.startsWith("average")) row.set(latent);
      else row.fill(0);
    }
  });
  await runner.put(state);
  return dead.length;
}
