/** Using models: from a model folder to pictures, and what their decoding costs. */

export { InputError } from "./core/errors.ts";
export { ensureWritableFolder, writeFileAtomic } from "./core/node/atomic-file.ts";
export { countOf, nounOf } from "./core/nouns.ts";
export type { Seed } from "./core/random.ts";
export { type Completion, filledIn } from "./data/completion.ts";
export { readPicture } from "./data/image/image-folder.ts";
export { encodePng, pictureSheet, type SheetOptions, writePictures } from "./data/image/sheet.ts";
export { type Clip, clipOf, frameOf, type Picture, type Raster } from "./data/source.ts";
export { ffmpegVersion } from "./data/video/ffmpeg.ts";
export { clipExtent, clipLength, type ReadClipOptions, readClip } from "./data/video/read-video.ts";
export {
  animatedSheet,
  encodeAnimation,
  encodeMp4,
  fastest,
  filmStrip,
  sideBySide,
} from "./data/video/write-video.ts";
export type { Guidance } from "./decoding/guidance.ts";
export type { MaskSchedule } from "./decoding/mask-schedule.ts";
export { type DecodePlan, flatPlan, type PlanInput, parseSizes, printSizes } from "./decoding/plan.ts";
export type { Task } from "./models/transformer/config.ts";
export type { Precision } from "./models/transformer/precision.ts";
export type { TimedPlan } from "./pipelines/deadlines.ts";
export {
  type EditOptions,
  type Generated,
  type GenerateOptions,
  ImagePipeline,
  openImagePipeline,
} from "./pipelines/image-pipeline.ts";
export {
  decodingIdentity,
  describeModel,
  findModelFront,
  type GenerativeModel,
  modelPlanCost,
  planFor,
  planForBudget,
  planForQuality,
  readModel,
  readPlan,
  writeFront,
  writeModel,
} from "./pipelines/model.ts";
export { boxMask, type PixelMask, readMask } from "./pipelines/node/mask-file.ts";
export { openPipeline } from "./pipelines/node/open-pipeline.ts";
export type {
  DecodeChoices,
  GenerateProgress,
  GenerateStats,
  PipelineOptions,
  PlanInTimeOptions,
} from "./pipelines/session.ts";
export {
  type CompleteOptions,
  type GeneratedVideos,
  type GenerateVideoOptions,
  openVideoPipeline,
  type PredictOptions,
  VideoPipeline,
} from "./pipelines/video-pipeline.ts";
export type { PlanCost, StepCost } from "./planning/cost.ts";
export type { Finalist, FindFrontProgress, FoundFront } from "./planning/find-pareto-front.ts";
export type { FrontPlan, PlanFront } from "./planning/pareto-front.ts";
export {
  describeMachine,
  describeProcessor,
  type Machine,
  type MachinePart,
  type Processor,
} from "./runtime/node/machine.ts";
export { createNodeRunner, type NodeRunnerOptions } from "./runtime/node/runner.ts";
export type { Device, Runner } from "./runtime/runner.ts";
export { readJson } from "./weights/node/json-file.ts";
export { writeNpy } from "./weights/node/npy.ts";
