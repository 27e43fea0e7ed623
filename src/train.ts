/** Making models: data, configurations, run folders. */

import "./core/platform-types.ts";

export type { Resampler } from "./data/choices.ts";
export { openSource, previewIndexes, type SourceChoice } from "./data/open-source.ts";
export type { ImageSource } from "./data/source.ts";
export type { TokenTensors } from "./data/tokens.ts";
export { describeTraining, type TrainingStage, type TrainingState } from "./runs/describe-training.ts";
export { configFromModel, type FromModelOptions } from "./runs/from-model.ts";
export {
  type EncodeParts,
  openTokenEncoder,
  type TokenEncoder,
  type TokenPart,
} from "./runs/tokenise-images.ts";
export { type Stage, stages, type TrainModelOptions, trainModel } from "./runs/train-model.ts";
export type {
  DataConfig,
  TrainConfig,
  TrainingConfig,
} from "./training/config.ts";
export type { TrainingProgress } from "./training/loop.ts";
export {
  type ConfigOptions,
  type LoadedConfig,
  loadConfig,
  type Override,
} from "./training/read-config.ts";
export { hasCheckpoint } from "./training/run-folder.ts";
