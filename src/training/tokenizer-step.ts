/** One training step of a tokenizer as a graph: reconstruct, quantise, differentiate, update. */
import { absolute, add, Graph, mean, multiply, reshape, square, subtract } from "../graph/index.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { pixelSpace, type TokenizerConfig, tokenGrid } from "../models/tokenizer/config.ts";
import { decodeLatents, encodePixels } from "../models/tokenizer/network.ts";
import { mapsToRows, quantize, rowsToMaps } from "../models/tokenizer/quantizer.ts";
import { addTraining, type OptimiserOptions, stateInputs } from "./optimiser.ts";

/**
 * Inputs: the optimiser's state and scalars, `pixels` [B, 3, ...space]. Outputs: the new state, `loss`, `squaredError`
 * (mean over pixels, for PSNR), `gradientNorm`, `ids` [B, ...grid] and the encoder's `latents` [B·tokens, d].
 *
 * @param l1Weight  weight of the mean absolute error beside the mean squared error
 */
export function tokenizerStepGraph(
  config: TokenizerConfig,
  batchSize: number,
  optimiser: OptimiserOptions,
  l1Weight: number,
): Graph {
  const graph = new Graph("tokenizer.step");
  const specs = tokenizerParameters(config);
  const weights = stateInputs(graph, specs);
  const network = { config, weights, method: "unfolded" } as const;
  const pixels = graph.input("pixels", "float32", [batchSize, 3, ...pixelSpace(config)]);
  const latents = mapsToRows(encodePixels(pixels, network));
  const quantized = quantize(latents, weights, config);
  const decoded = decodeLatents(rowsToMaps(quantized.rows, batchSize, tokenGrid(config)), network);
  const difference = subtract(decoded, pixels);
  const squaredError = mean(square(difference));
  let loss = squaredError;
  if (l1Weight > 0) loss = add(loss, multiply(mean(absolute(difference)), l1Weight));
  if (quantized.loss) loss = add(loss, quantized.loss);
  addTraining(graph, specs, loss, optimiser);
  graph.output("squaredError", squaredError);
  graph.output("ids", reshape(quantized.ids, [batchSize, ...tokenGrid(config)]));
  graph.output("latents", latents);
  return graph;
}
