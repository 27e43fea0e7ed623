/** One training step of a tokenizer as a graph: reconstruct, quantise, differentiate, update. */

import { sizeOf } from "../core/tensor.ts";
import { add, type ConvolutionMethod, Graph, reshape } from "../graph/index.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { pixelSpace, type TokenizerConfig, tokenGrid } from "../models/tokenizer/config.ts";
import { decodeLatents, encodePixels, trainingMethod } from "../models/tokenizer/network.ts";
import { mapsToRows, quantize, rowsToMaps } from "../models/tokenizer/quantizer.ts";
import type { TrainConfig } from "./config.ts";
import { addTraining } from "./optimiser.ts";
import { stateInputs } from "./optimiser-state.ts";
import { addBorderSteps, addReconstruction } from "./reconstruction-loss.ts";

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
  method: ConvolutionMethod = trainingMethod(config),
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
  const loss = addReconstruction(decoded, pixels, training);
  addBorderSteps(decoded, config);
  addTraining(graph, specs, quantized.loss ? add(loss, quantized.loss) : loss, training);
  graph.output("ids", reshape(quantized.ids, [batchSize, ...tokenGrid(config)]));
  graph.output("latents", latents);
  return graph;
}
