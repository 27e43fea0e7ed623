/**
 * The transformer behind the decode loop's seam: it owns the weights, the compiled graphs and the key/value caches,
 * all of which stay in the runner. Only token ids, positions and random numbers go in, and ids, their log
 * probabilities and, if wanted, entropies come out.
 *
 * B samples, N grid tokens, A active positions, M predicted positions.
 */
import { requireInput } from "../../core/errors.ts";
import { type HostTensor, scalar, sizeOf, tensor } from "../../core/tensor.ts";
import type {
  Predict,
  PredictRequest,
  PredictStretch,
  Stretch,
  StretchRequest,
} from "../../decoding/predict.ts";
import { encode, type Graph } from "../../graph/index.ts";
import { factsOf } from "../../runtime/device.ts";
import type { Feed, Program, Runner, Sink } from "../../runtime/runner.ts";
import { classRows, gridTokens, nullClass, type TransformerConfig } from "./config.ts";
import { transformerParameters } from "./parameters.ts";
import { cacheNames, fullPass, type PassKind, partialPass, weightFeeds } from "./passes.ts";
import {
  layoutOf,
  leadingRows,
  levelsOf,
  type Precision,
  partOf,
  quantisedParts,
  quantiseMatrix,
  requirePrecision,
  scalesOf,
} from "./precision.ts";
import { noTopP, type Sampling } from "./sampler.ts";
import { type StretchForm, stretchGraph, stretchWeightFeeds } from "./stretch.ts";
import { openStretchPrograms, type StretchPrograms } from "./stretch-programs.ts";

/** A transformer whose weights are in a runner. Predictors share it. */
export interface LoadedTransformer {
  readonly runner: Runner;
  readonly config: TransformerConfig;
  readonly precision: Precision;
  /** What the stored names of this transformer begin with. */
  readonly prefix: string;
  /** The weight feeds of a pass by one sub-model: made once, shared by all passes. */
  readonly weights: (kind: PassKind, factor: number) => Readonly<Record<string, Feed>>;
  /** A compiled graph, made when first needed. */
  readonly program: (name: string, build: () => Graph) => Promise<Program>;
  /** The weights that are integers, by their stored names without the prefix. */
  readonly levels: Readonly<Record<string, HostTensor>>;
  /** The compiled graphs of stretches. */
  readonly stretches: StretchPrograms;
  /** Drops the weights and compiled graphs. Its predictors must be disposed before. */
  dispose(): Promise<void>;
}

/**
 * Puts a transformer's weights into a runner.
 *
 * @param tensors  every parameter by name, of the configuration's shapes: `checkTensors` where they come from a file
 * @param options.precision  what the matrices of the layers are stored and multiplied in; "int8" needs a CPU runner
 * @throws {InputError} for a precision that the runner's device does not have
 */
export async function loadTransformer(
  runner: Runner,
  config: TransformerConfig,
  tensors: Readonly<Record<string, HostTensor>>,
  { precision = "fp32" }: { precision?: Precision } = {},
): Promise<LoadedTransformer> {
  requirePrecision(precision, runner.device);
  const prefix = runner.prefixFor("transformer");
  const stored: Record<string, HostTensor> = {};
  const levels: Record<string, HostTensor> = {};
  for (const { name: parameter } of transformerParameters(config)) {
    const given = tensors[parameter]!;
    const part = partOf(parameter);
    const isInteger = (factor: number) =>
      part !== null && quantisedParts(config, precision, factor).includes(part);
    if (part !== null && config.factors.some(isInteger)) {
      const integers = quantiseMatrix(given as HostTensor<"float32">, layoutOf(parameter));
      levels[levelsOf(parameter)] = integers.levels;
      stored[prefix + levelsOf(parameter)] = integers.levels;
      stored[prefix + scalesOf(parameter)] = integers.scales;
    }
    // Sub-models too small to gain from integers use the leading rows in float32.
    const largest = config.factors.find((factor) => !isInteger(factor));
    if (largest !== undefined)
      stored[prefix + parameter] = leadingRows(given, given.dims[0]! / (part === null ? 1 : largest));
  }
  await runner.put(stored);
  const programs = new Map<string, Promise<Program>>();
  const stretches = openStretchPrograms(runner);
  const feeds = new Map<string, Readonly<Record<string, Feed>>>();
  return {
    runner,
    config,
    precision,
    prefix,
    weights: (kind, factor) => {
      const key = `${kind} ${factor}`;
      let made = feeds.get(key);
      if (!made) {
        made = weightFeeds(config, kind, factor, prefix, quantisedParts(config, precision, factor));
        feeds.set(key, made);
      }
      return made;
    },
    program: (key, build) => {
      let made = programs.get(key);
      if (!made) {
        made = runner.load(encode(build()));
        programs.set(key, made);
        made.catch(() => programs.delete(key)); // a refused graph is tried again, and not waited for at the end
      }
      return made;
    },
    levels,
    stretches,
    dispose: async () => {
      await stretches.dispose();
      for (const made of programs.values()) await runner.unload(await made);
      programs.clear();
      await runner.drop(Object.keys(stored));
    },
  };
}

