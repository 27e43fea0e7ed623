/**
 * The seam between decoding and a model: what one decode step asks, and what comes back. Decoding knows nothing of
 * graphs; whoever implements {@link Predict} owns the networks and their key/value caches.
 *
 * B samples, N grid tokens, A active positions, M predicted ones among them: masked positions for which ids are wanted,
 * all of them unless the plan says that only those needed run. Row-major.
 */
import type { ResolvedStep } from "./resolve-plan.ts";

export interface PredictRequest {
  /** k, the step's index in the plan. */
  readonly step: number;
  /** The conditional branch's downscale factor p. */
  readonly factor: number;
  /** The unconditional branch's factor; null: no unconditional pass in this step. */
  readonly unconditionalFactor: number | null;
  /** s of logits = cond + s (cond - uncond); 0 exactly when `unconditionalFactor` is null. */
  readonly guidanceScale: number;
  /**
   * True: every grid position and the class token run, and each branch in use refills its whole cache. False: only
   * the active positions run, write their keys and values into the cache of each branch in use, and attend to all
   * N+1; every branch in use then was in use in the step before with the same factor.
   */
  readonly isFull: boolean;
  /** Whether the next step is partial: only then need this one's keys and values be kept. */
  readonly isCacheRead: boolean;
  /** B. */
  readonly batch: number;
  /** [B, A] token ids of the active positions; where masked, the mask id or a condition token to refine. */
  readonly tokens: Int32Array;
  /** [B, A] grid positions 0..N-1, ascending per sample; A = N in a full step. */
  readonly positions: Int32Array;
  /** [B, M] indices into the active list (0..A-1), ascending per sample. */
  readonly predicted: Int32Array;
  /** [B, M] one uniform number in [0, 1) per predicted position, for the inverse CDF. */
  readonly uniforms: Float32Array;
  /** Logits are divided by it before sampling; above 0. */
  readonly tokenTemperature: number;
  /** Keep only the k likeliest ids, or null. */
  readonly topK: number | null;
  /** Keep the fewest ids whose probabilities reach p in (0, 1], or null. */
  readonly topP: number | null;
  /** Keep the ids at least so likely as this fraction, in (0, 1], of the likeliest, or null. */
  readonly minP: number | null;
  /** Whether the entropies are wanted. */
  readonly wantsEntropies: boolean;
}

export interface PredictResult {
  /** [B, M] a sampled id per predicted position; never the mask id. */
  readonly ids: Int32Array;
  /** [B, M] log probability of each sampled id. */
  readonly logProbs: Float32Array;
  /** [B, M] the entropy in nats of the distribution that each id was drawn from; only where wanted. */
  readonly entropies?: Float32Array;
}

/** One pass of the model (both branches under guidance). The decode loop never has two in flight. */
export type Predict = (request: PredictRequest) => Promise<PredictResult>;

/** What the shape of a step's computation depends on. */
export type StretchStep = Pick<
  ResolvedStep,
  "factor" | "unconditionalFactor" | "isFull" | "active" | "maskedBefore" | "predicted" | "unmaskCount"
>;

/** Several steps in a row, of which the first is full: what is known of them before they run. */
export interface Stretch extends Pick<PredictRequest, "topK" | "topP" | "minP"> {
  /** [S] those of the plan. */
  readonly steps: readonly ResolvedStep[];
  /** Whether the tokens to keep follow an order that does not depend on what is drawn. */
  readonly isOrderFixed: boolean;
}

/**
 * What {@link Predict} would answer to each step of a stretch, if the tokens were chosen between them as the decode loop
 * does it.
 *
 * S steps; B, N as above; here M are the masked positions at the start.
 */
export interface StretchRequest extends Stretch, Pick<PredictRequest, "batch"> {
  /** [B, N] token ids; where masked, the mask id or a condition token to refine. */
  readonly tokens: Int32Array;
  /** [B, M] grid positions, ascending per sample. */
  readonly masked: Int32Array;
  /** [S, B, N] one uniform number in [0, 1) for each position that may be masked. */
  readonly uniforms: Float32Array;
  /** [S, B, N] what is added, in float32, to the log probability of an id to give its score; with a fixed order the score. */
  readonly noise: Float32Array;
}

export interface StretchResult {
  /** [S] */
  readonly results: readonly PredictResult[];
  /** [B, M] the positions that were masked in the last step, by which both sides see that they chose alike. */
  readonly maskedLast: Int32Array;
}

/** A stretch of steps at once. */
export type PredictStretch = (request: StretchRequest) => Promise<StretchResult>;
