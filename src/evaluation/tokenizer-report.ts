/** How well a tokenizer keeps pictures: there and back again. */
import type { Picture, PictureSource, Raster } from "../data/source.ts";
import { pictureBatches } from "../data/views.ts";
import { borderMeter, decibels, meanSquaredError } from "./picture-metrics.ts";

/** The part of a pipeline that turns pictures into tokens and back. */
export interface PictureCodec {
  encode(pictures: readonly Raster[]): Promise<Int32Array[]>;
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
}

export interface TokenizerReport {
  /** Peak signal-to-noise ratio in dB, from the mean squared error over all bytes of all pictures. */
  readonly psnr: number;
  /** The share of the codes that some token used, in [0, 1]. */
  readonly codebookUse: number;
  /** Border contrast (picture-metrics.ts) of what came back, and of the pictures themselves, by which to judge it. */
  readonly borderContrast: number;
  readonly realBorderContrast: number;
  readonly pictures: number;
}

export interface TokenizerReportOptions {
  readonly codec: PictureCodec;
  /** V. */
  readonly codebookSize: number;
  /** Pixels per token along rows and columns. */
  readonly stride: number;
  readonly source: PictureSource;
  /** Pictures `from` to `from + count - 1` are tried. */
  readonly count: number;
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Called, and awaited, with every batch as it came back, under the real labels. */
  readonly onPictures?: (pictures: readonly Picture[]) => void | Promise<void>;
}

const batch = 64;

/** Sends real pictures through the tokenizer. */
export async function tokenizerReport(options: TokenizerReportOptions): Promise<TokenizerReport> {
  const { codec, codebookSize, stride, source, count, from, signal, onPictures } = options;
  const isUsed = new Uint8Array(codebookSize);
  let errors = 0;
  const [made, real] = [borderMeter(stride), borderMeter(stride)];
  for await (const pictures of pictureBatches(source.read, { from, count, size: batch, signal })) {
    const tokens = await codec.encode(pictures);
    for (const ids of tokens) for (const id of ids) isUsed[id] = 1;
    const back = await codec.decodeTokens(tokens);
    for (const [i, picture] of pictures.entries()) errors += meanSquaredError(picture, back[i]!);
    made.add(back);
    real.add(pictures);
    await onPictures?.(back.map((raster, i) => ({ ...raster, label: pictures[i]!.label })));
  }
  return {
    psnr: decibels(errors / count),
    codebookUse: isUsed.reduce((used, flag) => used + flag, 0) / codebookSize,
    borderContrast: made.contrast(),
    realBorderContrast: real.contrast(),
    pictures: count,
  };
}
