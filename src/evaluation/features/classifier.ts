/**
 * A small convolutional classifier of images and videos, by which what a generator made is measured. It names the
 * class it sees, and its last hidden layer is the feature space in which sets of images are compared (frechet.ts). It
 * is trained on real images only and shares nothing with the generator.
 *
 * B images, T frames, S side in pixels, C classes, F feature width. The space of an image is [S, S], that of a
 * video [T, S, S]; the network is the same over either.
 */
import { z } from "zod";
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { addIssue, type Path, parse, type Where } from "../../core/validate.ts";
import {
  add,
  argMax,
  averagePool,
  type ConvolutionMethod,
  convolution,
  encode,
  Graph,
  groupNorm,
  linear,
  mean,
  multiply,
  silu,
  spaceToDepth,
  subtract,
  type Value,
} from "../../graph/index.ts";
import { type ParameterSpec, parameterInputs } from "../../models/parameters.ts";
import { levelFactors, patchExtent, pixelSpace } from "../../models/tokenizer/config.ts";
import type { Feed, Runner } from "../../runtime/runner.ts";

const positive = z.int().positive();

const classifierConfigSchema = z.strictObject({
  resolution: positive.describe("S, side of the square images, in pixels"),
  frames: positive.optional().describe("T of videos; left out: images"),
  classes: z.int().min(2).describe("C"),
  patchSize: positive.default(4).describe("side of the pixel blocks that the first convolution sees"),
  framePatch: positive.default(1).describe("frames of those blocks"),
  channels: z
    .array(positive)
    .min(1)
    .default([32, 64, 128])
    .describe("channels of the convolutions of each size; between two sizes the side halves"),
  convolutions: positive.default(1).describe("convolutions of each size"),
  temporalDownsampling: z
    .array(z.boolean())
    .optional()
    .describe("whether time halves too, at each of those places; left out: at all of them"),
  firstKernel: positive
    .default(3)
    .describe(
      "extent of the first kernel along every axis, 1 to see each block by itself; the others have 3",
    ),
  groups: positive.default(8).describe("groups of the group normalisation"),
  featureWidth: positive.default(64).describe("F"),
});

/** See {@link classifierConfigSchema}; every field carries its meaning there. */
export type ClassifierConfig = z.output<typeof classifierConfigSchema>;

/**
 * Checks a configuration as a whole and fills in defaults.
 *
 * @param where  the file that messages begin with
 * @param path   the configuration's place there
 * @throws InputError naming the key, what it must be and what came
 */
export function classifierConfig(
  value: unknown,
  where: Where = "classifier",
  path: Path = [],
): ClassifierConfig {
  return parse(classifierConfigSchema.superRefine(requireFittingFields), value, where, path);
}

/** The rules between fields. */
function requireFittingFields(config: ClassifierConfig, context: z.core.$RefinementCtx): void {
  const { frames, framePatch, temporalDownsampling, channels, groups, firstKernel } = config;
  if (frames === undefined && framePatch !== 1) {
    const remedy = "give frames too, or leave it out";
    addIssue(context, { path: ["framePatch"], must: "must be 1 without frames", got: framePatch, remedy });
    return;
  }
  const halvings = channels.length - 1;
  if (temporalDownsampling !== undefined) {
    const must =
      frames === undefined
        ? "must be left out without frames"
        : `must have one entry between every two channels, ${halvings}`;
    if (frames === undefined || temporalDownsampling.length !== halvings) {
      addIssue(context, { path: ["temporalDownsampling"], must, got: temporalDownsampling });
      return;
    }
  }
  const space = pixelSpace(config);
  const multiples = patchExtent(config).map((size, axis) =>
    levelFactors(config, halvings).reduce((all, factors) => all * factors[axis]!, size),
  );
  for (const [axis, extent] of space.entries()) {
    if (extent % multiples[axis]! === 0) continue;
    const key = space.length - axis > 2 ? "frames" : "resolution";
    const must = `must be a multiple of ${multiples[axis]} (the patch, halved between the convolutions)`;
    addIssue(context, { path: [key], must, got: extent });
    return;
  }
  if (firstKernel % 2 !== 1) {
    addIssue(context, { path: ["firstKernel"], must: "must be odd, to have a middle", got: firstKernel });
  }
  const odd = channels.findIndex((width) => width % groups !== 0);
  if (odd >= 0) {
    const must = `must be a multiple of groups, ${groups}`;
    addIssue(context, { path: ["channels", odd], must, got: channels[odd] });
  }
}

/** Channels that each convolution gives, first to last. */
const widthsOf = ({ channels, convolutions }: ClassifierConfig): number[] =>
  channels.flatMap((width) => Array<number>(convolutions).fill(width));

