/** Measuring models: a classifier as the judge, Fréchet distances, decode plans compared. */

export type { Fold } from "./data/video/ucf101.ts";
export type {
  ComparisonOptions,
  ImageMeasures,
} from "./evaluation/comparison.ts";
export {
  type EvaluateGenerationOptions,
  evaluateGeneration,
  type GeneratingModel,
  type GenerationEvaluation,
  type GenerationRow,
} from "./evaluation/evaluate-generation.ts";
export {
  type EvaluatePredictionOptions,
  evaluatePrediction,
  type FrameSimilarity,
  type PredictingModel,
  type PredictionEvaluation,
  type PredictionMeasures,
  type PredictionRow,
} from "./evaluation/evaluate-prediction.ts";
export { type ChartedRow, type EvaluationFiles, writeEvaluation } from "./evaluation/evaluation-files.ts";
export { type ClassFactor, classFactors } from "./evaluation/features/class-factors.ts";
export {
  type ClassifierFolder,
  readClassifier,
  writeClassifier,
} from "./evaluation/features/classifier-folder.ts";
export {
  type Extracted,
  type FeatureNetwork,
  type FeatureNetworkDescription,
  featureNetworkDescription,
  openFeatureNetwork,
  readFeatureNetwork,
} from "./evaluation/features/feature-network.ts";
export {
  readStatistics,
  type StatisticsOwner,
  writeStatistics,
} from "./evaluation/features/statistics-file.ts";
export { type TrainClassifierOptions, trainClassifier } from "./evaluation/features/train-classifier.ts";
export { type Estimate, type Estimated, estimate, isEstimate } from "./evaluation/metrics/estimate.ts";
export type { FeatureSet } from "./evaluation/metrics/feature-set.ts";
export {
  type FeatureStatistics,
  type FrechetDistance,
  frechetDistance,
  type Moments,
  momentsOf,
} from "./evaluation/metrics/frechet.ts";
export { psnr, ssim } from "./evaluation/metrics/image-metrics.ts";
export {
  type InceptionScore,
  inceptionScore,
} from "./evaluation/metrics/inception-score.ts";
export {
  type KernelDistanceOptions,
  kernelDistance,
} from "./evaluation/metrics/kernel-distance.ts";
export {
  type PrecisionRecall,
  type PrecisionRecallOptions,
  precisionRecall,
} from "./evaluation/metrics/precision-recall.ts";
export type { SetMeasures } from "./evaluation/metrics/set-measures.ts";
export { openStatisticsStream, type StatisticsStream } from "./evaluation/metrics/statistics-stream.ts";
export type { NetworkFacts, NetworkMeasures, NetworkOptions } from "./evaluation/network-comparison.ts";
export {
  type PlanFigures,
  type PlanRow,
  type PlanRun,
  type RunReport,
  ratioOf,
} from "./evaluation/plan-runs.ts";
export { openPlanScorer, type PlanScorer, type PlanScorerOptions } from "./evaluation/score-plans.ts";
export { drawnSeeds, type SplitOptions, splitData } from "./evaluation/split-data.ts";
export {
  type DistillationStudy,
  isFullSize,
  planDistillation,
  type StudyVariant,
} from "./evaluation/studies/distillation.ts";
export { type GridPoint, type GridSettings, planGrid } from "./evaluation/studies/plan-grid.ts";
export {
  answersOf,
  type Claim,
  planStudy,
  type Study,
  type StudyGround,
  type StudyName,
  studyNames,
} from "./evaluation/studies/studies.ts";
export { type TokenizerReport, tokenizerReport } from "./evaluation/tokenizer-report.ts";
