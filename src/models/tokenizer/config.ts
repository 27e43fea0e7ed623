/**
 * What an image tokenizer is made of: a convolutional autoencoder around a quantiser. An image has
 * the axes [S, S] of rows and columns, a video [T, S, S]; every list of axes has that order.
 */
import { z } from "zod";
import { sizeOf } from "../../core/tensor.ts";
import { addIssue, type Path, parse, type Where } from "../../core/validate.ts";

const positive = z.int().positive();

const quantizerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("vq").describe("vector quantisation: the nearest row of a learned codebook"),
    codebookSize: positive.default(1024),
    commitment: z.number().nonnegative().default(0.25).describe("weight of |z - stopgrad(e)|²"),
  }),
  z.strictObject({
    kind: z
      .literal("fsq")
      .describe("finite scalar quantisation: every latent channel rounded to a few levels"),
    levels: z
      .array(z.int().min(2))
      .min(1)
      .describe("levels of each latent channel; their product is the codebook"),
    bins: z
      .enum(["tanh", "uniform"])
      .default("tanh")
      .describe(
        "how a channel is bounded: tanh, as published, or 2 sigmoid(1.6 z) - 1 cut into equal bins, by which normal latents use every level alike (iFSQ)",
      ),
  }),
]);

/** Every field of a configuration; what they mean together, {@link checkTokenizer} checks. */
export const tokenizerFields = z.strictObject({
  network: z
    .enum(["maskgit", "plain"])
    .default("maskgit")
    .describe(
      "maskgit: group norm and swish, averaged down, repeated up; plain: no norm, ReLU, pixels moved into channels and back, and a decoder that ends at full resolution",
    ),
  resolution: positive.default(64).describe("side of the square images, in pixels"),
  frames: positive.optional().describe("frames T of a video; left out: images"),
  patchSize: positive
    .default(1)
    .describe("side of the pixel blocks that the first convolution sees as channels"),
  framePatch: positive
    .default(1)
    .describe("frames of the blocks that the first convolution sees as channels"),
  channels: positive.default(128).describe("channels at the finest level"),
  multipliers: z
    .array(positive)
    .min(1)
    .default([1, 1, 2, 2, 4])
    .describe("channels per level; each further level halves the size"),
  temporalDownsampling: z
    .array(z.boolean())
    .optional()
    .describe("whether time halves too, for each further level; left out: with all of them"),
  temporalKernel: z
    .literal([1, 3])
    .optional()
    .describe(
      "moments that a convolution of the plain network sees: 3, or 1, every moment by itself as a tokenizer of images does, for a third of the compute; left out: 3",
    ),
  residualBlocks: positive.default(2).describe("residual blocks per level, and in the middle"),
  latentWidth: positive.default(256).describe("channels that are quantised"),
  detailChannels: positive.default(32).describe("channels of the plain network's decoder at full resolution"),
  detailBlocks: positive.default(1).describe("residual blocks there"),
  groups: positive.default(32).describe("groups of the group normalisation"),
  pixelShortcut: z
    .boolean()
    .default(false)
    .describe(
      "latents are the pixel patches plus what the encoder adds, and pixels the codes as patches plus what the decoder adds; needs latentWidth = 3 x the pixels of a token",
    ),
  shortcut: z
    .enum(["input", "output"])
    .default("input")
    .describe(
      "what the 1x1 shortcut of a channel-changing block reads; MaskGIT's tokenizer reads the output",
    ),
  quantizer: quantizerSchema,
});

/** See {@link tokenizerFields}; every field carries its meaning there. */
export type TokenizerConfig = z.infer<typeof tokenizerFields>;

/** The sizes must divide each other: a schema's `superRefine`. */
export function checkTokenizer(config: TokenizerConfig, context: z.core.$RefinementCtx): void {
  const { network, resolution, channels, multipliers, groups, quantizer, latentWidth, pixelShortcut } =
    config;
  checkTime(config, context);
  const stride = tokenStride(config);
  const side = stride.at(-1)!;
  if (resolution % side !== 0) {
    const must = `must be a multiple of ${side} (patchSize times 2 per further level)`;
    addIssue(context, { path: ["resolution"], must, got: resolution });
  }
  if (network !== "maskgit" && pixelShortcut) {
    const must = `must be false with network "${network}"; only "maskgit" has it`;
    addIssue(context, { path: ["pixelShortcut"], must, got: pixelShortcut });
  }
  const uneven = multipliers.find((multiplier) => (channels * multiplier) % groups !== 0);
  if (network === "maskgit" && uneven !== undefined) {
    const must = `must divide the channels of every level (${channels} x ${uneven})`;
    addIssue(context, { path: ["groups"], must, got: groups });
  }
  if (quantizer.kind === "fsq" && quantizer.levels.length !== latentWidth) {
    const must = `must equal the number of fsq levels, ${quantizer.levels.length}`;
    addIssue(context, { path: ["latentWidth"], must, got: latentWidth });
  }
  const values = 3 * sizeOf(stride);
  if (pixelShortcut && latentWidth !== values) {
    const must = `must be ${values} (3 x ${stride.join(" x ")}) with pixelShortcut`;
    addIssue(context, { path: ["latentWidth"], must, got: latentWidth });
  }
}