/** Every parameter, in the order the network uses them. */
export function classifierParameters(config: ClassifierConfig): ParameterSpec[] {
  const { channels, classes, featureWidth } = config;
  const patch = patchExtent(config);
  const given = widthsOf(config);
  const taken = [3 * sizeOf(patch), ...given];
  const kernel = (i: number) => patch.map(() => (i === 0 ? config.firstKernel : 3));
  const matrix = (name: string, shape: number[], into: number, gain: number): ParameterSpec => ({
    name,
    shape,
    init: { kind: "normal", std: gain / Math.sqrt(into) },
    hasWeightDecay: true,
  });
  const vector = (name: string, width: number, value = 0): ParameterSpec => ({
    name,
    shape: [width],
    init: { kind: "constant", value },
    hasWeightDecay: false,
  });
  return [
    ...given.flatMap((out, i) => [
      matrix(`conv.${i}.weight`, [out, taken[i]!, ...kernel(i)], sizeOf(kernel(i)) * taken[i]!, 1),
      vector(`norm.${i}.weight`, out, 1),
      vector(`norm.${i}.bias`, out),
    ]),
    matrix("features.weight", [featureWidth, channels.at(-1)!], channels.at(-1)!, 1.5),
    vector("features.bias", featureWidth),
    matrix("head.weight", [classes, featureWidth], featureWidth, 1),
    vector("head.bias", classes),
  ];
}

/**
 * The network: pixels [B, 3, ...space] in [0, 1] -> features [B, F] and logits [B, C].
 *
 * @param method  how convolutions run; training unfolds them
 */
export function classify(
  pixels: Value,
  weights: Readonly<Record<string, Value>>,
  config: ClassifierConfig,
  method: ConvolutionMethod,
): { features: Value; logits: Value } {
  const { convolutions, groups } = config;
  const pools = levelFactors(config, config.channels.length - 1);
  let x = spaceToDepth(multiply(subtract(pixels, 0.5), 4), patchExtent(config));
  widthsOf(config).forEach((_, i) => {
    if (i > 0 && i % convolutions === 0) x = averagePool(x, pools[i / convolutions - 1]!);
    x = convolution(x, weights[`conv.${i}.weight`]!, null, method);
    x = silu(groupNorm(x, weights[`norm.${i}.weight`]!, weights[`norm.${i}.bias`]!, groups, 1e-6));
  });
  const pooled = mean(
    x,
    pixelSpace(config).map((_, axis) => axis + 2),
  ); // [B, channels]
  const features = silu(add(linear(pooled, weights["features.weight"]!), weights["features.bias"]!));
  return { features, logits: add(linear(features, weights["head.weight"]!), weights["head.bias"]!) };
}

/** Pixels [B, 3, ...space] -> `features` [B, F], `logits` [B, C] and `predictedIds` [B] int32. */
export function classifierGraph(config: ClassifierConfig): Graph {
  const graph = new Graph("classifier");
  const pixels = graph.input("pixels", "float32", ["B", 3, ...pixelSpace(config)]);
  const weights = parameterInputs(graph, classifierParameters(config));
  const { features, logits } = classify(pixels, weights, config, "direct");
  graph.output("features", features);
  graph.output("logits", logits);
  graph.output("predictedIds", argMax(logits, 1));
  return graph;
}

export interface Classified {
  /** [B], the likeliest class of each image. */
  readonly predictedIds: Int32Array;
  /** [B, F]. */
  readonly features: HostTensor<"float32">;
  /** [B, C], before the softmax. */
  readonly logits: HostTensor<"float32">;
}

export interface Classifier {
  readonly config: ClassifierConfig;
  /** Pixels [B, 3, ...space] in [0, 1]. */
  classify(planes: HostTensor<"float32">): Promise<Classified>;
  /** Frees the session and the stored weights. */
  dispose(): Promise<void>;
}

/** How many frames one run takes at the most: it bounds the memory of the feature maps. */
const framesPerRun = 128;

/**
 * Stores the weights in the runner (names start with `classifier/`) and compiles the network.
 *
 * @param tensors  every parameter of {@link classifierParameters}, checked by the caller
 */
export async function loadClassifier(
  runner: Runner,
  config: ClassifierConfig,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<Classifier> {
  const names = classifierParameters(config).map(({ name }) => name);
  const prefix = runner.prefixFor("classifier");
  const stored = (name: string): string => prefix + name;
  await runner.put(Object.fromEntries(names.map((name) => [stored(name), tensors[name]!])));
  const weights: Record<string, Feed> = Object.fromEntries(
    names.map((name) => [name, { stored: stored(name) }]),
  );
  const program = await runner.load(encode(classifierGraph(config)));
  const { featureWidth, classes, frames = 1 } = config;
  const dims = [3, ...pixelSpace(config)];
  const chunk = Math.max(1, Math.floor(framesPerRun / frames));
  return {
    config,
    async classify(planes) {
      const count = planes.dims[0]!;
      const predictedIds = new Int32Array(count);
      const features = new Float32Array(count * featureWidth);
      const logits = new Float32Array(count * classes);
      for (let from = 0; from < count; from += chunk) {
        const to = Math.min(count, from + chunk);
        const part = planes.data.subarray(from * sizeOf(dims), to * sizeOf(dims));
        const pixels = tensor("float32", [to - from, ...dims], part);
        const result = await runner.run(
          program,
          { ...weights, pixels },
          { features: "host", logits: "host", predictedIds: "host" },
        );
        predictedIds.set(result.predictedIds!.data as Int32Array, from);
        features.set(result.features!.data as Float32Array, from * featureWidth);
        logits.set(result.logits!.data as Float32Array, from * classes);
      }
      return {
        predictedIds,
        features: tensor("float32", [count, featureWidth], features),
        logits: tensor("float32", [count, classes], logits),
      };
    },
    async dispose() {
      await runner.unload(program);
      await runner.drop(names.map(stored));
    },
  };
}
