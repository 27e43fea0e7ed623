/** One training step of a tokenizer as a graph: reconstruct, quantise, differentiate, update. */

import { sizeOf } from "../core/tensor.ts";
import {
  absolute,
  add,
  type ConvolutionMethod,
  Graph,
  mean,
  multiply,
  reshape,
  square,
  subtract,
  type Value,
} from "../graph/index.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { pixelSpace, type TokenizerConfig, tokenGrid, tokenStride } from "../models/tokenizer/config.ts";
import { decodeLatents, encodePixels } from "../models/tokenizer/network.ts";
import { mapsToRows, quantize, rowsToMaps } from "../models/tokenizer/quantizer.ts";
import type { TrainConfig } from "./config.ts";
import { addTraining } from "./optimiser.ts";
import { stateInputs } from "./optimiser-state.ts";
import { borderSteps, edgeError } from "./reconstruction-loss.ts";

export type TokenizerTraining = TrainConfig["tokenizer"]["training"];

/**
 * Inputs: the optimiser's state and scalars, `pixels` [B, 3, ...space], and where the training perturbs `nudges`
 * [B·tokens, d], the levels that each channel of a token is moved by before it is decoded. Outputs: the new state,
 * `loss`, `squaredError` (mean over pixels, for PSNR), `acrossBorders` and `withinTokens` (see {@link borderSteps}),
 * `gradientNorm`, `ids` [B, ...grid] and the encoder's `latents` [B·tokens, d].
 */
export function tokenizerStepGraph(
  config: TokenizerConfig,
  training: TokenizerTraining,
  method: ConvolutionMethod = methodOf(config),
): Graph {
  const { batchSize, perturbation } = training;
  const graph = new Graph("tokenizer.step");
  const specs = tokenizerParameters(config);
  const weights = stateInputs(graph, specs);
  const network = { config, weights, method } as const;
  const pixels = graph.input("pixels", "float32", [batchSize, 3, ...pixelSpace(config)]);
  const latents = mapsToRows(encodePixels(pixels, network));
  const tokens = batchSize * sizeOf(tokenGrid(config));
  const nudges =
    perturbation.images > 0 ? graph.input("nudges", "float32", [tokens, config.latentWidth]) : null;
  const quantized = quantize(latents, weights, config, nudges);
  const decoded = decodeLatents(rowsToMaps(quantized.rows, batchSize, tokenGrid(config)), network);
  const loss = addReconstruction(graph, decoded, pixels, config, training);
  addTraining(graph, specs, quantized.loss ? add(loss, quantized.loss) : loss, training);
  graph.output("ids", reshape(quantized.ids, [batchSize, ...tokenGrid(config)]));
  graph.output("latents", latents);
  return graph;
}

/** The plain network's full resolution would take much memory unfolded. */
const methodOf = ({ network }: TokenizerConfig): ConvolutionMethod =>
  network === "plain" ? "kernel" : "unfolded";

/** The loss of a reconstruction, and the outputs that tell how good it is. */
function addReconstruction(
  graph: Graph,
  decoded: Value,
  pixels: Value,
  config: TokenizerConfig,
  { l1Weight, edgeWeight }: Pick<TokenizerTraining, "l1Weight" | "edgeWeight">,
): Value {
  const difference = subtract(decoded, pixels);
  const squaredError = mean(square(difference));
  let loss = squaredError;
  if (l1Weight > 0) loss = add(loss, multiply(mean(absolute(difference)), l1Weight));
  if (edgeWeight > 0) loss = add(loss, multiply(edgeError(difference), edgeWeight));
  graph.output("squaredError", squaredError);
  const { across, within } = borderSteps(decoded, tokenStride(config).at(-1)!);
  graph.output("acrossBorders", across);
  graph.output("withinTokens", within);
  return loss;
}
