/**
 * What the page and the engine's worker say to each other. The page asks, with a number of its own; the worker tells events,
 * and in the end answers or refuses. Every value is copied or handed over, none is shared.
 *
 * B images of one batch, N grid tokens.
 */
import type {
  DecodePlan,
  Device,
  FetchProgress,
  GenerateStats,
  GenerativeModel,
  ListedModel,
  PixelMask,
  Raster,
  RequestSubject,
  Seed,
  Task,
} from "../../src/browser.ts";

/** Where a worker computes. */
export interface Place {
  readonly device: Extract<Device, "webgpu" | "wasm">;
  /** Of WebAssembly; 1 on WebGPU. */
  readonly threads: number;
}

export interface OpenArgs extends Place {
  readonly model: ListedModel;
  /** Of the model's folder. */
  readonly url: string;
  /** Of the folder with ONNX Runtime's files, with a slash at its end. */
  readonly runtimeUrl: string;
}

/** A model without its weights: enough to plan, to cost and to name. */
export interface Opened {
  readonly model: GenerativeModel;
  /** Whether the weights came from the browser's storage. */
  readonly isFromStorage: boolean;
  /** Why the browser's storage could not be used, in words; null where it could. */
  readonly storageProblem: string | null;
}

export interface GenerateArgs {
  readonly request: Omit<RequestSubject, "task">;
  /** Show each step's guess as pixels, too. */
  readonly isWatched: boolean;
}

export interface EditArgs {
  readonly image: Raster;
  readonly mask: PixelMask;
  readonly class: string | null;
  readonly request: Pick<RequestSubject, "seed" | "count" | "plan" | "firstIndex">;
}

export interface CompleteArgs {
  readonly task: Task;
  /** Frames that are given, for "predict". */
  readonly given: number;
  readonly video: Raster;
  readonly request: Pick<RequestSubject, "seed" | "count" | "plan" | "firstIndex">;
}

/** What a decode made. */
export interface Made {
  readonly images: readonly Raster[];
  /** Of each image; null: none. */
  readonly classIds: readonly (number | null)[];
  /** [N] per image. */
  readonly tokens: readonly Int32Array[];
  readonly seed: Seed;
  readonly firstIndex: number;
  readonly plan: DecodePlan;
  readonly stats: GenerateStats;
  /** Of the tokenizer's decoder, for all images. */
  readonly decoderSeconds: number;
  /** Of an edit, [N] the tokens that were given, -1 where one was made. */
  readonly given?: readonly number[];
}

/** Name of a call to what it is asked with and what it answers. */
export interface Calls {
  open: { args: OpenArgs; result: Opened };
  generate: { args: GenerateArgs; result: Made };
  /** The images of token grids, [N] each. */
  pixels: { args: { tokens: readonly Int32Array[] }; result: readonly Raster[] };
  edit: { args: EditArgs; result: Made };
  complete: { args: CompleteArgs; result: Made };
}
export type CallName = keyof Calls;

/** A decode step, as it happened. */
export interface StepSeen {
  /** Of this batch: steps done, and steps in all. */
  readonly step: number;
  readonly total: number;
  readonly factor: number;
  /** Index in the seed's series of the batch's first image. */
  readonly firstIndex: number;
  /** [B, N] with the guesses. */
  readonly tokens: Int32Array;
  /** [B, N] the step that decoded each; -1 given, -2 still masked. */
  readonly decodedAtStep: Int32Array;
  /** Of this step alone, without what showing it took. */
  readonly seconds: number;
  /** The guess as pixels, per image; null where nobody watches, or showing every step would take too long. */
  readonly previews: readonly Raster[] | null;
}

export type EngineEvent =
  | { readonly kind: "loading"; readonly progress: FetchProgress }
  | { readonly kind: "stage"; readonly text: string }
  | { readonly kind: "step"; readonly step: StepSeen };

/** From the page. */
export type Asked =
  | {
      readonly [Name in CallName]: {
        readonly id: number;
        readonly call: Name;
        readonly args: Calls[Name]["args"];
      };
    }[CallName]
  | { readonly id: number; readonly call: "cancel" };

/** From the worker. */
export type Told =
  | { readonly id: number; readonly kind: "event"; readonly event: EngineEvent }
  | { readonly id: number; readonly kind: "answer"; readonly result: Calls[CallName]["result"] }
  | { readonly id: number; readonly kind: "refusal"; readonly refusal: Refusal };

/** Why a call came to nothing. */
export interface Refusal {
  /** "input": what was asked is wrong; "cancelled": the page asked for that; "device": what computes failed. */
  readonly reason: "input" | "cancelled" | "device";
  readonly message: string;
}
