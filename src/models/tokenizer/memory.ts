/**
 * What turning tokens into pictures needs in memory, known before it runs.
 *
 * S side of a picture in pixels, s side of a feature map.
 */
import type { TokenizerConfig } from "./config.ts";

/** Feature maps alive at once: a block's input, and a norm's result with what the swish makes of it. */
const maps = 5;

/**
 * The numbers alive at once while one picture is decoded: five of the largest feature maps (channels s s, doubled in
 * side before the next level narrows them), and its pixels, 3 S S, three times: as patches, put together, and added
 * to the pixel shortcut.
 */
export function decodingNumbers({ resolution, patchSize, channels, multipliers }: TokenizerConfig): number {
  const finest = (resolution / patchSize) ** 2;
  const sizes = multipliers.map((multiplier, level) => {
    const isNarrowedLater = level > 0;
    return (channels * multiplier * finest) / 4 ** (isNarrowedLater ? level - 1 : level);
  });
  return maps * Math.max(...sizes) + 3 * 3 * resolution ** 2;
}
