/** From a request's fields to what is decoded, and from decoded images to what is answered. */
import { randomInt } from "node:crypto";
import {
  decodeImage,
  decodeMask,
  encodeAnimation,
  encodeImage,
  type Image,
  InputError,
  namedClasses,
  type PreparedRequest,
  prepareRequest,
  readGivenFrames,
  type RequestOptions,
  resolveRequest,
  type Video,
} from "../src/index.ts";
import type { Done } from "./scheduler.ts";
import type { Lease, ServedModel } from "./models.ts";
import {
  type Edit,
  type Generation,
  largestSide,
  type Made,
  type Prediction,
  type VideoGeneration,
} from "./schemas.ts";

/** Images of one request, before they are decoded. */
export interface Making {
  readonly served: ServedModel;
  readonly count: number;
  readonly seed: number | bigint;
  readonly firstIndex: number;
  /** Milliseconds from the request's arrival; null: none. */
  readonly deadlineMs: number | null;
  /** How often each image is shown while it is decoded. */
  readonly partialImages: number;
  /** Makes ready what is decoded; some of it is computed by the loaded model. */
  prepare(lease: () => Promise<Lease>): Promise<PreparedRequest>;
  /** What is said of every answer. */
  readonly facts: { readonly output_format: string; readonly size: string };
  /** An image as it is answered, in Base64 or as a data URL. */
  encode(image: Image, making: { index: number; plan: object } | null): Promise<{ b64_json?: string; url?: string }>;
}

type Common = Generation | Edit | VideoGeneration | Prediction;

/** Files of a form by their field. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** An uploaded image may have so many pixels: a small file can hold very many, and all are decoded. */
const mostPixels = 4096 * 4096;

/** @throws InputError for a model of videos, a class that is not there, a size that no image can have */
export function generation(body: Generation, served: ServedModel): Making {
  return {
    ...whatIsAsked(body, served, "images"),
    ...imageAnswer(body, served),
    prepare: async () => {
      const classes = classesOf(body.prompt, served);
      return prepareRequest(resolveRequest({ ...optionsOf(body), classes }, served.model));
    },
  };
}