export interface Predictor {
  readonly predict: Predict;
  readonly predictStretch: PredictStretch;
  /**
   * Whether a stretch is to be predicted at once: its graph is there, or compiling it pays.
   *
   * @param batchesToCome  those like this one that are known to follow
   */
  paysAtOnce(stretch: Stretch, batchesToCome: number): boolean;
  /** Drops the caches. The transformer stays. */
  dispose(): Promise<void>;
}

/**
 * The `predict` of one decode.
 *
 * A guided step whose branches are of one size runs them as one batch of 2B, the unconditional samples last, with one
 * cache; an unguided step after it goes on with the leading half. Branches of two sizes have a cache each.
 *
 * @param classes  [B] class ids; the null class for no condition, a task's id (`taskClass`) for a completion
 * @throws {InputError} for a class that the model does not have
 */
export function createPredictor(transformer: LoadedTransformer, classes: ArrayLike<number>): Predictor {
  const { runner, config, levels } = transformer;
  const { hasFusedAttention } = factsOf(runner.device);
  const prefix = runner.prefixFor("predictor");
  const none = nullClass(config);
  const last = classRows(config) - 1;
  for (const given of Array.from(classes)) {
    requireInput(
      Number.isInteger(given) && given >= 0 && given <= last,
      `transformer: a class must be in 0..${last} (${none}: no condition), got ${given}`,
    );
  }
  const conditional = Int32Array.from(classes);
  const unconditional = new Int32Array(conditional.length).fill(none);
  const used = new Set<string>();
  const keep = (name: string): { store: string } => {
    used.add(prefix + name);
    return { store: prefix + name };
  };

  /** Runs one branch, or two joined, and samples, or keeps the logits as `<branch>/logits`. */
  async function pass(
    request: PredictRequest,
    branch: string,
    factor: number,
    classIds: Int32Array,
    sampling?: Sampling,
  ) {
    const kind = request.isFull ? "full" : "partial";
    const copies = classIds.length / request.batch;
    const inputs = request.isFull
      ? fullInputs(config, request, classIds)
      : partialInputs(config, request, copies);
    const feeds: Record<string, Feed> = {
      ...transformer.weights(kind, factor),
      ...inputs,
      ...(sampling && samplingFeeds(request, sampling)),
    };
    const sinks: Record<string, Sink> = sampling
      ? { sampledIds: "host", logProbs: "host", ...(sampling.hasEntropies && { entropies: "host" }) }
      : { logits: keep(`${branch}/logits`) };
    const rows = classIds.length * (gridTokens(config) + 1);
    for (const name of cacheNames(config)) {
      if (!request.isFull) feeds[name] = { stored: `${prefix}${branch}/${name}`, rows };
      if (!request.isCacheRead) continue;
      const sink = keep(`${branch}/${name}`);
      sinks[`new.${name}`] = "cells" in inputs ? { ...sink, atRows: inputs.cells.data } : sink;
    }
    const run = runner.run(await programOf(kind, factor, sampling), feeds, sinks);
    // The next step's graph is built while this one computes.
    if (request.isCacheRead) programOf("partial", factor, sampling).catch(() => {}); // it fails again where it is awaited
    return run;
  }

  function programOf(kind: PassKind, factor: number, sampling?: Sampling): Promise<Program> {
    const quantised = quantisedParts(config, transformer.precision, factor);
    return transformer.program(`${kind} ${JSON.stringify(sampling)} ${quantised}`, () =>
      (kind === "full" ? fullPass : partialPass)(config, sampling, quantised, hasFusedAttention),
    );
  }

  function samplingFeeds(
    request: PredictRequest,
    { guidance, isFiltered, hasMinP = false }: Sampling,
  ): Record<string, Feed> {
    const { uniforms, tokenTemperature, guidanceScale } = request;
    return {
      uniforms: tensor("float32", [uniforms.length], uniforms),
      temperature: scalar(tokenTemperature),
      ...(guidance !== "none" && { guidanceScale: scalar(guidanceScale) }),
      ...(guidance === "apart" && { unconditional: { stored: `${prefix}unconditional/logits` } }),
      ...filterFeeds(config, request, isFiltered, hasMinP),
    };
  }

  function requireBatch(batch: number): void {
    requireInput(
      batch === conditional.length,
      `transformer: ${conditional.length} classes were given for a batch of ${batch} samples`,
    );
  }

  return {
    predict: async (request) => {
      requireBatch(request.batch);
      const { factor, unconditionalFactor } = request;
      const isFiltered = request.topK !== null || request.topP !== null;
      const isJoined = unconditionalFactor === factor;
      const isApart = unconditionalFactor !== null && !isJoined;
      if (isApart) await pass(request, "unconditional", unconditionalFactor, unconditional);
      const classIds = isJoined ? Int32Array.of(...conditional, ...unconditional) : conditional;
      const guidance = isJoined ? "joined" : isApart ? "apart" : "none";
      const { sampledIds, logProbs, entropies } = await pass(request, "conditional", factor, classIds, {
        guidance,
        isFiltered,
        hasMinP: request.minP !== null,
        hasEntropies: request.wantsEntropies,
      });
      return {
        ids: sampledIds!.data as Int32Array,
        logProbs: logProbs!.data as Float32Array,
        ...(entropies && { entropies: entropies.data as Float32Array }),
      };
    },
    predictStretch: async (request) => {
      requireBatch(request.batch);
      const { batch, steps } = request;
      const form = formOf(request);
      const quantised = (factor: number) => quantisedParts(config, transformer.precision, factor);
      const sinks: Record<string, Sink> = { "masked.last": "host" };
      for (const i of steps.keys()) Object.assign(sinks, { [`ids.${i}`]: "host", [`logProbs.${i}`]: "host" });
      const feeds = {
        ...stretchWeightFeeds(config, form.steps, transformer.prefix, quantised),
        ...stretchInputs(config, request, form),
        classes: integers([batch], conditional),
        noClasses: integers([batch], unconditional),
      };
      const made = await transformer.stretches.use(
        JSON.stringify(form),
        () => stretchGraph(config, form, { quantised, levels, isFused: hasFusedAttention }),
        (program) => runner.run(program, feeds, sinks),
      );
      return {
        results: steps.map((_, i) => ({
          ids: made[`ids.${i}`]!.data as Int32Array,
          logProbs: made[`logProbs.${i}`]!.data as Float32Array,
        })),
        maskedLast: made["masked.last"]!.data as Int32Array,
      };
    },
    paysAtOnce: (stretch, batchesToCome) =>
      transformer.stretches.pays(JSON.stringify(formOf(stretch)), batchesToCome),
    dispose: async () => {
      await runner.drop([...used]);
      used.clear();
    },
  };
}

