/** Images in the terminal: one character cell holds two pixels, the upper half block over the background colour. */
import sharp from "sharp";

/**
 * A PNG (or any image that sharp reads) as lines of coloured half blocks.
 *
 * @param columns  character cells across, at most; images are shrunk to fit and never enlarged. 80 where the terminal
 *   does not know: some, such as those of `script` and of containers, say 0.
 */
export async function halfBlocks(image: Uint8Array, columns = 0): Promise<string> {
  const { data, info } = await sharp(image)
    .removeAlpha()
    .toColourspace("srgb")
    .resize({ width: columns || 80, withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const colour = (x: number, y: number) => {
    const at = (y * info.width + x) * info.channels;
    return `${data[at]};${data[at + 1]};${data[at + 2]}`;
  };
  const lines: string[] = [];
  for (let y = 0; y < info.height; y += 2) {
    let line = "";
    for (let x = 0; x < info.width; x++) {
      const below = y + 1 < info.height ? `\x1b[48;2;${colour(x, y + 1)}m` : "\x1b[49m";
      line += `\x1b[38;2;${colour(x, y)}m${below}▀`;
    }
    lines.push(`${line}\x1b[0m`);
  }
  return lines.join("\n");
}
