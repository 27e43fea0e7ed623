/**
 * The layers as training computes them: the same function as `layers` (layers.ts), which decoding runs, of the stacks of
 * all layers' weights, in fewer and larger operations. What can be done once for all layers and rows is done to the stacks:
 *
 *   - sub-models are cut from them, and the gradients of the cuts add up in them;
 *   - 1/sqrt(dh) is folded into the queries' matrix; and where a normalisation stands before a product, so are its scale
 *     and shift: W (gamma n + beta) = (W gamma) n + W beta. Since normalised rows n have a mean of 0, so may the matrix's
 *     rows, which leaves less to do for the gradient of every row (`linearOfNormal`);
 *   - queries, keys and values are one product.
 *
 * B samples, T positions, D width, L layers, h heads of width dh, F hidden units, p downscale factor.
 */
import {
  add,
  batchMatmul,
  centred,
  type Dim,
  gelu,
  layerNorm,
  linearOfNormal,
  matmul,
  multiply,
  reshape,
  selfAttend,
  slice,
  split,
  type Value,
} from "../../graph/index.ts";
import { headWidth, type TransformerConfig } from "./config.ts";
import type { Weights } from "./layers.ts";
import { stacks } from "./parameters.ts";

/** One layer of one sub-model, as what is multiplied, added and scaled by. */
interface Layer {
  /** [3 D/p, D], and where its input is normalised a bias [3 D/p]. */
  readonly queryKeyValue: Value;
  readonly queryKeyValueBias: Value | null;
  /** [D/p, D]. */
  readonly attentionOutput: Value;
  /** [F/p, D] and [F/p]. */
  readonly mlpIn: Value;
  readonly mlpInBias: Value;
  /** [F/p, D] and [D]. */
  readonly mlpOut: Value;
  readonly mlpOutBias: Value;
  /** Gamma and beta, where sums are normalised: after the attention and after the MLP. */
  readonly norms: { readonly attention: readonly Value[]; readonly mlp: readonly Value[] } | null;
}

/**
 * The layers of the sub-models `factors` inside one graph, side by side. Each sub-model is cut from the next larger
 * one, so that gradients of all add up over ever larger stacks instead of full ones.
 *
 * @param weights  by the names of `stacks` (`parameterStacks`)
 * @param x        [B*T, D], what all sub-models start from
 * @param batch    B
 * @returns for each sub-model [B*T, D]
 */
export function nestedLayers(
  config: TransformerConfig,
  weights: Weights,
  factors: readonly number[],
  x: Value,
  batch: Dim,
): Value[] {
  const { depth, width } = config;
  const { queryKeyValue, queryKeyValueBias, mlpIn, mlpInBias } = folded(config, weights);
  const [attentionOutput, mlpOut] = [weights[stacks.attentionOutput]!, weights[stacks.mlpOut]!];

  // One value a layer: [L, n, ...] -> L times [n, ...].
  const perLayer = (stack: Value): Value[] => {
    const [extent, ...rest] = stack.shape.slice(1) as number[];
    const extents = new Array<number>(depth).fill(extent!);
    return split(reshape(stack, [depth * extent!, ...rest]), 0, extents);
  };
  const mlpOutBias = perLayer(weights[stacks.mlpOutBias]!);
  const normsOf = (gamma: string, beta: string): readonly Value[][] =>
    [gamma, beta].map((name) => perLayer(weights[name]!));
  const norms =
    config.norm === "pre"
      ? null
      : {
          attention: normsOf(stacks.attentionGamma, stacks.attentionBeta),
          mlp: normsOf(stacks.mlpGamma, stacks.mlpBeta),
        };

  // The leading 1/factor of a stack's `axis`, cut from the next larger cut.
  const cuts = new Map<string, Value>();
  const cut = (stack: Value, axis: number, factor: number): Value => {
    if (factor === 1) return stack;
    const key = `${stack.name}/${factor}`;
    let found = cuts.get(key);
    if (!found) {
      const larger = factors.filter((other) => other < factor).at(-1) ?? 1;
      found = slice(cut(stack, axis, larger), axis, 0, (stack.dim(axis) as number) / factor);
      cuts.set(key, found);
    }
    return found;
  };
  const partOf = (stack: Value, factor: number): Value[] => perLayer(cut(stack, 1, factor));
  // Queries, keys and values each have their leading rows.
  const partOfThree = (stack: Value, factor: number): Value[] => {
    const three = cut(stack, 2, factor); // [L, 3, D/p, ...]
    return perLayer(reshape(three, [depth, (3 * width) / factor, ...three.shape.slice(3)]));
  };

  const layersOf = (factor: number): Layer[] => {
    const own = {
      queryKeyValue: partOfThree(queryKeyValue, factor),
      queryKeyValueBias: queryKeyValueBias && partOfThree(queryKeyValueBias, factor),
      attentionOutput: partOf(attentionOutput, factor),
      mlpIn: partOf(mlpIn, factor),
      mlpInBias: partOf(mlpInBias, factor),
      mlpOut: partOf(mlpOut, factor),
    };
    return Array.from({ length: depth }, (_, l) => ({
      queryKeyValue: own.queryKeyValue[l]!,
      queryKeyValueBias: own.queryKeyValueBias && own.queryKeyValueBias[l]!,
      attentionOutput: own.attentionOutput[l]!,
      mlpIn: own.mlpIn[l]!,
      mlpInBias: own.mlpInBias[l]!,
      mlpOut: own.mlpOut[l]!,
      mlpOutBias: mlpOutBias[l]!,
      norms: norms && {
        attention: norms.attention.map((vectors) => vectors[l]!),
        mlp: norms.mlp.map((vectors) => vectors[l]!),
      },
    }));
  };
  const subModels = factors.map(layersOf);
  let rows = factors.map(() => x);
  for (let l = 0; l < depth; l++) {
    rows = layerOf(
      config,
      subModels.map((layers) => layers[l]!),
      rows,
      batch,
    );
  }
  return rows;
}