function filterFeeds(
  config: TransformerConfig,
  { topK, topP, minP }: Pick<PredictRequest, "topK" | "topP" | "minP">,
  isFiltered: boolean,
  hasMinP: boolean,
): Record<string, Feed> {
  return {
    ...(isFiltered && { topK: scalar(topK ?? config.codebookSize), topP: scalar(topP ?? noTopP) }),
    ...(hasMinP && { logMinP: scalar(Math.log(minP!)) }),
  };
}

const integers = (dims: readonly number[], data: Int32Array): HostTensor<"int32"> =>
  tensor("int32", dims, data);

/** `[values, values]` for two copies: the conditional samples, then the unconditional ones. */
function repeated(values: Int32Array, copies: number): Int32Array {
  const all = new Int32Array(values.length * copies);
  for (let copy = 0; copy < copies; copy++) all.set(values, copy * values.length);
  return all;
}

/** [copies*B*A] to rows of a table that has `stride` rows per sample: sample · stride + value. */
function sampleRows(values: Int32Array, batch: number, copies: number, stride: number): Int32Array {
  const perSample = values.length / batch;
  return repeated(values, copies).map((value, i) => Math.floor(i / perSample) * stride + value);
}

function fullInputs(config: TransformerConfig, request: PredictRequest, classIds: Int32Array) {
  const { tokens, predicted, batch } = request;
  const copies = classIds.length / batch;
  // All positions are active, in order: an index into them is the grid position, behind the class token.
  const places = predicted.map((position) => position + 1);
  const rows = sampleRows(places, batch, copies, gridTokens(config) + 1);
  return {
    ids: integers([classIds.length, sizeOf(config.grid)], repeated(tokens, copies)),
    classes: integers([classIds.length], classIds),
    rows: integers([rows.length], rows),
  };
}

