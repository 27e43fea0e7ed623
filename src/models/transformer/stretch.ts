/**
 * Several steps of a decode as one graph: the passes of {@link passes.ts}, written one after the other, with what the
 * decode loop does between them: which tokens are kept, which positions run next. It begins with a full step, so that
 * it needs no cache of an earlier one; keys and values never leave it.
 *
 * B samples (a symbol), N grid tokens, S steps, C copies of a sample in a pass (2 where both branches run joined, the
 * conditional ones first), M predicted positions (with an order that is fixed, maybe fewer than are masked), A active
 * ones, V codebook size. Positions, as everywhere, ascend.
 */
import { type HostTensor, tensor } from "../../core/tensor.ts";
import type { StretchStep } from "../../decoding/predict.ts";
import {
  add,
  cast,
  concat,
  Graph,
  gatherLast,
  gatherRows,
  multiply,
  multiplyDims,
  negate,
  placeLast,
  reshape,
  slice,
  topK,
  type Value,
} from "../../graph/index.ts";
import type { StoredFeed } from "../../runtime/runner.ts";
import { gridTokens, type TransformerConfig } from "./config.ts";
import type { KeysValues, Weights } from "./layers.ts";
import { nestedLayer } from "./parameters.ts";
import { type Pass, runEvery, runSome, type WeightPort, weightPorts } from "./passes.ts";
import { type LayerPart, leadingRows } from "./precision.ts";
import { type SamplingSettings, sample } from "./sampler.ts";

/** What of a stretch is in its graph; everything else is fed. */
export interface StretchForm {
  readonly steps: readonly StretchStep[];
  readonly isFiltered: boolean;
  readonly hasMinP: boolean;
  /** The tokens are kept in an order that is fed, whatever their probabilities. */
  readonly isOrderFixed: boolean;
}

/** Which parts of the layers each sub-model computes in integers. */
type QuantisedBy = (factor: number) => readonly LayerPart[];

/** How a transformer computes. */
export interface Arithmetic {
  readonly quantised: QuantisedBy;
  /** The weights that are integers, by the names that they are stored under (without prefix). */
  readonly levels: Readonly<Record<string, HostTensor>>;
  /** See `layers`. */
  readonly isFused: boolean;
}

/**
 * The graph of a stretch.
 *
 * Inputs: tokens [B, N] what the model sees, masked [B, masked] the masked positions, classes [B] and noClasses [B] of
 * the class table, samples [B] and otherSamples [B] the numbers 0..B-1 and B..2B-1, uniforms [S, B, N], noise [S, B, N] which
 * is added to the log probabilities (with a fixed order it is the score itself), temperature [S], guidanceScale [S],
 * filtered topK [] and topP [], with min-p logMinP [], and the float32 weights of every sub-model that runs. Those that
 * are integers are in the graph: the runtime then turns and packs them once and not in every run, for the same sums.
 *
 * Outputs of step i: ids.i and logProbs.i [B*M] of its predicted positions; and masked.last, the masked positions of the
 * last step, by which the decode loop sees that it chose alike.
 */
