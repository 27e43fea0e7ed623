/**
 * Samples: the images of requests one by one, so that those of several requests can be decoded together. A sample is the
 * same alone and in any batch, since its random numbers follow from its own seed and index.
 *
 * N grid tokens.
 */
import type { Seed } from "../core/random.ts";
import type { Image } from "../data/source.ts";
import type { ResolvedRequest } from "./request.ts";

/** One image to decode: with a plan, all that decides its tokens. */
export interface Sample {
  readonly seed: Seed;
  /** Its index in the seed's series. */
  readonly index: number;
  /** The row of the class table: a class, the null class, or a task. */
  readonly classRow: number;
  /** [N] start tokens; null: all masked. */
  readonly start: Int32Array | null;
  /** [N] what the model sees at masked places; null: the mask id. */
  readonly condition: Int32Array | null;
}

/** A request of which nothing is left to do but to decode its samples. */
export interface PreparedRequest {
  readonly request: ResolvedRequest;
  /** [count] */
  readonly samples: readonly Sample[];
  /** What is to be seen of sample i, given the image of its tokens: an edit lays it into the original. */
  show(image: Image, i: number): Image;
}

/** What a request is made ready with, where it is no plain one. */
export interface PrepareOptions {
  /** [count, N] what the model sees at masked places; default: the mask id. */
  readonly condition?: Int32Array;
  /** See {@link PreparedRequest.show}; default: images as they are decoded. */
  readonly show?: PreparedRequest["show"];
}

/** Makes a request ready: its samples, one by one. */
export function prepareRequest(
  request: ResolvedRequest,
  { condition, show = (image) => image }: PrepareOptions = {},
): PreparedRequest {
  const { classRows, seed, firstIndex, startTokens } = request;
  const rowOf = (all: Int32Array | null | undefined, i: number) => {
    if (!all) return null;
    const size = all.length / classRows.length;
    return all.subarray(i * size, (i + 1) * size);
  };
  const samples = classRows.map((classRow, i) => ({
    seed,
    index: firstIndex + i,
    classRow,
    start: rowOf(startTokens, i),
    condition: rowOf(condition, i),
  }));
  return { request, samples, show };
}