function partialInputs(config: TransformerConfig, request: PredictRequest, copies: number) {
  const { tokens, positions, predicted, batch } = request;
  const active = positions.length / batch;
  const places = positions.map((position) => position + 1);
  const cells = sampleRows(places, batch, copies, gridTokens(config) + 1);
  const rows = sampleRows(predicted, batch, copies, active);
  return {
    ids: integers([batch * copies, active], repeated(tokens, copies)),
    places: integers([batch * copies, active], repeated(places, copies)),
    cells: integers([cells.length], cells),
    rows: integers([rows.length], rows),
  };
}

/** What of a stretch its graph depends on. */
function formOf({ steps, topK, topP, minP, isOrderFixed }: Stretch): StretchForm {
  return {
    steps: steps.map(
      ({ factor, unconditionalFactor, isFull, active, maskedBefore, predicted, unmaskCount }) => ({
        factor,
        unconditionalFactor,
        isFull,
        active,
        maskedBefore,
        predicted,
        unmaskCount,
      }),
    ),
    isFiltered: topK !== null || topP !== null,
    hasMinP: minP !== null,
    isOrderFixed,
  };
}

function stretchInputs(
  config: TransformerConfig,
  { steps, batch, tokens, masked, uniforms, noise, topK, topP, minP }: StretchRequest,
  { isFiltered, hasMinP }: StretchForm,
): Record<string, Feed> {
  const size = gridTokens(config);
  const numbered = (first: number) =>
    integers(
      [batch],
      Int32Array.from({ length: batch }, (_, i) => first + i),
    );
  const byStep = (numberOf: (step: StretchRequest["steps"][number]) => number) =>
    tensor("float32", [steps.length], Float32Array.from(steps, numberOf));
  return {
    tokens: integers([batch, size], tokens),
    masked: integers([batch, steps[0]!.maskedBefore], masked),
    samples: numbered(0),
    otherSamples: numbered(batch),
    uniforms: tensor("float32", [steps.length, batch, size], uniforms),
    noise: tensor("float32", [steps.length, batch, size], noise),
    temperature: byStep(({ tokenTemperature }) => tokenTemperature),
    guidanceScale: byStep(({ guidanceScale }) => guidanceScale),
    ...filterFeeds(config, { topK, topP, minP }, isFiltered, hasMinP),
  };
}
