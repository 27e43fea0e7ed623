/**
 * Adaptive unmasking: a step decodes as many tokens as the model is sure enough of (EB-Sampler, Ben-Hamu et al. 2025,
 * arXiv 2505.24857).
 *
 * Tokens of one step are drawn each by itself. What is lost by that is at most the sum of their entropies H less the
 * largest, since jointly they have at least the largest. The bound limits it, over the tokens in order of their score.
 *
 * Ours differs in that a step never decodes fewer tokens than the mask schedule says, so that K steps are enough, and in
 * that steps have the settings of the schedule's: a step whose tokens were all decoded before does not run. With as many
 * steps as tokens, the schedule asks for one token a step, and the entropies alone decide.
 */

/** How many tokens a step decodes: as many as keep the sum of H less the largest H within the bound. */
export interface EntropyRule {
  readonly kind: "entropy";
  /** In nats, 0 or above; at 0 no more than scheduled, but for tokens without any doubt. */
  readonly bound: number;
}

/**
 * How many leading tokens keep within the bound: at least one where there is one, since one alone loses nothing. No
 * more of them would, since what is lost never shrinks by one token more.
 *
 * @param entropies  in nats, 0 or above, the token that is kept first coming first
 */
export function countWithinBound(entropies: readonly number[], bound: number): number {
  let largest = 0;
  let others = 0;
  const beyond = entropies.findIndex((entropy) => {
    others += Math.min(entropy, largest);
    largest = Math.max(entropy, largest);
    return others > bound;
  });
  return beyond < 0 ? entropies.length : beyond;
}

/**
 * How many tokens are still masked after each step, when so many are after step k: later steps go on to what the
 * schedule says, where that is fewer.
 *
 * @param maskedAfter  [K] as planned
 */
export function goneOnFrom(maskedAfter: readonly number[], step: number, masked: number): number[] {
  return maskedAfter.map((count, k) => (k < step ? count : k === step ? masked : Math.min(count, masked)));
}
