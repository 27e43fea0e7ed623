/** Making models: data, configurations, run folders. */
export { type FolderSource, folderSource, type Resampler, resamplers, verifyFolder } from "./data/folder.ts";
export { openSource, previewIndexes, type SourceChoice } from "./data/open-source.ts";
export { sceneClasses, scenesSource } from "./data/scenes/index.ts";
export type { PictureSource } from "./data/source.ts";
export { spriteClasses, spritesSource } from "./data/sprites/index.ts";
export { type Stage, stages, type TrainModelOptions, trainModel } from "./pipelines/train-model.ts";
export {
  onTokenizer,
  type TrainedVariant,
  type TrainVariantsOptions,
  trainVariants,
} from "./pipelines/train-variants.ts";
export {
  type ConfigOptions,
  type DataConfig,
  type LoadedConfig,
  loadConfig,
  type Override,
  resolveConfig,
  type TrainConfig,
  type TrainingConfig,
  transformerConfigOf,
} from "./training/config.ts";
export type { TrainingProgress } from "./training/loop.ts";
export { type Checkpoint, openRunFolder, type RunFolder } from "./training/run-folder.ts";
