/** Measuring models: a classifier as the judge, Fréchet distances, decode plans compared. */

export type { Fold } from "./data/video/ucf101.ts";
export { type ClassFactor, classFactors } from "./evaluation/class-factors.ts";
export { type ClassifierFolder, readClassifier, writeClassifier } from "./evaluation/classifier-folder.ts";
export {
  type ComparisonOptions,
  type EvaluateProgress,
  requireKnown,
  type Verdict,
} from "./evaluation/comparison.ts";
export {
  type DistillationStudy,
  isFullSize,
  planDistillation,
  type StudyVariant,
} from "./evaluation/distillation.ts";
export { type Estimate, type Estimated, estimate, isEstimate } from "./evaluation/estimate.ts";
export {
  type EvaluateOptions,
  type Evaluation,
  evaluateModel,
  type PictureModel,
  type PlanVerdict,
} from "./evaluation/evaluate-model.ts";
export {
  type EvaluatePredictionOptions,
  evaluatePrediction,
  type Nearness,
  type PredictingModel,
  type PredictionEvaluation,
  type PredictionRow,
  type PredictionVerdict,
} from "./evaluation/evaluate-prediction.ts";
export { type ChartedRow, type EvaluationFiles, writeEvaluation } from "./evaluation/evaluation-files.ts";
export {
  type Extracted,
  type FeatureNetwork,
  type FeatureNetworkDescription,
  featureNetworkDescription,
  openFeatureNetwork,
  readFeatureNetwork,
} from "./evaluation/feature-network.ts";
export type { FeatureSet } from "./evaluation/feature-set.ts";
export {
  addFeatures,
  emptyStatistics,
  type FeatureStatistics,
  type FrechetDistance,
  frechetDistance,
  frechetDistanceOn,
  type Moments,
  momentsOf,
  statisticsOf,
} from "./evaluation/frechet.ts";
export {
  type InceptionScore,
  inceptionScoreOfLogits,
  inceptionScoreOfProbabilities,
} from "./evaluation/inception-score.ts";
export {
  type KernelDistanceOptions,
  kernelDistance,
} from "./evaluation/kernel-distance.ts";
export type { NetworkFacts, NetworkOptions, NetworkVerdict } from "./evaluation/network-comparison.ts";
export { psnr, ssim } from "./evaluation/picture-metrics.ts";
export { type GridPoint, type GridSettings, planGrid } from "./evaluation/plan-grid.ts";
export { openPlanJudge, type PlanJudge, type PlanJudgeOptions } from "./evaluation/plan-judge.ts";
export {
  type PlanFigures,
  type PlanRow,
  type PlanRun,
  type RunReport,
  ratioOf,
} from "./evaluation/plan-runs.ts";
export {
  type PrecisionRecall,
  type PrecisionRecallOptions,
  precisionRecall,
} from "./evaluation/precision-recall.ts";
export { drawnSeeds, openParts, type PartsOptions } from "./evaluation/real-pictures.ts";
export type { SetMeasures } from "./evaluation/seen-set.ts";
export { readStatistics, type StatisticsOwner, writeStatistics } from "./evaluation/statistics-file.ts";
export { openStatisticsStream, type StatisticsStream } from "./evaluation/statistics-stream.ts";
export {
  type Claim,
  planStudy,
  type Study,
  type StudyGround,
  type StudyName,
  studyNames,
  verdictsOf,
} from "./evaluation/studies.ts";
export { type TokenizerReport, tokenizerReport } from "./evaluation/tokenizer-report.ts";
export { type TrainClassifierOptions, trainClassifier } from "./evaluation/train-classifier.ts";
