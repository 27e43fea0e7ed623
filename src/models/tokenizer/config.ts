/** What a picture tokenizer is made of: a convolutional autoencoder around a quantiser. */
import { z } from "zod";
import { requireInput } from "../../core/errors.ts";

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
  }),
]);

export const tokenizerConfigSchema = z.strictObject({
  resolution: positive.default(64).describe("side of the square pictures, in pixels"),
  patchSize: positive
    .default(1)
    .describe("side of the pixel blocks that the first convolution sees as channels"),
  channels: positive.default(128).describe("channels at the finest level"),
  multipliers: z
    .array(positive)
    .min(1)
    .default([1, 1, 2, 2, 4])
    .describe("channels per level; each further level halves the size"),
  residualBlocks: positive.default(2).describe("residual blocks per level, and in the middle"),
  latentWidth: positive.default(256).describe("channels that are quantised"),
  groups: positive.default(32).describe("groups of the group normalisation"),
  pixelShortcut: z
    .boolean()
    .default(false)
    .describe(
      "latents are the pixel patches plus what the encoder adds, and pixels the codes as patches plus what the decoder adds; needs latentWidth = 3 x (pixels per token)²",
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
  const stride = downsampling(config);
  requireInput(
    config.resolution % stride === 0,
    `${where}: resolution must be a multiple of ${stride} (patchSize times 2 per further level), got ${config.resolution}`,
  );
  for (const multiplier of config.multipliers) {
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
  requireInput(
    !config.pixelShortcut || config.latentWidth === 3 * stride * stride,
    `${where}: with pixelShortcut latentWidth must be ${3 * stride * stride} (3 x ${stride} x ${stride}), got ${config.latentWidth}`,
  );
  return config;
}

/** Pixels per token along one side. */
export function downsampling(config: TokenizerConfig): number {
  return config.patchSize * 2 ** (config.multipliers.length - 1);
}

/** Tokens per picture as [rows, columns]. */
export function tokenGrid(config: TokenizerConfig): [number, number] {
  const side = config.resolution / downsampling(config);
  return [side, side];
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