export function stretchGraph(
  config: TransformerConfig,
  form: StretchForm,
  { quantised, levels, isFused }: Arithmetic,
): Graph {
  const { steps, isFiltered, hasMinP, isOrderFixed } = form;
  const graph = new Graph("transformer stretch");
  const size = gridTokens(config);
  let tokens = graph.input("tokens", "int32", ["B", size]);
  let masked = graph.input("masked", "int32", ["B", steps[0]!.maskedBefore]);
  const perSample = (name: string): Value => graph.input(name, "int32", ["B"]);
  const classes = { conditional: perSample("classes"), unconditional: perSample("noClasses") };
  const [samples, others] = [perSample("samples"), perSample("otherSamples")];
  const chance = (name: string): Value => graph.input(name, "float32", [steps.length, "B", size]);
  const [uniforms, noise] = [chance("uniforms"), chance("noise")];
  const byStep = (name: string): Value => graph.input(name, "float32", [steps.length]);
  const [temperature, guidanceScale] = [byStep("temperature"), byStep("guidanceScale")];
  const number = (name: string): Value => graph.input(name, "float32", []);
  const filters = {
    ...(isFiltered && { topK: number("topK"), topP: number("topP") }),
    ...(hasMinP && { logMinP: number("logMinP") }),
  };
  const weights = weightValues(graph, config, factorsOf(steps), quantised, levels);
  const caches = new Map<Branch, readonly KeysValues[]>();

  /** Of the last step: its masked positions, which of them stayed masked, and the positions that it decoded. */
  let before: { masked: Value; kept: Value; decoded: Value } | undefined;

  function pass(step: StretchStep, predicted: Value, branch: Branch, factor: number, copies: 1 | 2): Pass {
    const all = copies === 2 ? joined(samples, others) : samples; // [C*B]
    const twice = (x: Value): Value => (copies === 2 ? joined(x, x) : x);
    let made: Pass;
    if (step.isFull) {
      const classIds = copies === 2 ? joined(classes.conditional, classes.unconditional) : classes[branch];
      const rows = rowsOf(all, size + 1, add(twice(predicted), 1));
      made = runEvery(config, weights(factor), { ids: twice(tokens), classes: classIds, rows }, isFused);
    } else {
      // Where all masked positions run, these and those decoded before are what was masked before.
      const { active, rows } =
        step.predicted === step.maskedBefore
          ? { active: before!.masked, rows: before!.kept }
          : together(before!.decoded, predicted);
      const places = add(twice(active), 1);
      const at = {
        ids: twice(picked(tokens, active)),
        places,
        cells: rowsOf(all, size + 1, places),
        rows: rowsOf(all, step.active, twice(rows)),
      };
      const cache = caches.get(branch)!;
      made = runSome(
        config,
        weights(factor),
        at,
        (layer) => leading(cache[layer]!, copies, size + 1),
        isFused,
      );
    }
    caches.set(branch, made.cache);
    return made;
  }

  for (const [i, step] of steps.entries()) {
    const { factor, unconditionalFactor, unmaskCount, maskedBefore } = step;
    const M = step.predicted;
    const isJoined = unconditionalFactor === factor;
    const isApart = unconditionalFactor !== null && !isJoined;
    const ofStep = (numbers: Value): Value => slice(numbers, 0, i, i + 1);
    const at = (positions: Value, numbers: Value): Value =>
      gatherLast(reshape(slice(numbers, 0, i, i + 1), ["B", size]), positions);
    /** Indices of the masked positions, the best first. */
    const bestFirst = (scores: Value): Value =>
      smallNumbers(topK(scores, maskedBefore).indices, maskedBefore);
    // Only a fixed order says before the pass what the step decodes.
    let order = M < maskedBefore ? bestFirst(at(masked, noise)) : null;
    const predicted = order ? picked(masked, ascending(slice(order, 1, 0, M))) : masked;
    const other = isApart ? pass(step, predicted, "unconditional", unconditionalFactor, 1).logits : null;
    const { logits } = pass(step, predicted, "conditional", factor, isJoined ? 2 : 1);
    const settings: SamplingSettings = {
      temperature: ofStep(temperature),
      ...filters,
      ...(unconditionalFactor !== null && { guidanceScale: ofStep(guidanceScale) }),
      ...(other && { unconditional: other }),
    };
    const rowUniforms = reshape(at(predicted, uniforms), [multiplyDims(M, "B")]);
    const { ids, logProbs } = sample(logits, rowUniforms, settings);
    graph.output(`ids.${i}`, ids);
    graph.output(`logProbs.${i}`, logProbs);
    if (i === steps.length - 1) break;

    let decoded = predicted;
    let chosen = reshape(ids, ["B", M]);
    if (!order) {
      const chance = at(masked, noise);
      order = bestFirst(isOrderFixed ? chance : add(reshape(logProbs, ["B", M]), chance));
      const best = cast(slice(order, 1, 0, unmaskCount), "int32");
      decoded = picked(masked, best);
      chosen = picked(chosen, best);
    }
    tokens = placeLast(tokens, decoded, chosen);
    const kept = ascending(slice(order, 1, unmaskCount, maskedBefore));
    before = { masked, kept, decoded };
    masked = picked(masked, kept);
  }
  graph.output("masked.last", masked);
  return graph;
}

type Branch = "conditional" | "unconditional";

/** Row numbers in a table of `stride` rows a sample: all [n] samples, offsets [n, k] -> [n*k]. */
function rowsOf(all: Value, stride: number, offsets: Value): Value {
  const rows = add(reshape(multiply(all, stride), [all.dim(0), 1]), offsets);
  return reshape(rows, [multiplyDims(...rows.shape)]);
}

