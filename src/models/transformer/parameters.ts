/**
 * The parameters of the nested transformer. Matrices that sub-models share a part of are stored so that the part is
 * their leading rows: query, key, value and the first MLP matrix as [out, in], the attention's output and the second
 * MLP matrix as [in, out]. Sub-model p is then a view of the leading 1/p of the rows, never a copy.
 *
 * N grid tokens, V codebook size, C classes, D width, L layers, H heads of width dh, F hidden units.
 */
import { slice, type Value } from "../../graph/index.ts";
import type { Initialiser, ParameterSpec } from "../parameters.ts";
import { classRows, gridTokens, type TransformerConfig } from "./config.ts";

/** The standard deviation that embeddings and matrices start with. */
export const initialStd = 0.02;

/** Every parameter, in the order of the forward pass. */
export function transformerParameters(config: TransformerConfig): ParameterSpec[] {
  const { codebookSize, width, depth, hidden } = config;
  // Each layer adds twice to the residual stream: scaled so that its variance does not grow with the depth.
  const residualStd = initialStd / Math.sqrt(2 * depth);
  const normal: Initialiser = { kind: "normal", std: initialStd };
  const table = (name: string, rows: number, init: Initialiser = normal): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [rows, width],
    init,
    hasWeightDecay: false,
  });
  const matrix = (name: string, rows: number, std = initialStd): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [rows, width],
    init: { kind: "normal", std },
    hasWeightDecay: true,
    isHidden: name.startsWith("blocks."),
  });
  const vector = (name: string, length: number, value = 0): ParameterSpec => ({
    name,
    shape: [length],
    init: { kind: "constant", value },
    hasWeightDecay: false,
  });
  const norm = (name: string): ParameterSpec[] => [
    vector(`${name}.gamma`, width, 1),
    vector(`${name}.beta`, width),
  ];
  const block = (name: string): ParameterSpec[] => [
    ...norm(`${name}.attention.norm`),
    matrix(`${name}.attention.query`, width),
    matrix(`${name}.attention.key`, width),
    matrix(`${name}.attention.value`, width),
    matrix(`${name}.attention.output`, width, residualStd),
    ...norm(`${name}.mlp.norm`),
    matrix(`${name}.mlp.in`, hidden),
    vector(`${name}.mlp.in.bias`, hidden),
    matrix(`${name}.mlp.out`, hidden, residualStd),
    vector(`${name}.mlp.out.bias`, width),
  ];
  return [
    table("tokens", codebookSize + 1),
    table("classes", classRows(config)),
    table("positions", gridTokens(config) + 1, { kind: "sinusoidal", std: initialStd, grid: config.grid }),
    ...(config.norm === "post" ? norm("embedding.norm") : []),
    ...Array.from({ length: depth }, (_, layer) => block(`blocks.${layer}`)).flat(),
    ...(config.norm === "pre" ? norm("norm") : []),
    ...(config.headHidden
      ? [matrix("head.dense", width), vector("head.dense.bias", width), ...norm("head.norm")]
      : []),
    ...(config.tieEmbeddings ? [] : [matrix("head", codebookSize)]),
    vector("head.bias", codebookSize),
  ];
}

const nested =
  /^blocks\.(\d+)\.(?:attention\.(?:query|key|value|output)\.weight|mlp\.(?:in\.weight|in\.bias|out\.weight))$/;

/** The layer of a parameter of which sub-models use a part; null for one that they share in full. */
export function nestedLayer(name: string): number | null {
  const match = nested.exec(name);
  return match ? Number(match[1]) : null;
}

/** How many leading rows of a parameter sub-model p = `factor` uses. */
export function rowsUsed({ name, shape }: ParameterSpec, factor: number): number {
  return nestedLayer(name) === null ? shape[0]! : shape[0]! / factor;
}

/**
 * The weights of sub-models inside one graph, as slices of the full weights. Each slice is made once and from the next
 * larger one, so that gradients of all sub-models add up over ever larger slices instead of full matrices.
 */
export function nestedWeights(
  config: TransformerConfig,
  weights: Readonly<Record<string, Value>>,
): (factor: number) => Record<string, Value> {
  const made = new Map<string, Value>();
  const part = (name: string, full: Value, factor: number): Value => {
    if (factor === 1) return full;
    const key = `${name}/${factor}`;
    let found = made.get(key);
    if (!found) {
      const larger = config.factors.filter((other) => other < factor).at(-1) ?? 1;
      found = slice(part(name, full, larger), 0, 0, (full.dim(0) as number) / factor);
      made.set(key, found);
    }
    return found;
  };
  return (factor) =>
    Object.fromEntries(
      Object.entries(weights).map(([name, full]) => [
        name,
        nestedLayer(name) === null ? full : part(name, full, factor),
      ]),
    );
}
