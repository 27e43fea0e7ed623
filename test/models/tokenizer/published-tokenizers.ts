/** The tokenizers of the published papers, whose parameter counts and grids are known. */
import { type TokenizerConfig, tokenizerFields } from "../../../src/models/tokenizer/config.ts";

/** MaskGIT's ImageNet 256 tokenizer: 16 x 16 tokens of 1024 codes, 54.5M parameters (Chang et al., CVPR 2022). */
export const maskgitTokenizer: TokenizerConfig = tokenizerFields.parse({
  resolution: 256,
  shortcut: "output",
  quantizer: { kind: "vq" },
});

const magvit = (channels: number): TokenizerConfig =>
  tokenizerFields.parse({
    resolution: 128,
    frames: 16,
    channels,
    multipliers: [1, 2, 2, 4],
    temporalDownsampling: [true, true, false],
    quantizer: { kind: "vq" },
  });

/** MAGVIT's 3D-VQ tokenizers: 4 x 16 x 16 tokens of 1024 codes, 40.6M and 157.8M parameters (Yu et al., CVPR 2023). */
export const magvitTokenizer = { B: magvit(64), L: magvit(128) };
