/** Every graph that the project computes with, small: the jobs' steps, the codecs', the passes' in all their variants. */

import { type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { resolvePlan } from "../../src/decoding/resolve-plan.ts";
import { classifierConfig, classifierGraph } from "../../src/evaluation/features/classifier.ts";
import { classifierStepGraph } from "../../src/evaluation/features/classifier-job.ts";
import type { Graph } from "../../src/graph/index.ts";
import { decoderGraph, encoderGraph, latentsGraph } from "../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../../src/models/tokenizer/config.ts";
import { transformerConfig } from "../../src/models/transformer/config.ts";
import { modelFacts } from "../../src/models/transformer/facts.ts";
import { fullPass, partialPass } from "../../src/models/transformer/passes.ts";
import type { Sampling } from "../../src/models/transformer/sampler.ts";
import { stretchGraph } from "../../src/models/transformer/stretch.ts";
import { coloursGraph, decoderStepGraph } from "../../src/training/decoder-step.ts";
import { heldOutGraph } from "../../src/training/held-out.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { tokenizerStepGraph } from "../../src/training/tokenizer-step.ts";
import { transformerStepGraph } from "../../src/training/transformer-job.ts";

const shape = { grid: [2, 2], codebookSize: 12, classes: 3, width: 16, depth: 1, heads: 4, factors: [1, 2] };

export const transformers = {
  "pre-norm, tied": transformerConfig(shape),
  "as MaskGIT: post-norm, a hidden layer in the head, untied": transformerConfig({
    ...shape,
    norm: "post",
    headHidden: true,
    tieEmbeddings: false,
  }),
};

const autoencoder = {
  resolution: 16,
  patchSize: 4,
  channels: 8,
  multipliers: [1, 2],
  residualBlocks: 1,
  latentWidth: 4,
  groups: 2,
};

export const tokenizers = {
  vq: parseTokenizerConfig(
    {
      ...autoencoder,
      multipliers: [1],
      pixelShortcut: true,
      latentWidth: 3 * 4 * 4,
      quantizer: { kind: "vq", codebookSize: 16 },
    },
    "vq",
  ),
  fsq: parseTokenizerConfig({ ...autoencoder, quantizer: { kind: "fsq", levels: [4, 3, 3, 2] } }, "fsq"),
  plain: parseTokenizerConfig(
    {
      ...{ ...autoencoder, network: "plain" },
      quantizer: { kind: "fsq", levels: [4, 3, 3, 2], bins: "uniform" },
    },
    "plain",
  ),
  videos: parseTokenizerConfig(
    { ...autoencoder, frames: 4, framePatch: 2, quantizer: { kind: "vq", codebookSize: 16 } },
    "videos",
  ),
};

const samplings: Record<string, Sampling | undefined> = { "logits only": undefined };
for (const guidance of ["none", "joined", "apart"] as const) {
  for (const isFiltered of [false, true]) {
    for (const hasEntropies of [false, true]) {
      const what = `guidance ${guidance}${isFiltered ? ", filtered" : ""}${hasEntropies ? ", entropies" : ""}`;
      samplings[what] = { guidance, isFiltered, hasEntropies };
    }
  }
}

const { tokenizer, transformer, decoder } = resolveConfig({ name: "graphs" }, "graphs").config;

/** Learned codes, which a decoder that trains alone is given. */
function codebookFor({ quantizer, latentWidth }: TokenizerConfig): HostTensor | null {
  if (quantizer.kind !== "vq") return null;
  const dims = [quantizer.codebookSize, latentWidth];
  return tensor("float32", dims, new Float32Array(sizeOf(dims)));
}

/** By name, each a function that builds it. */
export const everyGraph: Record<string, () => Graph> = {};

for (const [name, config] of Object.entries(transformers)) {
  for (const teacher of ["next-larger", "full"] as const) {
    everyGraph[`joint step, ${name}, teacher ${teacher}`] = () =>
      transformerStepGraph(config, { ...transformer.training, batchSize: 2, teacher });
  }
  everyGraph[`joint step, ${name}, half of the tokens`] = () =>
    transformerStepGraph(config, { ...transformer.training, batchSize: 2, sequenceShare: 0.5 });
  everyGraph[`look at held-out images, ${name}`] = () =>
    heldOutGraph(config, { ...transformer.training, batchSize: 2 });
  for (const [how, sampling] of Object.entries(samplings)) {
    everyGraph[`full pass, ${name}, ${how}`] = () => fullPass(config, sampling);
    everyGraph[`partial pass, ${name}, ${how}`] = () => partialPass(config, sampling);
  }
}
for (const [branches, guidance] of Object.entries({
  joined: { scale: 1 },
  apart: { scale: 1, unconditionalFactor: "smaller" },
} satisfies Record<string, PlanInput["guidance"]>)) {
  const config = transformerConfig({
    grid: [3, 4],
    codebookSize: 8,
    width: 16,
    depth: 1,
    heads: 4,
    factors: [1, 2],
  });
  const { steps } = resolvePlan(makePlan({ modelSchedule: "2x2,1x3", guidance }), modelFacts(config));
  for (const isFiltered of [false, true]) {
    const form = { steps, isFiltered, hasMinP: isFiltered, isOrderFixed: false };
    const arithmetic = { quantised: () => [], levels: {}, isFused: false };
    everyGraph[`stretch, ${branches}${isFiltered ? ", filtered" : ""}`] = () =>
      stretchGraph(config, form, arithmetic);
  }
}
for (const [name, config] of Object.entries(tokenizers)) {
  everyGraph[`tokenizer step, ${name}`] = () =>
    tokenizerStepGraph(config, { ...tokenizer.training, batchSize: 2 });
  everyGraph[`decoder step, ${name}`] = () =>
    decoderStepGraph(config, { ...decoder.training, batchSize: 2 }, tokenizer.training, codebookFor(config));
  everyGraph[`mean colours, ${name}`] = () => coloursGraph(config);
  everyGraph[`encoder, ${name}`] = () => encoderGraph(config);
  everyGraph[`latents, ${name}`] = () => latentsGraph(config);
  everyGraph[`decoder, ${name}`] = () => decoderGraph(config);
}

const small = classifierConfig({ resolution: 8, classes: 3, channels: [8, 8], featureWidth: 8 });
everyGraph["classifier step"] = () => classifierStepGraph(small, 2, tokenizer.training);
everyGraph.classifier = () => classifierGraph(small);
