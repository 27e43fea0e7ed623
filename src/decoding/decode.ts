/**
 * The decode loop: from masked tokens to a filled grid, a few steps of parallel decoding (MaskGIT), each with the
 * sub-model, cache and guidance that the plan gives it.
 *
 * B samples, N grid tokens, A active positions, M predicted positions: those of the masked ones for which a step asks an
 * id, all of them unless the plan says that only those needed run. Row-major. What a number counts along:
 *
 *     name             in       it is                                          leads to
 *     sample           0..B-1   a row of the batch
 *     position         0..N-1   a place in the grid
 *     active index     0..A-1   which of a step's active positions, ascending  active[sample][activeIndex]: position
 *     predicted index  0..M-1   which of those that are predicted, ascending   a request's predicted: active index
 *     cell             0..BN-1  sample N + position: in tokens, decodedAtStep, the cache's ledger
 *     active row       0..BA-1  sample A + active index: in a request's tokens and positions
 *     row              0..BM-1  sample M + predicted index: in predicted, uniforms, ids, logProbs, entropies
 *     k                0..K-1   a step of the plan; `steps[s]` are those that run
 */
import { InputError, requireInput } from "../core/errors.ts";
import { foldIn, gumbelAt, type Key, keyFromSeed, type Seed, uniformAt } from "../core/random.ts";
import { emptyLedger, positionsToRun, recordEncoding } from "./cache-ledger.ts";
import { haltonOrder } from "./halton-order.ts";
import { maskedAfterSteps } from "./mask-schedule.ts";
import { fillFromNearest } from "./nearest-tokens.ts";
import type { DecodePlan } from "./plan.ts";
import type {
  Predict,
  PredictRequest,
  PredictResult,
  PredictStretch,
  Stretch,
  StretchRequest,
} from "./predict.ts";
import { type ModelFacts, type ResolvedStep, requirePlanFits, resolvePlan } from "./resolve-plan.ts";
import { countWithinBound, goneOnFrom } from "./unmasking.ts";

