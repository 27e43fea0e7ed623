/** Making models: data, configurations, run folders. */

export { type Resampler, resamplers } from "./data/choices.ts";
export { scenesSource, spritesSource } from "./data/drawn/node/draw.ts";
export { sceneClasses } from "./data/drawn/scenes/index.ts";
export { spriteClasses } from "./data/drawn/sprites/index.ts";
export {
  type FolderSource,
  folderSource,
  verifyFolder,
} from "./data/image/image-folder.ts";
export { openSource, previewIndexes, type SourceChoice } from "./data/open-source.ts";
export type { ImageSource } from "./data/source.ts";
export { type Stage, stages, type TrainModelOptions, trainModel } from "./runs/train-model.ts";
export {
  onTokenizer,
  type TrainedVariant,
  type TrainVariantsOptions,
  trainVariants,
} from "./runs/train-variants.ts";
export {
  type DataConfig,
  type TrainConfig,
  type TrainingConfig,
  transformerConfigOf,
} from "./training/config.ts";
export type { TrainingProgress } from "./training/loop.ts";
export {
  type ConfigOptions,
  type LoadedConfig,
  loadConfig,
  type Override,
  resolveConfig,
} from "./training/read-config.ts";
export { type Checkpoint, openRunFolder, type RunFolder } from "./training/run-folder.ts";
