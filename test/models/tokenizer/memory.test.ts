/** The closed form of the decoder's memory against what is alive in its graph, node by node. */
import { describe, expect, it } from "vitest";
import { decoderGraph } from "../../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig } from "../../../src/models/tokenizer/config.ts";
import { decodingNumbers } from "../../../src/models/tokenizer/memory.ts";
import { liveNumbers } from "../live-numbers.ts";

const quantizer = { kind: "vq", codebookSize: 16 };
const shapes = {
  "the shipped kind": {
    patchSize: 8,
    channels: 128,
    multipliers: [1],
    latentWidth: 192,
    pixelShortcut: true,
  },
  "MaskGIT's kind": { channels: 16, multipliers: [1, 1, 2, 2, 4], latentWidth: 32 },
  "narrow, then wide": { patchSize: 2, channels: 8, multipliers: [1, 8], latentWidth: 8 },
  "videos in blocks": {
    frames: 16,
    framePatch: 4,
    patchSize: 8,
    channels: 128,
    multipliers: [1],
    latentWidth: 768,
    pixelShortcut: true,
  },
  "the plain kind": {
    network: "plain",
    patchSize: 2,
    channels: 16,
    multipliers: [1, 2, 3],
    detailChannels: 8,
    latentWidth: 4,
  },
  "the plain kind, narrow at the end": {
    network: "plain",
    channels: 32,
    multipliers: [1, 8],
    residualBlocks: 1,
    detailChannels: 3,
    latentWidth: 4,
  },
  "plain clips": {
    network: "plain",
    frames: 8,
    framePatch: 2,
    patchSize: 4,
    channels: 32,
    multipliers: [1, 2],
    temporalDownsampling: [false],
    latentWidth: 4,
  },
  "MAGVIT's kind": {
    frames: 8,
    channels: 16,
    multipliers: [1, 2, 2, 4],
    temporalDownsampling: [true, true, false],
    latentWidth: 32,
  },
};

describe("decodingNumbers", () => {
  it.each(Object.entries(shapes))("bounds a decoder of %s, by less than three times", (_name, shape) => {
    const config = parseTokenizerConfig({ resolution: 64, groups: 8, quantizer, ...shape }, "test");
    const alive = liveNumbers(decoderGraph(config), { B: 1 });
    expect(decodingNumbers(config)).toBeGreaterThanOrEqual(alive);
    expect(decodingNumbers(config)).toBeLessThan(3 * alive);
  });
});
