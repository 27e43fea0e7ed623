/**
 * What a picture tokenizer is made of: a convolutional autoencoder around a quantiser. Pictures are still, with the
 * axes [S, S] of rows and columns, or moving, with [T, S, S]; every list of axes has that order.
 */
import { z } from "zod";
import { requireInput } from "../../core/errors.ts";
import { sizeOf } from "../../core/tensor.ts";

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

export const tokenizerConfigSchema = z.strictObject({
  network: z
    .enum(["maskgit", "plain"])
    .default("maskgit")
    .describe(
      "maskgit: group norm and swish, averaged down, repeated up; plain: no norm, ReLU, pixels moved into channels and back, and a decoder that ends at full resolution",
    ),
  resolution: positive.default(64).describe("side of the square pictures, in pixels"),
  frames: positive.optional().describe("frames T of a moving picture; left out: still pictures"),
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

/** See {@link tokenizerConfigSchema}; every field carries its meaning there. */
export type TokenizerConfig = z.infer<typeof tokenizerConfigSchema>;

/** Checks a configuration as a whole and fills in defaults. `where` names the file in errors. */
export function parseTokenizerConfig(value: unknown, where: string): TokenizerConfig {
  const parsed = tokenizerConfigSchema.safeParse(value);
  requireInput(parsed.success, `${where}: ${parsed.success ? "" : z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  requireTime(config, where);
  const stride = tokenStride(config);
  const side = stride.at(-1)!;
  requireInput(
    config.resolution % side === 0,
    `${where}: resolution must be a multiple of ${side} (patchSize times 2 per further level), got ${config.resolution}`,
  );
  requireInput(
    config.network === "maskgit" || !config.pixelShortcut,
    `${where}: pixelShortcut is of the maskgit network, got it with network ${config.network}`,
  );
  for (const multiplier of config.network === "maskgit" ? config.multipliers : []) {
    requireInput(
      (config.channels * multiplier) % config.groups === 0,
      `${where}: groups must divide the channels of every level (${config.channels} x ${multiplier}), got ${config.groups}`,
    );
  }
  const { quantizer } = config;
  requireInput(
    quantizer.kind !== "fsq" || quantizer.levels.length === config.latentWidth,
    `${where}: latentWidth must equal the number of fsq levels, got ${config.latentWidth} and ${quantizer.kind === "fsq" ? quantizer.levels.length : 0}`,
  );
  const values = 3 * sizeOf(stride);
  requireInput(
    !config.pixelShortcut || config.latentWidth === values,
    `${where}: with pixelShortcut latentWidth must be ${values} (3 x ${stride.join(" x ")}), got ${config.latentWidth}`,
  );
  return config;
}

/** What only moving pictures have fits them, and is absent from still ones. */
function requireTime(config: TokenizerConfig, where: string): void {
  const { frames, framePatch, temporalDownsampling, multipliers } = config;
  if (frames === undefined) {
    requireInput(
      framePatch === 1 && temporalDownsampling === undefined,
      `${where}: framePatch and temporalDownsampling are for moving pictures; give frames too, or leave them out`,
    );
    return;
  }
  const steps = multipliers.length - 1;
  requireInput(
    temporalDownsampling === undefined || temporalDownsampling.length === steps,
    `${where}: temporalDownsampling must have one entry per further level, ${steps}, got ${temporalDownsampling?.length}`,
  );
  const stride = tokenStride(config)[0]!;
  requireInput(
    frames % stride === 0,
    `${where}: frames must be a multiple of ${stride} (framePatch times 2 per level that halves time), got ${frames}`,
  );
}

/** The axes of a picture in pixels: [S, S], or [T, S, S]. */
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

/** Tokens per picture: [rows, columns], or [frames, rows, columns]. */
export function tokenGrid(config: TokenizerConfig): number[] {
  const stride = tokenStride(config);
  return pixelSpace(config).map((size, axis) => size / stride[axis]!);
}

/** The number of codes. */
export function codebookSize({ quantizer }: TokenizerConfig): number {
  return quantizer.kind === "vq" ? quantizer.codebookSize : quantizer.levels.reduce((a, b) => a * b, 1);
}

/** MaskGIT's ImageNet 256 tokenizer: 16 x 16 tokens of 1024 codes, 54.5M parameters (Chang et al., CVPR 2022). */
export const maskgitTokenizer: TokenizerConfig = tokenizerConfigSchema.parse({
  resolution: 256,
  shortcut: "output",
  quantizer: { kind: "vq" },
});

const magvit = (channels: number): TokenizerConfig =>
  tokenizerConfigSchema.parse({
    resolution: 128,
    frames: 16,
    channels,
    multipliers: [1, 2, 2, 4],
    temporalDownsampling: [true, true, false],
    quantizer: { kind: "vq" },
  });

/** MAGVIT's 3D-VQ tokenizers: 4 x 16 x 16 tokens of 1024 codes, 40.6M and 157.8M parameters (Yu et al., CVPR 2023). */
export const magvitTokenizer = { B: magvit(64), L: magvit(128) };
