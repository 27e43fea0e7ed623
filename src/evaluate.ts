/** Measuring models: a classifier as the judge, Fréchet distances, decode plans compared. */
export { type ClassifierFolder, readClassifier, writeClassifier } from "./evaluation/classifier-folder.ts";
export {
  type EvaluateOptions,
  type EvaluateProgress,
  type Evaluation,
  evaluateModel,
  type PictureModel,
  type PlanVerdict,
  type Verdict,
} from "./evaluation/evaluate-model.ts";
export {
  addFeatures,
  emptyStatistics,
  type FeatureStatistics,
  type FrechetDistance,
  frechetDistance,
  statisticsOf,
} from "./evaluation/frechet.ts";
export { flatPlan, type GridPoint, type GridSettings, planGrid } from "./evaluation/plan-grid.ts";
export { drawnSeeds, openParts } from "./evaluation/real-pictures.ts";
export { type TokenizerReport, tokenizerReport } from "./evaluation/tokenizer-report.ts";
export { type TrainClassifierOptions, trainClassifier } from "./evaluation/train-classifier.ts";
