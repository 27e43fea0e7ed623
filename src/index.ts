/** Using models: from a model folder to images, and what their decoding costs. */

import "./core/platform-types.ts";

export { InputError } from "./core/errors.ts";
export { ensureWritableFolder, writeFileAtomic } from "./core/node/atomic-file.ts";
export { listen } from "./core/node/listen.ts";
export { countOf, nounOf } from "./core/nouns.ts";
export type { Seed } from "./core/random.ts";
export { parse as parseInput } from "./core/validate.ts";
export { type Completion, filledIn } from "./data/completion.ts";
export { type EncodeOptions, encodeImage } from "./data/image/encode.ts";
export { decodeImage, readImage, sizeOfImage } from "./data/image/image-folder.ts";
export { type MakingRecord, makingKeyword, readPngText } from "./data/image/png-text.ts";
export { imageSheet, type SheetOptions, writeImages } from "./data/image/sheet.ts";
export { frameOf, type Image, type Raster, type Video } from "./data/source.ts";
export { ffmpegVersion } from "./data/video/ffmpeg.ts";
export {
  type GivenVideoOptions,
  givenFrames,
  readGivenVideo,
  type TakenFrames,
} from "./data/video/given-video.ts";
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
export { printModelSchedule } from "./decoding/model-schedule.ts";
export { baselinePlan, type DecodePlan, type PlanInput, planSchema } from "./decoding/plan.ts";
export { type RaceResult, type RaceRun, raceBaseline } from "./evaluation/race.ts";
export type { Task } from "./models/transformer/config.ts";
export type { Precision } from "./models/transformer/precision.ts";
export { modelPlanMemory } from "./pipelines/batch-size.ts";
export { modelPlanCost } from "./pipelines/choose-plan.ts";
export { namedClasses } from "./pipelines/classes.ts";
export type { TimedPlan } from "./pipelines/deadlines.ts";
export { describeModel } from "./pipelines/describe-model.ts";
export type {
  EditOptions,
  GeneratedImages,
  GenerateOptions,
  PlanInTimeOptions,
} from "./pipelines/image-pipeline.ts";
export { boxMask, fittedMask, type PixelMask } from "./pipelines/mask.ts";
export type { GenerativeModel } from "./pipelines/model.ts";
export { type ListedModel, type ModelList, modelListName } from "./pipelines/model-list.ts";
export { modelDigest } from "./pipelines/node/identity.ts";
export { listModel, listModels } from "./pipelines/node/list-models.ts";
export { decodeMask, type MaskedPhoto, readMask } from "./pipelines/node/mask-file.ts";
export { readModel } from "./pipelines/node/model-folder.ts";
export {
  ImagePipeline,
  openImagePipeline,
  openPipeline,
  openVideoPipeline,
  type PipelineOptions,
  VideoPipeline,
} from "./pipelines/node/open-pipeline.ts";
export { readPlanFile } from "./pipelines/node/plan-file.ts";
export {
  type PlanOptions,
  type RequestOptions,
  type ResolvedRequest,
  resolveRequest,
} from "./pipelines/request.ts";
export {
  type PreparedRequest,
  type PrepareOptions,
  prepareRequest,
  type Sample,
} from "./pipelines/samples.ts";
export type {
  BatchHooks,
  BatchProgress,
  DecodedSample,
  DecodeHooks,
  GenerateProgress,
  GenerateStats,
} from "./pipelines/session.ts";
export type {
  CompleteOptions,
  GeneratedVideos,
  GenerateVideoOptions,
  PredictOptions,
} from "./pipelines/video-pipeline.ts";
export type { PlanCost, StepCost } from "./planning/cost.ts";
export { DeadlineTooShort } from "./planning/deadline.ts";
export type { Finalist } from "./planning/find-pareto-front.ts";
export type { ParetoFront, ParetoPlan } from "./planning/pareto-front.ts";
export type { Device } from "./runtime/device.ts";
export {
  describeMachine,
  type Machine,
  type MachinePart,
  type Processor,
} from "./runtime/node/machine.ts";
export { createNodeRunner, type NodeRunnerOptions } from "./runtime/node/runner.ts";
export type { Runner } from "./runtime/runner.ts";
export { writeNpy } from "./weights/node/npy.ts";
export { decodeSafetensors, encodeSafetensors, type Tensors } from "./weights/safetensors.ts";
