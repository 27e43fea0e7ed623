/**
 * Measuring models: distances of what they make to a reference set, decode plans compared, the paper's studies, the
 * search for the best plans, and the classifier that all of it measures with.
 */

import "./core/platform-types.ts";

export type { Fold } from "./data/choices.ts";
// One evaluation of a model's plans.
export type { ImageMeasures } from "./evaluation/comparison.ts";
export {
  type EvaluateOptions,
  type EvaluationProgress,
  evaluate,
  type MeasuringOptions,
  type ModelEvaluation,
  type RowContext,
} from "./evaluation/evaluate.ts";
export type {
  GenerationEvaluation,
  GenerationRow,
  MakeSet,
  SetRequest,
} from "./evaluation/evaluate-generation.ts";
export type {
  FrameSimilarity,
  PredictionEvaluation,
  PredictionMeasures,
  PredictionRow,
} from "./evaluation/evaluate-prediction.ts";
// The classifier, and feature networks that users bring.
export type { ClassifierFolder } from "./evaluation/features/classifier-folder.ts";
export {
  type Extracted,
  type FeatureNetwork,
  type FeatureNetworkDescription,
  openFeatureNetwork,
  readFeatureNetwork,
} from "./evaluation/features/feature-network.ts";
export {
  readStatistics,
  type StatisticsOwner,
  writeStatistics,
} from "./evaluation/features/statistics-file.ts";
export { type MakeClassifierOptions, makeClassifier } from "./evaluation/make-classifier.ts";
// Measures of sets and of images.
export type { Estimate, Estimated } from "./evaluation/metrics/estimate.ts";
export type { FeatureSet } from "./evaluation/metrics/feature-set.ts";
export {
  type FeatureStatistics,
  type FrechetDistance,
  frechetDistance,
  type Moments,
} from "./evaluation/metrics/frechet.ts";
export { psnr, ssim } from "./evaluation/metrics/image-metrics.ts";
export {
  type InceptionScore,
  type InceptionScoreOptions,
  inceptionScore,
} from "./evaluation/metrics/inception-score.ts";
export { type KernelDistanceOptions, kernelDistance } from "./evaluation/metrics/kernel-distance.ts";
export {
  type PrecisionRecall,
  type PrecisionRecallOptions,
  precisionRecall,
} from "./evaluation/metrics/precision-recall.ts";
export type { SetMeasures } from "./evaluation/metrics/set-measures.ts";
export { openStatisticsStream, type StatisticsStream } from "./evaluation/metrics/statistics-stream.ts";
export type { NetworkFacts, NetworkMeasures } from "./evaluation/network-comparison.ts";
export type { ModelOrFolder, SubjectOptions } from "./evaluation/open-subject.ts";
export type { NamedPlans } from "./evaluation/plan-names.ts";
export type { DecodeStats, PlanFigures, PlanRow, PlanRun } from "./evaluation/plan-runs.ts";
export type { EvaluateProgress } from "./evaluation/reference-set.ts";
// The search for the best plans.
export {
  type SearchOptions,
  type SearchResult,
  searchParetoFront,
} from "./evaluation/search-pareto-front.ts";
// The paper's studies.
export type { GridPoint, GridSettings } from "./evaluation/studies/plan-grid.ts";
export { type DistillationOptions, runDistillationStudy } from "./evaluation/studies/run-distillation.ts";
export {
  runStudy,
  runStudyOver,
  type StudyOptions,
  studyResultOf,
  writeStudy,
} from "./evaluation/studies/run-study.ts";
export type { Claim, Study, StudyName } from "./evaluation/studies/studies.ts";
export type { StudyResult } from "./evaluation/studies/study-page.ts";
export type { TuningOptions } from "./evaluation/studies/tuned-study.ts";
// Results as tables and files.
export { type EvaluationTables, type FigureTable, tablesOf } from "./evaluation/tables.ts";
export type { TokenizerReport } from "./evaluation/tokenizer-report.ts";
export type { VideoSampling } from "./evaluation/video-sampling.ts";
export {
  errorBarsOf,
  resultOf,
  type WriteEvaluationOptions,
  warningsOf,
  writeEvaluation,
} from "./evaluation/write-evaluation.ts";
