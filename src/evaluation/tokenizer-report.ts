/** How well a tokenizer keeps images: encoded to tokens and decoded again. */
import type { Image, ImageSource, Raster } from "../data/source.ts";
import { imageBatches } from "../data/views.ts";
import { borderMeter, decibels, meanSquaredError } from "./metrics/image-metrics.ts";

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
  /** Border contrast (metrics/image-metrics.ts) of what came back, and of the images themselves, to compare it with. */
  readonly borderContrast: number;
  readonly realBorderContrast: number;
  readonly images: number;
}

export interface TokenizerReportOptions {
  readonly codec: ImageCodec;
  /** V. */
  readonly codebookSize: number;
  /** Pixels per token along rows and columns. */
  readonly stride: number;
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
  const { codec, codebookSize, stride, source, count, from, signal, onImages } = options;
  const isUsed = new Uint8Array(codebookSize);
  let errors = 0;
  const [made, real] = [borderMeter(stride), borderMeter(stride)];
  for await (const images of imageBatches(source.read, { from, count, size: batch, signal })) {
    const tokens = await codec.encode(images);
    for (const ids of tokens) for (const id of ids) isUsed[id] = 1;
    const back = await codec.decodeTokens(tokens);
    for (const [i, image] of images.entries()) errors += meanSquaredError(image, back[i]!);
    made.add(back);
    real.add(images);
    await onImages?.(back.map((raster, i) => ({ ...raster, classId: images[i]!.classId })));
  }
  return {
    psnr: decibels(errors / count),
    codebookUse: isUsed.reduce((used, flag) => used + flag, 0) / codebookSize,
    borderContrast: made.contrast(),
    realBorderContrast: real.contrast(),
    images: count,
  };
}
