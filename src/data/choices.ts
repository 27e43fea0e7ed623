/** Names that choose among the ways to read data, apart from the code that reads, so that a configuration needs no files. */

/** The resamplers, named as sharp names its kernels. Nearest is exact for pixel art, lanczos3 sharpest for photos. */
export const resamplers = ["nearest", "linear", "cubic", "mitchell", "lanczos2", "lanczos3"] as const;
/** How an image is resized: one of `resamplers`. */
export type Resampler = (typeof resamplers)[number];

/** The parts that published video datasets are cut into. */
export const splits = ["train", "validation", "test"] as const;
export type Split = (typeof splits)[number];

/** UCF-101's three official ways to split its videos. */
export const folds = [1, 2, 3] as const;
/** One of UCF-101's three official splits. */
export type Fold = (typeof folds)[number];

/** The drawn datasets, by the names that configurations and the command line use. */
const drawnSources: readonly string[] = ["sprites", "scenes", "motions"];

/** Whether a source is a drawn dataset, which has no end, rather than a folder. */
export const isDrawnSource = (source: string): boolean => drawnSources.includes(source);

/** Red, green and blue, 0..255. */
export type Colour = readonly [number, number, number];
