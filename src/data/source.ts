/**
 * What every dataset is to the rest of the project: numbered pictures with a class each.
 *
 * B pictures, H height, W width. Pixels are RGB bytes, row-major [H, W, 3]; planes are float32 [B, 3, H, W] in [0, 1].
 */
import { type HostTensor, tensor } from "../core/tensor.ts";

/** RGB bytes without a class, e.g. what a decoder made. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** RGB, row-major, H * W * 3 bytes. */
  readonly pixels: Uint8Array;
}

/** One picture of a dataset. */
export interface Picture extends Raster {
  /** Index into the source's `classNames`; 0 where the source is unconditional. */
  readonly label: number;
}

/** A dataset: picture `index` is always the same picture. */
export interface PictureSource {
  readonly name: string;
  /** One name per class, in label order; empty = unconditional. */
  readonly classNames: readonly string[];
  /** Side of its square pictures, in pixels. */
  readonly resolution: number;
  /** How many pictures there are; null = as many as one asks for. */
  readonly length: number | null;
  /** Picture `index`, 0 <= index < length. */
  read(index: number): Promise<Picture>;
}

/**
 * Pictures of one size as planes.
 *
 * @returns float32 [B, 3, H, W] in [0, 1]
 * @throws when there is no picture or the sizes differ
 */
export function toPlanes(pictures: readonly Raster[]): HostTensor<"float32"> {
  if (pictures.length === 0) throw new Error("toPlanes: needs at least one picture, got none");
  const { width, height } = pictures[0]!;
  const area = width * height;
  const planes = new Float32Array(pictures.length * 3 * area);
  for (const [b, picture] of pictures.entries()) {
    if (picture.width !== width || picture.height !== height) {
      throw new Error(
        `toPlanes: pictures must share one size, picture 0 is ${width}x${height}, ` +
          `picture ${b} is ${picture.width}x${picture.height}`,
      );
    }
    for (let channel = 0; channel < 3; channel++) {
      const start = (b * 3 + channel) * area;
      for (let i = 0; i < area; i++) planes[start + i] = picture.pixels[i * 3 + channel]! / 255;
    }
  }
  return tensor("float32", [pictures.length, 3, height, width], planes);
}

/**
 * Turns planes left to right, in place: all pictures, or picture `index` alone.
 *
 * @param planes  float32 [B, 3, H, W]
 */
export function mirror({ dims, data }: HostTensor<"float32">, index?: number): void {
  const [count, channels, height, width] = dims as [number, number, number, number];
  const size = channels * height * width;
  const [from, to] = index === undefined ? [0, count] : [index, index + 1];
  for (let row = from * size; row < to * size; row += width) data.subarray(row, row + width).reverse();
}

/**
 * Picture `index` of planes, clamped to [0, 1] and rounded to the nearest byte; a value that is not a number is 0.
 *
 * @param planes  float32 [B, 3, H, W]
 */
export function fromPlanes(planes: HostTensor<"float32">, index: number): Raster {
  const [count, channels, height, width] = planes.dims;
  if (planes.dims.length !== 4 || channels !== 3) {
    throw new Error(`fromPlanes: needs shape [B, 3, H, W], got [${planes.dims}]`);
  }
  if (!(Number.isInteger(index) && index >= 0 && index < count!)) {
    throw new Error(`fromPlanes: index must be in 0..${count! - 1}, got ${index}`);
  }
  const area = width! * height!;
  const pixels = new Uint8Array(area * 3);
  for (let channel = 0; channel < 3; channel++) {
    const start = (index * 3 + channel) * area;
    for (let i = 0; i < area; i++) {
      const value = planes.data[start + i]!;
      // Written so that NaN falls to 0 (a typed array would store 0 too, but not by intent).
      pixels[i * 3 + channel] = value > 0 ? Math.round(Math.min(value, 1) * 255) : 0;
    }
  }
  return { width: width!, height: height!, pixels };
}
