/** What turning tokens into images needs in memory, known before it runs. */
import { sizeOf } from "../../core/tensor.ts";
import { levelFactors, patchExtent, pixelSpace, type TokenizerConfig } from "./config.ts";

/** Feature maps alive at once: a block's input, and a norm's result with what the swish makes of it. */
const maps = 5;

/**
 * The numbers alive at once while one image is decoded: five of the largest feature maps (channels x positions,
 * repeated to the finer level's size before that level narrows them), and its pixels three times: as patches, put
 * together, and added to the pixel shortcut.
 */
export function decodingNumbers(config: TokenizerConfig): number {
  const pixels = sizeOf(pixelSpace(config));
  if (config.network === "plain") {
    // Moved to its finer place before anything narrows it, a level's map is the largest; the last one of all stands
    // at full resolution. A block holds its input, what it made of it, and that without its negative part.
    const widths = config.multipliers.map((multiplier) => config.channels * multiplier);
    const factors = levelFactors(config, widths.length - 1);
    const sizes = widths.map((width, level) => {
      const shrunk = sizeOf(patchExtent(config)) * sizeOf(factors.slice(0, level).flat());
      return (width * pixels) / shrunk;
    });
    return 3 * Math.max(config.detailChannels * pixels, ...sizes) + 3 * pixels;
  }
  const finest = pixels / sizeOf(patchExtent(config));
  const sizes = config.multipliers.map((multiplier, level) => {
    const shrunk = levelFactors(config, config.multipliers.length - 1).slice(0, Math.max(level - 1, 0));
    return (config.channels * multiplier * finest) / sizeOf(shrunk.flat());
  });
  return maps * Math.max(...sizes) + 3 * 3 * pixels;
}
