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
  const finest = pixels / sizeOf(patchExtent(config));
  const sizes = config.multipliers.map((multiplier, level) => {
    const shrunk = levelFactors(config, config.multipliers.length - 1).slice(0, Math.max(level - 1, 0));
    return (config.channels * multiplier * finest) / sizeOf(shrunk.flat());
  });
  return maps * Math.max(...sizes) + 3 * 3 * pixels;
}
