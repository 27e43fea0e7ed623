/** What the server says of the trainings that it was given: types that it and the page share. */

/** `runs/index.json`. Addresses are relative to the page. */
export interface RunList {
  readonly runs: readonly ListedRun[];
}

/** A training. */
export interface ListedRun {
  /** Of its folder; no two have the same. */
  readonly name: string;
  /** Whether a process trains there now. */
  readonly isTraining: boolean;
  readonly stages: readonly ListedStage[];
}

/** One network's part of a training. */
export interface ListedStage {
  /** "tokenizer", "transformer", "decoder". */
  readonly name: string;
  /** Steps it is to have; null: nobody knows. */
  readonly steps: number | null;
  /** The log, a line of JSON per logged step; null before the first one. */
  readonly metrics: {
    readonly url: string;
    readonly bytes: number;
    /** Another one after the log was written anew: what was read of it no longer counts. */
    readonly id: string;
  } | null;
  /** Images made on the way, in the order of their steps. */
  readonly samples: readonly { readonly step: number; readonly url: string }[];
}
