/**
 * Using models in a page: fetched from a server, computed by onnxruntime-web. Nothing here reaches Node.
 *
 * @example
 * import * as ort from "onnxruntime-web/wasm";
 * import { createWebRunner, fetchModel, openImagePipeline } from "magnets/browser";
 *
 * const [runner, model] = await Promise.all([createWebRunner({ ort }), fetchModel("/models/sprites")]);
 * const pipeline = await openImagePipeline(model, { runner });
 * const { images } = await pipeline.generate({ classes: ["cat"], count: 4, seed: 7 });
 */

import "./core/platform-types.ts";

export { InputError } from "./core/errors.ts";
export type { Seed } from "./core/random.ts";
export { frameOf, type Image, type Raster, type Video } from "./data/source.ts";
export { guidanceOver, guidanceScaleAt } from "./decoding/guidance.ts";
export { printModelSchedule } from "./decoding/model-schedule.ts";
export { baselinePlan, changePlan, type DecodePlan, type PlanInput } from "./decoding/plan.ts";
export type { Task } from "./models/transformer/config.ts";
export type { Precision } from "./models/transformer/precision.ts";
export type { MeasurementStore } from "./pipelines/calibration.ts";
export { modelPlanCost } from "./pipelines/choose-plan.ts";
export type { TimedPlan } from "./pipelines/deadlines.ts";
export { describeModel } from "./pipelines/describe-model.ts";
export {
  type EditOptions,
  type GeneratedImages,
  type GenerateOptions,
  type ImagePipeline,
  openImagePipeline,
  type PlanInTimeOptions,
} from "./pipelines/image-pipeline.ts";
export { type ImageRecord, imageRecordOf, withImageRecord } from "./pipelines/image-record.ts";
export { boxMask, type PixelMask } from "./pipelines/mask.ts";
export type { GenerativeModel } from "./pipelines/model.ts";
export { type ListedModel, type ModelList, modelListName, parseModelList } from "./pipelines/model-list.ts";
export {
  type RequestOptions,
  type RequestSubject,
  type ResolvedRequest,
  resolveRequest,
} from "./pipelines/request.ts";
export type { GenerateProgress, GenerateStats, SessionOptions } from "./pipelines/session.ts";
export {
  type CompleteOptions,
  type GeneratedVideos,
  type GenerateVideoOptions,
  openVideoPipeline,
  type PredictOptions,
  type VideoPipeline,
} from "./pipelines/video-pipeline.ts";
export { type FetchModelOptions, type FetchProgress, fetchModel } from "./pipelines/web/fetch-model.ts";
export type { PlanCost, StepCost } from "./planning/cost.ts";
export type { Device } from "./runtime/device.ts";
export type { Runner } from "./runtime/runner.ts";
export { createWebRunner, type WebRunnerOptions } from "./runtime/web/runner.ts";