/**
 * The stacks that what enters a part is multiplied with: queries, keys and values [L, 3, D, D] and their bias [L, 3, D],
 * the MLP's first matrix [L, F, D] and its bias [L, F]. Where the input is normalised, they hold its scale and shift.
 */
function folded(config: TransformerConfig, weights: Weights) {
  const { depth, width, hidden } = config;
  const three = reshape(weights[stacks.queryKeyValue]!, [depth, 3, width, width]);
  const mlpIn = weights[stacks.mlpIn]!;
  const mlpInBias = weights[stacks.mlpInBias]!;
  const { graph, dtype } = three;
  const scales = reshape(graph.vector(dtype, [1 / Math.sqrt(headWidth(config)), 1, 1]), [3, 1]);
  if (config.norm === "post") {
    const queryKeyValue = multiply(three, reshape(scales, [3, 1, 1]));
    return { queryKeyValue, queryKeyValueBias: null, mlpIn, mlpInBias };
  }
  // W beta, of all layers at once: [L, rows, D] with [L, D] -> [L, rows].
  const shifted = (matrix: Value, rows: number, beta: Value): Value =>
    batchMatmul(reshape(matrix, [depth, rows, width]), reshape(beta, [depth, width, 1]));
  const gamma = reshape(weights[stacks.attentionGamma]!, [depth, 1, 1, width]);
  const shift = shifted(three, 3 * width, weights[stacks.attentionBeta]!);
  const mlpShift = shifted(mlpIn, hidden, weights[stacks.mlpBeta]!);
  return {
    queryKeyValue: centred(multiply(three, multiply(gamma, reshape(scales, [1, 3, 1, 1])))),
    queryKeyValueBias: multiply(reshape(shift, [depth, 3, width]), scales),
    mlpIn: centred(multiply(mlpIn, reshape(weights[stacks.mlpGamma]!, [depth, 1, width]))),
    mlpInBias: add(mlpInBias, reshape(mlpShift, [depth, hidden])),
  };
}

/** One layer of every sub-model: rows [B*T, D] each. */
function layerOf(
  config: TransformerConfig,
  subModels: readonly Layer[],
  rows: readonly Value[],
  batch: Dim,
): Value[] {
  const { layerNormEpsilon: epsilon } = config;
  const enter = (x: Value, weight: Value, bias: Value | null): Value =>
    config.norm === "pre" ? linearOfNormal(x, weight, bias!, epsilon) : matmul(x, weight, { b: true }, bias);
  const leave = (x: Value, norm: readonly Value[] | undefined): Value =>
    norm ? layerNorm(x, norm[0]!, norm[1]!, epsilon) : x;

  const projected = subModels.map((own, i) => enter(rows[i]!, own.queryKeyValue, own.queryKeyValueBias));
  const mixed = selfAttend(projected, batch, headWidth(config));
  return subModels.map((own, i) => {
    const attended = leave(matmul(mixed[i]!, own.attentionOutput, {}, rows[i]!), own.norms?.attention);
    const hidden = gelu(enter(attended, own.mlpIn, own.mlpInBias));
    return leave(add(attended, matmul(hidden, own.mlpOut, {}, own.mlpOutBias)), own.norms?.mlp);
  });
}