export interface DecodeOptions {
  readonly plan: DecodePlan;
  readonly model: ModelFacts;
  /** The id that stands for a masked token. */
  readonly maskId: number;
  /** Of all samples, or [B] the seed of each. */
  readonly seed: Seed | readonly Seed[];
  /**
   * [B] which samples of the seed's series to make. Sample i of a seed is the same alone and in any batch, whatever the
   * seeds of the others are. With an entropy rule every sample has counts of its own, and tensors would not be dense: then it must be one sample alone.
   */
  readonly sampleIndexes: readonly number[];
  /**
   * [B, N] start tokens, `maskId` where a token is wanted; known tokens stay. Every sample must have the same number
   * of masked tokens. Left out: all masked.
   */
  readonly start?: Int32Array;
  /**
   * [B, N] what the model sees where a token is wanted: `maskId`, or a token near the wanted one, which the decode
   * then refines (COMMIT's condition tokens, Yu et al. 2023, MAGVIT, section 3.2). Left out: `maskId` everywhere.
   */
  readonly condition?: Int32Array;
  /** Only the `halton` order asks for it: [rows, columns] or [frames, rows, columns]. Left out: a square. */
  readonly gridShape?: readonly number[];
  readonly predict: Predict;
  /** Left out: every step by itself. */
  readonly stretches?: Stretches;
  /** Called, and awaited, after every step; after those of a stretch when the stretch is done. */
  readonly onStep?: (progress: DecodeProgress) => void | Promise<void>;
  /**
   * Called after every step but the last with the plan so far and the index k of the step that ran; returns the plan
   * to go on with, which may differ in the sub-models and the leaving out of later steps (see deadline.ts). The
   * tokens are those of the last plan returned, decoded from the start. Not for a plan with an entropy rule.
   */
  readonly replan?: (plan: DecodePlan, step: number) => DecodePlan;
  /** Checked before every step and stretch; decoding then stops with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Steps that are predicted together, in one run of the device, where nobody acts between them. The tokens are the same.
 * With an entropy rule or `replan` somebody does: there every step runs by itself.
 */
export interface Stretches {
  readonly predict: PredictStretch;
  /**
   * How many of the steps that are left to predict together; 0: the next one by itself. Asked before full steps only; a
   * stretch must end before another full one, or with the last step.
   */
  length(left: Stretch): number;
}

/** The step that ran, with the number of tokens that it decoded, and how far the decode is. */
export interface DecodeProgress extends ResolvedStep {
  /** Steps done, this one included, and steps that will run (fewer than K when there are fewer tokens), at most. */
  readonly done: number;
  readonly total: number;
  /**
   * [B, N] a copy: the grid with this step's guess at every masked position. With `cache.runs` "needed" there is a guess
   * only where the step decodes; the other positions show their condition token, or else the nearest token that is
   * known, so that the grid is always one that can be turned into an image.
   */
  readonly tokens: Int32Array;
  /** [B, N] a copy: the step k that decoded each token; -1 for one that was given, -2 for one that is still masked. */
  readonly decodedAtStep: Int32Array;
  /** Tokens per sample still masked after this step. */
  readonly maskedRemaining: number;
}

export interface DecodeResult {
  /** [B, N] no token is masked. */
  readonly tokens: Int32Array;
  /** [B, N] the step k that decoded each token; -1 for tokens that were given. */
  readonly decodedAtStep: Int32Array;
}

/** What a sample's random numbers are for; part of their key. */
const purpose = { token: 0, choice: 1 } as const;

/**
 * Decodes B samples.
 *
 * In step k `predict` samples an id for every masked position (with `cache.runs` "needed" for those that the step
 * decodes); those with the best score = log p(id) + T_k Gumbel, a
 * sum in float32, keep it (equal scores: the lower position), the others stay masked. With the `halton` schedule a fixed order of the
 * grid decides instead. How many keep it is scheduled, or with an entropy rule at least as many (unmasking.ts). Every
 * random number is a function of (seed, sample index, purpose, step, position).
 *
 * @throws InputError for a plan that does not fit the model, for several samples at a time with an entropy rule, and for
 *   start tokens of a wrong size, without a masked token, or with differing numbers of them; the signal's reason when
 *   aborted; what `predict` or `onStep` throw.
 */
export async function decode(options: DecodeOptions): Promise<DecodeResult> {
  const { model, maskId, sampleIndexes, predict, stretches, onStep, replan, signal } = options;
  let { plan } = options;
  const { gridTokens } = model;
  const batch = sampleIndexes.length;
  requireInput(
    !plan.unmask || batch === 1,
    `decode: with an entropy rule samples are decoded one at a time, got ${batch} together; decode them apart`,
  );
  requirePlanFits(plan, model);
  const tokens = startTokens(options);
  const condition = conditionTokens(options);
  const maskedTokens = maskedPerSample(tokens, options);
  let maskedAfter = maskedAfterSteps(plan.maskSchedule, plan.steps, maskedTokens);
  let { steps } = resolvePlan(plan, model, maskedTokens);
  const keys = sampleKeys(options.seed, sampleIndexes);
  const rank = plan.maskSchedule.kind === "halton" ? haltonRank(options) : null;
  const ledger = emptyLedger(batch, gridTokens);
  const decodedAtStep = new Int32Array(batch * gridTokens).fill(-1);

  /** The steps from `steps[s]` on that are predicted together, if any. */
  function stretchFrom(s: number): Stretch | null {
    const { topK, topP, minP } = plan;
    const left: Stretch = { steps: steps.slice(s), topK, topP, minP, isOrderFixed: rank !== null };
    const length = stretches?.length(left) ?? 0;
    if (length === 0) return null;
    if (left.steps[length]?.isFull === false) {
      throw new Error(
        `decode: a stretch of ${length} steps from step ${steps[s].step} leaves a cache to be read`,
      );
    }
    return { ...left, steps: left.steps.slice(0, length) };
  }

  /** The answers to the next steps: one, or those of a stretch. */
  async function ask(s: number, masked: Positions, predicted: Positions): Promise<Answer[]> {
    const step = steps[s];
    const stretch = step.isFull && !replan && !plan.unmask ? stretchFrom(s) : null;
    if (stretch) {
      const chances = stretch.steps.map((each) => drawChance(each, keys, masked, gridTokens, rank));
      const shown = shownTokens(tokens, condition, maskId);
      const { results, maskedLast } = await stretches!.predict(
        stretchRequest(stretch, masked, chances, shown),
      );
      const answers: Answer[] = chances.map((chance, i) => ({ chance, result: results[i] }));
      answers[answers.length - 1] = { ...answers.at(-1)!, masked: maskedLast };
      return answers;
    }
    const chance = drawChance(step, keys, masked, gridTokens, rank);
    const active = Array.from({ length: batch }, (_, sample) =>
      step.isFull
        ? Array.from({ length: gridTokens }, (_, position) => position)
        : positionsToRun(ledger, tokens, maskId, sample, gridTokens, predicted[sample]),
    );
    // A plan that may change may come to read any step's keys and values.
    const isCacheRead = replan ? plan.cache.enabled && s < steps.length - 1 : step.isCacheRead;
    const request = buildRequest(
      { ...step, isCacheRead },
      plan,
      active,
      predicted,
      shownTokens(tokens, condition, maskId),
      chance.uniforms,
    );
    const result = await predict(request);
    recordEncoding(ledger, request, tokens, maskId);
    return [{ chance, result }];
  }

  const answers: Answer[] = [];
  for (let s = 0; s < steps.length; s++) {
    signal?.throwIfAborted();
    const step = steps[s];
    const masked = maskedPositions(tokens, maskId, batch);
    const predicted = predictedPositions(masked, step, rank);
    if (answers.length === 0) answers.push(...(await ask(s, masked, predicted)));
    const { chance, result, masked: expected } = answers.shift()!;
    if (expected) requireSameChoice(expected, masked, step);
    checkResult(result, step, batch, maskId, plan);

    const filled = tokens.slice();
    let { unmaskCount } = step;
    for (let sample = 0; sample < batch; sample++) {
      const firstRow = sample * step.predicted;
      const firstCell = sample * gridTokens;
      for (const [predictedIndex, position] of predicted[sample].entries()) {
        filled[firstCell + position] = result.ids[firstRow + predictedIndex];
      }
      const scores = predicted[sample].map((position, predictedIndex) => {
        const noise = chance.noise[firstCell + position];
        return rank ? noise : Math.fround(result.logProbs[firstRow + predictedIndex] + noise);
      });
      const best = bestFirst(scores);
      if (plan.unmask) {
        const entropies = best.map((predictedIndex) => result.entropies![firstRow + predictedIndex]!);
        unmaskCount = Math.max(unmaskCount, countWithinBound(entropies, plan.unmask.bound));
      }
      for (const predictedIndex of best.slice(0, unmaskCount)) {
        const cell = firstCell + predicted[sample][predictedIndex];
        tokens[cell] = filled[cell];
        decodedAtStep[cell] = step.step;
      }
    }
    const maskedRemaining = step.maskedBefore - unmaskCount;
    if (unmaskCount > step.unmaskCount) {
      maskedAfter = goneOnFrom(maskedAfter, step.step, maskedRemaining);
      steps = resolvePlan(plan, model, maskedTokens, maskedAfter).steps;
    }
    await onStep?.({
      ...step,
      unmaskCount,
      maskedRemaining,
      done: s + 1,
      total: steps.length,
      tokens:
        step.predicted === step.maskedBefore
          ? filled
          : fillFromNearest(shownTokens(filled, condition, maskId), maskId, gridShapeOf(options)),
      decodedAtStep: decodedAtStep.map((at, cell) => (tokens[cell] === maskId ? -2 : at)),
    });
    if (!replan || s === steps.length - 1) continue;
    plan = replan(plan, step.step);
    steps = withSameStart(steps, resolvePlan(plan, model, maskedTokens).steps, s);
  }
  return { tokens, decodedAtStep };
}

/** The steps of a new plan, of which the first ones, up to `steps[s]`, must be those that ran. */
function withSameStart(
  ran: readonly ResolvedStep[],
  next: readonly ResolvedStep[],
  s: number,
): readonly ResolvedStep[] {
  const shown = (steps: readonly ResolvedStep[]) =>
    JSON.stringify(steps.slice(0, s + 1).map((step) => ({ ...step, isCacheRead: null })));
  if (shown(ran) !== shown(next)) {
    throw new Error(`decode: replan changed a step that ran, up to step ${ran[s].step}`);
  }
  return next;
}

/** By sample: some positions, ascending. */
type Positions = readonly (readonly number[])[];

/** What a step goes by. */
interface Answer {
  readonly chance: Chance;
  readonly result: PredictResult;
  /** [B, M] the positions that the other side takes for masked in this step, where it has come this far by itself. */
  readonly masked?: Int32Array;
}

/** Who predicts a stretch chooses between its steps; had it chosen otherwise, its answers were of no use. */
function requireSameChoice(expected: Int32Array, masked: Positions, { step }: ResolvedStep): void {
  const positions = masked.flat();
  if (expected.length === positions.length && positions.every((position, row) => expected[row] === position))
    return;
  throw new Error(`decode: the steps predicted together left other positions masked before step ${step}`);
}

/** The random numbers of one step, at the cells [B, N] that are masked when they are drawn. */
interface Chance {
  /** In [0, 1), for the inverse CDF. */
  readonly uniforms: Float32Array;
  /** T_k Gumbel, for the score; with the `halton` schedule the whole score. */
  readonly noise: Float32Array;
}

function drawChance(
  { step, choiceTemperature }: ResolvedStep,
  keys: readonly Key[],
  masked: Positions,
  gridTokens: number,
  rank: Int32Array | null,
): Chance {
  const uniforms = new Float32Array(masked.length * gridTokens);
  const noise = new Float32Array(masked.length * gridTokens);
  for (const [sample, positions] of masked.entries()) {
    const tokenKey = foldIn(foldIn(keys[sample], purpose.token), step);
    const choiceKey = foldIn(foldIn(keys[sample], purpose.choice), step);
    for (const position of positions) {
      const cell = sample * gridTokens + position;
      uniforms[cell] = uniformAt(tokenKey, position);
      if (rank) noise[cell] = -rank[position];
      else if (choiceTemperature > 0) noise[cell] = choiceTemperature * gumbelAt(choiceKey, position);
    }
  }
  return { uniforms, noise };
}

function maskedPositions(tokens: Int32Array, maskId: number, batch: number): Positions {
  const gridTokens = tokens.length / batch;
  return Array.from({ length: batch }, (_, sample) => {
    const positions: number[] = [];
    for (let position = 0; position < gridTokens; position++) {
      if (tokens[sample * gridTokens + position] === maskId) positions.push(position);
    }
    return positions;
  });
}

/** Those of the masked positions for which a step asks an id: all, or the first ones of a fixed order. */
function predictedPositions(
  masked: Positions,
  { predicted }: ResolvedStep,
  rank: Int32Array | null,
): Positions {
  return masked.map((positions) => {
    if (predicted === positions.length) return positions;
    const inOrder = [...positions].sort((a, b) => rank![a] - rank![b]);
    return inOrder.slice(0, predicted).sort((a, b) => a - b);
  });
}

/** [B, N] what the model sees: where a token is masked, its condition token if there are such. */
function shownTokens(tokens: Int32Array, condition: Int32Array | null, maskId: number): Int32Array {
  return condition ? tokens.map((token, cell) => (token === maskId ? condition[cell] : token)) : tokens;
}

function stretchRequest(
  stretch: Stretch,
  masked: Positions,
  chances: readonly Chance[],
  tokens: Int32Array,
): StretchRequest {
  const joined = (name: keyof Chance) => {
    const numbers = new Float32Array(chances.length * tokens.length);
    for (const [i, chance] of chances.entries()) numbers.set(chance[name], i * tokens.length);
    return numbers;
  };
  return {
    ...stretch,
    batch: masked.length,
    tokens,
    masked: Int32Array.from(masked.flat()),
    uniforms: joined("uniforms"),
    noise: joined("noise"),
  };
}

/** The indices of the scores from the highest on; of equal scores, the first one first. */
function bestFirst(scores: readonly number[]): number[] {
  return scores.map((_, i) => i).sort((i, j) => (scores[i] === scores[j] ? i - j : scores[j] - scores[i]));
}

/**
 * The request of one step; the counts must be what the plan promised.
 *
 * @param tokens  [B, N] what the model sees
 */
function buildRequest(
  step: ResolvedStep,
  plan: DecodePlan,
  active: Positions,
  predicted: Positions,
  tokens: Int32Array,
  uniforms: Float32Array,
): PredictRequest {
  const batch = active.length;
  const gridTokens = tokens.length / batch;
  const request = {
    step: step.step,
    factor: step.factor,
    unconditionalFactor: step.unconditionalFactor,
    guidanceScale: step.guidanceScale,
    isFull: step.isFull,
    isCacheRead: step.isCacheRead,
    batch,
    tokens: new Int32Array(batch * step.active),
    positions: new Int32Array(batch * step.active),
    predicted: new Int32Array(batch * step.predicted),
    uniforms: new Float32Array(batch * step.predicted),
    tokenTemperature: step.tokenTemperature,
    topK: plan.topK,
    topP: plan.topP,
    minP: plan.minP,
    wantsEntropies: plan.unmask !== undefined,
  };
  for (let sample = 0; sample < batch; sample++) {
    let predictedIndex = 0;
    for (const [activeIndex, position] of active[sample].entries()) {
      const cell = sample * gridTokens + position;
      const activeRow = sample * step.active + activeIndex;
      request.tokens[activeRow] = tokens[cell];
      request.positions[activeRow] = position;
      if (position !== predicted[sample][predictedIndex]) continue;
      const row = sample * step.predicted + predictedIndex;
      request.predicted[row] = activeIndex;
      request.uniforms[row] = uniforms[cell];
      predictedIndex++;
    }
    if (active[sample].length !== step.active || predictedIndex !== step.predicted) {
      throw new Error(
        `decode: step ${step.step} should have ${step.active} active and ${step.predicted} predicted positions, ` +
          `sample ${sample} has ${active[sample].length} and ${predictedIndex}`,
      );
    }
  }
  return request;
}

function checkResult(
  { ids, logProbs, entropies }: PredictResult,
  { step, predicted }: ResolvedStep,
  batch: number,
  maskId: number,
  { unmask }: DecodePlan,
): void {
  const rows = batch * predicted;
  if (ids.length !== rows || logProbs.length !== rows) {
    throw new Error(
      `decode: predict must return ${rows} ids and log probabilities in step ${step}, ` +
        `got ${ids.length} and ${logProbs.length}`,
    );
  }
  if (unmask && !(entropies?.length === rows && entropies.every((entropy) => entropy >= 0))) {
    throw new Error(
      `decode: predict must return ${rows} entropies of at least 0 in step ${step}, got ${entropies}`,
    );
  }
  for (let row = 0; row < rows; row++) {
    if (ids[row] < 0 || ids[row] === maskId || Number.isNaN(logProbs[row])) {
      throw new Error(
        `decode: predict returned id ${ids[row]} with log probability ${logProbs[row]} in step ${step}, row ${row}`,
      );
    }
  }
}

function sampleKeys(seed: Seed | readonly Seed[], sampleIndexes: readonly number[]): Key[] {
  const seeds: readonly Seed[] = Array.isArray(seed) ? seed : sampleIndexes.map(() => seed as Seed);
  requireInput(
    seeds.length === sampleIndexes.length,
    `decode: ${sampleIndexes.length} samples need as many seeds, or one for all, got ${seeds.length}`,
  );
  return sampleIndexes.map((index, sample) => {
    requireInput(
      Number.isInteger(index) && index >= 0 && index < 2 ** 32,
      `decode: a sample index must be an integer in 0..4294967295, got ${index}`,
    );
    return foldIn(keyFromSeed(seeds[sample]!), index);
  });
}

/** The grid to decode into, a copy of the start tokens. */
function startTokens({ start, maskId, model, sampleIndexes }: DecodeOptions): Int32Array {
  requireInput(sampleIndexes.length > 0, "decode: sampleIndexes must name at least one sample, got none");
  const size = sampleIndexes.length * model.gridTokens;
  if (!start) return new Int32Array(size).fill(maskId);
  requireInput(
    start.length === size,
    `decode: start must hold ${sampleIndexes.length} samples of ${model.gridTokens} tokens, got ${start.length} tokens`,
  );
  const negative = start.find((token) => token < 0 && token !== maskId);
  requireInput(negative === undefined, `decode: start tokens must be 0 or above, got ${negative}`);
  return start.slice();
}

/** The condition tokens, checked; null where there are none. */
function conditionTokens({ condition, maskId, model, sampleIndexes }: DecodeOptions): Int32Array | null {
  if (!condition) return null;
  const size = sampleIndexes.length * model.gridTokens;
  requireInput(
    condition.length === size,
    `decode: condition must hold ${sampleIndexes.length} samples of ${model.gridTokens} tokens, got ${condition.length} tokens`,
  );
  const negative = condition.find((token) => token < 0 && token !== maskId);
  requireInput(negative === undefined, `decode: condition tokens must be 0 or above, got ${negative}`);
  return condition;
}

/** N0, the same for every sample: tensors stay dense. */
function maskedPerSample(tokens: Int32Array, { maskId, model }: DecodeOptions): number {
  const counts: number[] = [];
  for (let cell = 0; cell < tokens.length; cell += model.gridTokens) {
    counts.push(tokens.subarray(cell, cell + model.gridTokens).filter((token) => token === maskId).length);
  }
  const other = counts.findIndex((count) => count !== counts[0]);
  requireInput(
    other === -1,
    `decode: all samples of a batch must have the same number of masked tokens, but sample 0 has ${counts[0]} and ` +
      `sample ${other} has ${counts[other]}; decode them apart`,
  );
  requireInput(counts[0] > 0, "decode: start has no masked token, so there is nothing to decode");
  return counts[0];
}

/** [rows, columns] or [frames, rows, columns]. */
function gridShapeOf({ model, gridShape }: DecodeOptions): readonly number[] {
  const side = Math.round(Math.sqrt(model.gridTokens));
  return gridShape ?? [side, side];
}

/** [N] the place of each grid position in the Halton order. */
function haltonRank(options: DecodeOptions): Int32Array {
  const { model } = options;
  const shape = gridShapeOf(options);
  if (shape.reduce((product, length) => product * length, 1) !== model.gridTokens) {
    throw new InputError(
      `decode: the halton order needs the grid's shape, whose product is ${model.gridTokens}, got [${shape}]`,
    );
  }
  const rank = new Int32Array(model.gridTokens);
  for (const [place, position] of haltonOrder(shape).entries()) rank[position] = place;
  return rank;
}
