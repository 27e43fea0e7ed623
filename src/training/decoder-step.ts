/**
 * One training step of a tokenizer's decoder alone, as a graph. Its codes and its encoder stay, so that tokens mean what
 * they meant. It reconstructs images from their tokens, and of tokens that the transformer made, which were never an
 * image, it makes what a discriminator that trains beside it cannot tell from real images, in the colours that the decoder of
 * before gave it: without these it goes astray where tokens are unlike those of any real image.
 */

import { type HostTensor, sizeOf } from "../core/tensor.ts";
import {
  add,
  averagePool,
  Graph,
  gatherRows,
  mean,
  multiply,
  reshape,
  slice,
  square,
  stopGradient,
  subtract,
  type Value,
} from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { pixelSpace, type TokenizerConfig, tokenGrid, tokenStride } from "../models/tokenizer/config.ts";
import { decodeLatents, trainingMethod } from "../models/tokenizer/network.ts";
import { codebookName, codebookOf, rowsToMaps } from "../models/tokenizer/quantizer.ts";
import type { TrainConfig } from "./config.ts";
import { discriminate, discriminatorLoss, discriminatorParameters } from "./discriminator.ts";
import { addTraining } from "./optimiser.ts";
import { stateInputs } from "./optimiser-state.ts";
import { addBorderSteps, addReconstruction, type LossWeights } from "./reconstruction-loss.ts";

export type DecoderTraining = TrainConfig["decoder"]["training"];

/** The decoder's own parameters, without the codebook. */
export function decoderParameters(config: TokenizerConfig): ParameterSpec[] {
  return tokenizerParameters(config).filter(({ name }) => name.startsWith("decoder."));
}

/** What trains: the decoder and the discriminator. */
export function decoderStepParameters(config: TokenizerConfig): ParameterSpec[] {
  return [...decoderParameters(config), ...discriminatorParameters(config)];
}

/** The mean colours of blocks of half a token's sides: [B, 3, ...space] -> [B, 3, ...]. */
const meanColours = (images: Value, config: TokenizerConfig): Value =>
  averagePool(
    images,
    tokenStride(config).map((extent) => (extent % 2 === 0 ? extent / 2 : extent)),
  );

/** `pixels` [B, 3, ...space] -> `colours` [B, 3, ...], which the decoder keeps. */
export function coloursGraph(config: TokenizerConfig): Graph {
  const graph = new Graph("decoder.colours");
  const pixels = graph.input("pixels", "float32", ["B", 3, ...pixelSpace(config)]);
  graph.output("colours", meanColours(pixels, config));
  return graph;
}

/**
 * Inputs: the optimiser's state and scalars, `pixels` [B, 3, ...space], `ids` [2B, ...grid] int32, the tokens of these
 * images, then those that the transformer made, and `colours` [B, 3, ...], what the decoder of before made of the latter
 * (see {@link coloursGraph}). Outputs: the new state, `loss`, `gradientNorm`, `squaredError` of the
 * reconstructions, `acrossBorders` and `withinTokens` of what was made, and `discriminatorLoss`.
 *
 * Decoder and discriminator step at once, each by its own loss: what the one's loss sees of the other's weights is
 * held constant.
 *
 * @param codebook  [V, d], where codes are learned; null for those of FSQ
 */
export function decoderStepGraph(
  config: TokenizerConfig,
  training: DecoderTraining,
  lossWeights: LossWeights,
  codebook: HostTensor | null,
): Graph {
  const { batchSize, adversarialWeight, colourWeight } = training;
  const grid = tokenGrid(config);
  const graph = new Graph("decoder.step");
  const specs = decoderStepParameters(config);
  const weights = stateInputs(graph, specs);
  const pixels = graph.input("pixels", "float32", [batchSize, 3, ...pixelSpace(config)]);
  const ids = graph.input("ids", "int32", [2 * batchSize, ...grid]);

  const codes = codebookOf(graph, codebook ? { [codebookName]: graph.constant(codebook) } : {}, config);
  const rows = reshape(gatherRows(codes, ids), [2 * batchSize * sizeOf(grid), config.latentWidth]);
  const network = { config, weights, method: trainingMethod(config) };
  const decoded = decodeLatents(rowsToMaps(rows, 2 * batchSize, grid), network);
  const reconstructed = slice(decoded, 0, 0, batchSize);
  const made = slice(decoded, 0, batchSize, 2 * batchSize);
  addBorderSteps(made, config);
  const colours = meanColours(made, config);
  const strayed = mean(square(subtract(colours, graph.input("colours", "float32", colours.shape))));

  const judged = discriminate(decoded, config, held(weights));
  const told = discriminatorLoss(
    discriminate(pixels, config, weights),
    discriminate(stopGradient(decoded), config, weights),
  );
  graph.output("discriminatorLoss", told);
  const loss = add(
    add(addReconstruction(reconstructed, pixels, lossWeights), multiply(strayed, colourWeight)),
    multiply(mean(judged), -adversarialWeight),
  );
  addTraining(graph, specs, add(loss, told), training);
  return graph;
}

const held = (weights: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, stopGradient(weight)]));