/** Samples after samples: two of [B, ...] -> [2*B, ...]. */
function joined(a: Value, b: Value): Value {
  const one = (x: Value): Value => reshape(x, [1, ...x.shape]);
  return reshape(concat([one(a), one(b)], 0), [multiplyDims(2, a.dim(0)), ...a.shape.slice(1)]);
}

/** The cache of a pass's samples: those of a joined pass before it begin with the conditional ones. */
function leading({ keys, values }: KeysValues, copies: number, positions: number): KeysValues {
  const part = (rows: Value): Value => {
    const [wanted, width] = [multiplyDims(copies, positions, "B"), rows.dim(1)];
    if (rows.dim(0) === wanted) return rows;
    return reshape(slice(reshape(rows, [2, wanted, width]), 0, 0, 1), [wanted, width]);
  };
  return { keys: part(keys), values: part(values) };
}

/**
 * Indices below `count` (int64) as float32, which has kernels on every device. Each looks itself up: no cast from int64,
 * which WebGPU lacks.
 */
function smallNumbers(indices: Value, count: number): Value {
  const all = Float32Array.from({ length: count }, (_, i) => i);
  return gatherRows(indices.graph.constant(tensor("float32", [count], all)), indices);
}

/** {@link gatherLast} of int32, which WebGPU does in float32 only; the numbers are below 2^24. */
function picked(numbers: Value, indices: Value): Value {
  return cast(gatherLast(cast(numbers, "float32"), indices), "int32");
}

/** Whole numbers [B, k] in ascending order, as int32. */
function ascending(numbers: Value): Value {
  return cast(negate(topK(negate(numbers), numbers.dim(1) as number).values), "int32");
}

/** Two lists of positions [B, k] and [B, M] as one in ascending order, and where in it those of the second are. */
function together(decoded: Value, predicted: Value): { active: Value; rows: Value } {
  const numbers = concat([cast(decoded, "float32"), cast(predicted, "float32")], 1);
  const count = numbers.dim(1) as number;
  const { values, indices } = topK(negate(numbers), count);
  // The place of each number is found by sorting where each place got its number from.
  const places = smallNumbers(topK(negate(smallNumbers(indices, count)), count).indices, count);
  const rows = slice(places, 1, decoded.dim(1) as number, count);
  return { active: cast(negate(values), "int32"), rows: cast(rows, "int32") };
}

/** The sub-models that run. */
function factorsOf(steps: readonly StretchStep[]): number[] {
  const all = steps.flatMap(({ factor, unconditionalFactor }) => [factor, unconditionalFactor ?? factor]);
  return [...new Set(all)];
}

const isConstant = ({ dtype }: WeightPort): boolean => dtype === "int8";

/** The name of a weight's input: each sub-model has inputs of its own for what it uses a part of. */
function inputOf({ input, parameter }: WeightPort, factor: number): string {
  return nestedLayer(parameter) === null ? input : `${input}/${factor}`;
}

/** The weights of several sub-models: inputs, but for constants where they are integers. */
function weightValues(
  graph: Graph,
  config: TransformerConfig,
  factors: readonly number[],
  quantised: QuantisedBy,
  levels: Arithmetic["levels"],
): (factor: number) => Weights {
  const made = new Map<string, Value>();
  const byFactor = new Map<number, Weights>();
  for (const factor of factors) {
    const entries = weightPorts(config, "full", quantised(factor)).map((port) => {
      const name = inputOf(port, factor);
      const make = (): Value =>
        isConstant(port)
          ? graph.constant(leadingRows(levels[port.stored]!, port.rows(factor)))
          : graph.input(name, port.dtype, [port.rows(factor), ...port.shape.slice(1)]);
      const value = made.get(name) ?? make();
      made.set(name, value);
      return [port.input, value] as const;
    });
    byFactor.set(factor, Object.fromEntries(entries));
  }
  return (factor) => byFactor.get(factor)!;
}

/**
 * The weight feeds of a stretch: views of the leading rows of what is stored.
 *
 * @param prefix  what the stored names begin with
 */
export function stretchWeightFeeds(
  config: TransformerConfig,
  steps: readonly StretchStep[],
  prefix: string,
  quantised: QuantisedBy,
): Record<string, StoredFeed> {
  const feeds = factorsOf(steps).flatMap((factor) =>
    weightPorts(config, "full", quantised(factor)).flatMap((port) => {
      if (isConstant(port)) return [];
      const feed = { stored: prefix + port.stored, rows: port.rows(factor) };
      return [[inputOf(port, factor), feed] as const];
    }),
  );
  return Object.fromEntries(feeds);
}
