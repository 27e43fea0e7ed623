/** Images and plans as files: saved with what made them, and read back from what is dropped onto the page. */
import {
  type ImageRecord,
  InputError,
  imageRecordOf,
  type PlanInput,
  type Raster,
  withImageRecord,
} from "../../src/browser.ts";
import { imageDataOf } from "../parts/pixels.tsx";

/** A PNG of an image; with a record, the record is in it. */
export async function pngOf(
  raster: Raster,
  record: ImageRecord | null,
  frame = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(raster.width, raster.height);
  canvas.getContext("2d")!.putImageData(imageDataOf(raster, frame), 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  return record ? (withImageRecord(bytes, record) as Uint8Array<ArrayBuffer>) : bytes;
}

/** Saves bytes as a file. */
export function save(name: string, type: string, bytes: Uint8Array<ArrayBuffer> | string): void {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const isPng = (file: File): boolean => file.type === "image/png" || /\.png$/i.test(file.name);

/**
 * The record in a PNG file; null where it has none.
 *
 * @throws InputError for a file that is no whole PNG
 */
export async function recordIn(file: File): Promise<ImageRecord | null> {
  return imageRecordOf(new Uint8Array(await file.arrayBuffer()), file.name);
}

/**
 * The plan in a JSON file: the plan itself, or a record with it as `plan`, which also names its model. Not yet checked.
 *
 * @throws InputError for another file
 */
export async function planIn(file: File): Promise<{ plan: PlanInput; model: string | null }> {
  const value: unknown = await file
    .text()
    .then(JSON.parse)
    .catch((error: Error) => {
      throw new InputError(`${file.name}: not valid JSON (${error.message})`);
    });
  const plan = typeof value === "object" && value !== null && "plan" in value ? value.plan : value;
  if (typeof plan !== "object" || plan === null || Array.isArray(plan)) {
    throw new InputError(
      `${file.name}: must hold a plan, an object with parts of one; save one here to see how it looks`,
    );
  }
  const model =
    plan !== value && typeof value === "object" && value !== null && "model" in value ? value.model : null;
  return { plan: plan as PlanInput, model: typeof model === "string" ? model : null };
}

/**
 * An image file in a model's size: its middle square, scaled.
 *
 * @throws InputError for a file that the browser cannot read as an image
 */
export async function imageIn(file: Blob & { name?: string }, resolution: number): Promise<Raster> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new InputError(
      `${file.name ?? "the file"}: the browser cannot read it as an image; give a PNG, JPEG or WebP`,
    );
  });
  const raster = rasterOf(bitmap, bitmap.width, bitmap.height, resolution);
  bitmap.close();
  return raster;
}

/** The middle square of something that can be drawn, scaled to a side of `resolution`; pixels of its own size stay exact. */
export function rasterOf(
  source: CanvasImageSource,
  width: number,
  height: number,
  resolution: number,
): Raster {
  const canvas = new OffscreenCanvas(resolution, resolution);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const side = Math.min(width, height);
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // what is transparent lies on white
  context.fillRect(0, 0, resolution, resolution);
  context.drawImage(
    source,
    (width - side) / 2,
    (height - side) / 2,
    side,
    side,
    0,
    0,
    resolution,
    resolution,
  );
  const { data } = context.getImageData(0, 0, resolution, resolution);
  const pixels = new Uint8Array(resolution * resolution * 3);
  for (let i = 0; i < resolution * resolution; i++) {
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c]!;
  }
  return { width: resolution, height: resolution, pixels };
}
