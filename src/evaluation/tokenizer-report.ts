/** How well a tokenizer keeps images: encoded to tokens and decoded again. */
import type { Image, ImageSource, Raster } from "../data/source.ts";
import { imageBatches } from "../data/views.ts";
import { decibels, meanSquaredError } from "./metrics/image-metrics.ts";

/** The part of a pipeline that turns images into tokens and back. */
export interface ImageCodec {
  encode(images: readonly Raster[]): Promise<Int32Array[]>;
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
}

/** How well a tokenizer gives images back. */
export interface TokenizerReport {
  /** Peak signal-to-noise ratio in dB, from the mean squared error over all bytes of all images. */
  readonly psnr: number;
  /** The share of the codes that some token used, in [0, 1]. */
  readonly codebookUse: number;
  readonly images: number;
}

export interface TokenizerReportOptions {
  readonly codec: ImageCodec;
  /** V. */
  readonly codebookSize: number;
  readonly source: ImageSource;
  /** Images `from` to `from + count - 1` are encoded; `from` is 0 by default. */
  readonly count: number;
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Called, and awaited, with every decoded batch, under the classes of the originals. */
  readonly onImages?: (images: readonly Image[]) => void | Promise<void>;
}

const batch = 64;

/** Encodes and decodes the images of a source, a batch at a time. */
export async function tokenizerReport(options: TokenizerReportOptions): Promise<TokenizerReport> {
  const { codec, codebookSize, source, count, from, signal, onImages } = options;
  const isUsed = new Uint8Array(codebookSize);
  let errors = 0;
  for await (const images of imageBatches(source.read, { from, count, size: batch, signal })) {
    const tokens = await codec.encode(images);
    for (const ids of tokens) for (const id of ids) isUsed[id] = 1;
    const back = await codec.decodeTokens(tokens);
    for (const [i, image] of images.entries()) errors += meanSquaredError(image, back[i]!);
    await onImages?.(back.map((raster, i) => ({ ...raster, classId: images[i]!.classId })));
  }
  return {
    psnr: decibels(errors / count),
    codebookUse: isUsed.reduce((used, flag) => used + flag, 0) / codebookSize,
    images: count,
  };
}