/** What only videos have fits them, and is absent from images. */
function checkTime(config: TokenizerConfig, context: z.core.$RefinementCtx): void {
  const { network, frames, framePatch, temporalDownsampling, temporalKernel, multipliers } = config;
  if (frames === undefined) {
    const must = "must be left out for images, which have no frames";
    const remedy = "give frames too, or leave it out";
    if (framePatch !== 1) addIssue(context, { path: ["framePatch"], must, got: framePatch, remedy });
    if (temporalDownsampling !== undefined) {
      addIssue(context, { path: ["temporalDownsampling"], must, got: temporalDownsampling, remedy });
    }
    if (temporalKernel !== undefined) {
      addIssue(context, { path: ["temporalKernel"], must, got: temporalKernel, remedy });
    }
    return;
  }
  if (network !== "plain" && temporalKernel !== undefined) {
    const must = `must be left out with network "${network}"; only "plain" has it`;
    addIssue(context, { path: ["temporalKernel"], must, got: temporalKernel });
  }
  const steps = multipliers.length - 1;
  if (temporalDownsampling !== undefined && temporalDownsampling.length !== steps) {
    const must = `must have one entry per further level, ${steps}`;
    addIssue(context, { path: ["temporalDownsampling"], must, got: temporalDownsampling.length });
  }
  const stride = tokenStride(config)[0]!;
  if (frames % stride !== 0) {
    const must = `must be a multiple of ${stride} (framePatch times 2 per level that halves time)`;
    addIssue(context, { path: ["frames"], must, got: frames });
  }
}

const schema = tokenizerFields.superRefine(checkTokenizer);

/**
 * Reads a whole configuration and fills in defaults.
 *
 * @param value  not trusted
 * @param where  the file, which messages begin with
 * @param path   its place there
 * @throws InputError naming the field, what it must be, and what came
 */
export function parseTokenizerConfig(value: unknown, where: Where, path: Path = []): TokenizerConfig {
  return parse(schema, value, where, path);
}

/** The axes of an image in pixels: [S, S], or [T, S, S]. */
export function pixelSpace({ frames, resolution }: Pick<TokenizerConfig, "frames" | "resolution">): number[] {
  return frames === undefined ? [resolution, resolution] : [frames, resolution, resolution];
}

/** The pixels along each axis of the blocks that the first convolution sees as channels. */
export function patchExtent({
  frames,
  framePatch,
  patchSize,
}: Pick<TokenizerConfig, "frames" | "framePatch" | "patchSize">): number[] {
  return frames === undefined ? [patchSize, patchSize] : [framePatch, patchSize, patchSize];
}

/** By how much each axis shrinks from one level to the next, at every of `halvings` steps. */
export function levelFactors(
  { frames, temporalDownsampling }: Pick<TokenizerConfig, "frames" | "temporalDownsampling">,
  halvings: number,
): number[][] {
  return Array.from({ length: halvings }, (_, i) => {
    if (frames === undefined) return [2, 2];
    return [(temporalDownsampling?.[i] ?? true) ? 2 : 1, 2, 2];
  });
}

/** Pixels per token along each axis. */
export function tokenStride(config: TokenizerConfig): number[] {
  const factors = levelFactors(config, config.multipliers.length - 1);
  return patchExtent(config).map((size, axis) => factors.reduce((all, factor) => all * factor[axis]!, size));
}

/** Tokens per image: [rows, columns], or [frames, rows, columns]. */
export function tokenGrid(config: TokenizerConfig): number[] {
  const stride = tokenStride(config);
  return pixelSpace(config).map((size, axis) => size / stride[axis]!);
}

/** The number of codes. */
export function codebookSize({ quantizer }: TokenizerConfig): number {
  return quantizer.kind === "vq" ? quantizer.codebookSize : quantizer.levels.reduce((a, b) => a * b, 1);
}
