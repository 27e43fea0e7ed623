/** The image library, and what this room asks of it in more than one place. */
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
