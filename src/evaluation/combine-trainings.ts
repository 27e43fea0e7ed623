/** The figures of several trainings of one configuration as one evaluation, whose error bars are between the trainings. */
import { requireInput } from "../core/errors.ts";
import type { ModelEvaluation } from "./evaluate.ts";
import { averaged, estimate, estimated } from "./metrics/estimate.ts";

/**
 * Every plan's figures over trainings: of each the mean over its sampling seeds, which are the same for all; each counts as one run.
 * What is no plan's, such as held-out images, is the first one's. One training is left as it is, its error bars between its seeds.
 *
 * @param evaluations  of the same plans, seeds and data, one per training, at least 1
 * @throws InputError where their plans differ
 */
export function combineTrainings(evaluations: readonly ModelEvaluation[]): ModelEvaluation {
  const [first] = evaluations as [ModelEvaluation];
  if (evaluations.length === 1) return first;
  const names = (evaluation: ModelEvaluation) => evaluation.rows.map(({ name }) => name).join("\n");
  for (const evaluation of evaluations) {
    requireInput(
      names(evaluation) === names(first) && evaluation.task === first.task,
      `study: all models must be of one configuration, but ${evaluation.subject} has other plans than ${first.subject}`,
    );
  }
  return {
    ...first,
    rows: first.rows.map((_, i) => combinedRow(evaluations.map(({ rows }) => rows[i]!))),
    trainings: evaluations.map(({ subject }) => subject),
    cachedRuns: evaluations.reduce((sum, { cachedRuns }) => sum + cachedRuns, 0),
    warnings: [...new Set(evaluations.flatMap(({ warnings }) => warnings))],
  } as ModelEvaluation;
}

/** Of the study of trainings, with the loss that the sub-model ended at. */
type Row = ModelEvaluation["rows"][number] & { readonly trainingLoss?: number };

/** One plan over trainings: figures with their error between them. */
function combinedRow(rows: readonly Row[]): Row {
  const runs = rows.map((row, i) => ({
    ...averaged(row.runs as readonly { readonly seed: string }[]),
    seed: `training ${i + 1}`,
  }));
  const costs = rows.map(({ multiplyAdds, baselineMultiplyAdds }) => ({
    multiplyAdds,
    baselineMultiplyAdds,
  }));
  const cost = averaged(costs);
  const toBaseline = rows.flatMap(({ frechetToBaseline }) => frechetToBaseline?.mean ?? []);
  const losses = rows.flatMap(({ trainingLoss }) => trainingLoss ?? []);
  const { seed: _, ...figures } = estimated(runs);
  return {
    ...rows[0],
    ...figures,
    ...cost,
    ratio: cost.baselineMultiplyAdds / cost.multiplyAdds,
    ...(losses.length > 0 && { trainingLoss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length }),
    ...(toBaseline.length > 0 && { frechetToBaseline: estimate(toBaseline) }),
    runs,
  } as unknown as Row;
}
