/**
 * The parameters of the nested transformer. Matrices that sub-models share a part of are stored so that the part is
 * their leading rows: query, key, value and the first MLP matrix as [out, in], the attention's output and the second
 * MLP matrix as [in, out]. Sub-model p is then a view of the leading 1/p of the rows, never a copy.
 *
 * N grid tokens, V codebook size, C classes, D width, L layers, H heads of width dh, F hidden units.
 */
import type { Initialiser, ParameterSpec } from "../parameters.ts";
import { classRows, gridTokens, type TransformerConfig } from "./config.ts";

/** The standard deviation that embeddings and matrices start with. */
export const initialStd = 0.02;

/** The same part of every layer is one stack; queries, keys and values are one together. */
function stackOf(name: string): { stack?: string } {
  const [, part] = /^blocks\.\d+\.(.*)$/.exec(name) ?? [];
  if (part === undefined) return {};
  return { stack: /^attention\.(query|key|value)$/.test(part) ? stacks.queryKeyValue : `blocks.${part}` };
}

/** The names of the stacks. */
export const stacks = {
  attentionGamma: "blocks.attention.norm.gamma",
  attentionBeta: "blocks.attention.norm.beta",
  /** [3L, D, D]: query, key and value of each layer in turn. */
  queryKeyValue: "blocks.attention.queryKeyValue",
  attentionOutput: "blocks.attention.output",
  mlpGamma: "blocks.mlp.norm.gamma",
  mlpBeta: "blocks.mlp.norm.beta",
  mlpIn: "blocks.mlp.in",
  mlpInBias: "blocks.mlp.in.bias",
  mlpOut: "blocks.mlp.out",
  mlpOutBias: "blocks.mlp.out.bias",
} as const;

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
    ...stackOf(name),
  });
  const vector = (name: string, length: number, value = 0): ParameterSpec => ({
    name,
    shape: [length],
    init: { kind: "constant", value },
    hasWeightDecay: false,
    ...stackOf(name),
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
