/** The image library, and what this room asks of it in more than one place. */
import type { Resampler } from "../choices.ts";
import type { Raster } from "../source.ts";

/** The image library, loaded when an image is first read, drawn or written: it takes a tenth of a second. */
export const loadSharp = async () => (await import("sharp")).default;

/** An encoded or drawn image (PNG, SVG, ...) as RGB bytes; transparent parts lose their transparency. */
export async function decodeRgb(bytes: Uint8Array): Promise<Raster> {
  const sharp = await loadSharp();
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
  return { width: info.width, height: info.height, pixels };
}

/** RGB bytes of an image, resized so that the short side is the resolution, and cropped in the centre, with sharp's kernels. */
export async function squared(
  { width, height, pixels }: Raster,
  { resolution, resampler }: { readonly resolution: number; readonly resampler: Resampler },
): Promise<Raster> {
  const sharp = await loadSharp();
  const data = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(resolution, resolution, { fit: "cover", position: "centre", kernel: resampler })
    .raw()
    .toBuffer();
  return { width: resolution, height: resolution, pixels: new Uint8Array(data) };
}
