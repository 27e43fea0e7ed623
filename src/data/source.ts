/**
 * What every dataset is to the rest of the project: numbered images, still or moving, with a class each.
 *
 * B images, T frames of a video, H height, W width. Pixels are RGB bytes, row-major [H, W, 3] or
 * [T, H, W, 3]; planes are float32 [B, 3, H, W] or [B, 3, T, H, W] in [0, 1].
 */
import { requireInput } from "../core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";

/** RGB bytes without a class, e.g. what a decoder made. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** T of a video; left out: a still one. */
  readonly frames?: number;
  /** RGB, row-major, H * W * 3 bytes, or T times as many, frame after frame. */
  readonly pixels: Uint8Array;
}

/** A video without a class. */
export type Video = Raster & { readonly frames: number };

/** One image of a dataset. */
export interface Image extends Raster {
  /** Index into the source's `classNames`; null where the image has no class. */
  readonly classId: number | null;
}

/**
 * The class of an image where it must have one.
 *
 * @throws InputError for an image without a class
 */
export function classOf({ classId }: Image): number {
  requireInput(classId !== null, "image: must have a class, got none; give images in one folder per class");
  return classId;
}

/** A dataset: image `index` is always the same image. */
export interface ImageSource {
  readonly name: string;
  /** One name per class, in class order; empty = unconditional. */
  readonly classNames: readonly string[];
  /** Side of its square images, in pixels. */
  readonly resolution: number;
  /** T of its videos; left out: they are still. */
  readonly frames?: number;
  /** How many images there are; null = as many as one asks for. */
  readonly length: number | null;
  /** Image `index`, 0 <= index < length. */
  read(index: number): Promise<Image>;
}

/**
 * Images of one size as planes.
 *
 * @returns float32 [B, 3, H, W] in [0, 1], of videos [B, 3, T, H, W]
 * @throws when there is no image or the sizes differ
 */
export function toPlanes(images: readonly Raster[]): HostTensor<"float32"> {
  if (images.length === 0) throw new Error("toPlanes: needs at least one image, got none");
  const space = spaceOf(images[0]!);
  const area = sizeOf(space);
  const planes = new Float32Array(images.length * 3 * area);
  for (const [b, image] of images.entries()) {
    if (spaceOf(image).join() !== space.join()) {
      throw new Error(
        `toPlanes: images must share one size, image 0 is ${describe(images[0]!)}, ` +
          `image ${b} is ${describe(image)}`,
      );
    }
    for (let channel = 0; channel < 3; channel++) {
      const start = (b * 3 + channel) * area;
      for (let i = 0; i < area; i++) planes[start + i] = image.pixels[i * 3 + channel]! / 255;
    }
  }
  return tensor("float32", [images.length, 3, ...space], planes);
}

function describe({ width, height, frames }: Raster): string {
  return `${width}x${height}${frames === undefined ? "" : ` of ${frames} frames`}`;
}

/** [H, W] of an image, [T, H, W] of a moving one. */
export function spaceOf({ frames, height, width }: Omit<Raster, "pixels">): number[] {
  return frames === undefined ? [height, width] : [frames, height, width];
}

/** Frame `t` of a video as a still one; its pixels are a view. */
export function frameOf({ width, height, pixels }: Video, t: number): Raster {
  const size = width * height * 3;
  return { width, height, pixels: pixels.subarray(t * size, (t + 1) * size) };
}

/**
 * Images of one size, one after another, as a moving one.
 *
 * @throws when there is none or the sizes differ
 */
export function videoOf(frames: readonly Raster[]): Video {
  if (frames.length === 0) throw new Error("videoOf: needs at least one frame, got none");
  const { width, height } = frames[0]!;
  const size = width * height * 3;
  const pixels = new Uint8Array(frames.length * size);
  for (const [t, frame] of frames.entries()) {
    if (frame.width !== width || frame.height !== height) {
      throw new Error(
        `videoOf: frames must share one size, frame 0 is ${width}x${height}, frame ${t} is ${frame.width}x${frame.height}`,
      );
    }
    pixels.set(frame.pixels, t * size);
  }
  return { width, height, frames: frames.length, pixels };
}

/**
 * Turns planes left to right, in place: all images, or image `index` alone.
 *
 * @param planes  float32 [B, 3, H, W] or [B, 3, T, H, W]
 */
export function mirror({ dims, data }: HostTensor<"float32">, index?: number): void {
  const count = dims[0]!;
  const width = dims.at(-1)!;
  const size = sizeOf(dims.slice(1));
  const [from, to] = index === undefined ? [0, count] : [index, index + 1];
  for (let row = from * size; row < to * size; row += width) data.subarray(row, row + width).reverse();
}

/**
 * Image `index` of planes, clamped to [0, 1] and rounded to the nearest byte; a value that is not a number is 0.
 *
 * @param planes  float32 [B, 3, H, W], or [B, 3, T, H, W] for a video
 */
export function fromPlanes(planes: HostTensor<"float32">, index: number): Raster {
  const [count, channels, ...space] = planes.dims;
  if (!(space.length === 2 || space.length === 3) || channels !== 3) {
    throw new Error(`fromPlanes: needs shape [B, 3, H, W] or [B, 3, T, H, W], got [${planes.dims}]`);
  }
  if (!(Number.isInteger(index) && index >= 0 && index < count!)) {
    throw new Error(`fromPlanes: index must be in 0..${count! - 1}, got ${index}`);
  }
  const area = sizeOf(space);
  const pixels = new Uint8Array(area * 3);
  for (let channel = 0; channel < 3; channel++) {
    const start = (index * 3 + channel) * area;
    for (let i = 0; i < area; i++) {
      const value = planes.data[start + i]!;
      // Written so that NaN falls to 0 (a typed array would store 0 too, but not by intent).
      pixels[i * 3 + channel] = value > 0 ? Math.round(Math.min(value, 1) * 255) : 0;
    }
  }
  const [height, width] = space.slice(-2) as [number, number];
  return { width, height, ...(space.length === 3 && { frames: space[0]! }), pixels };
}
