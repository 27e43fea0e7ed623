import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import {
  parseTokenizerConfig,
  pixelSpace,
  tokenGrid,
  tokenStride,
} from "../../../src/models/tokenizer/config.ts";
import { magvitTokenizer, maskgitTokenizer } from "./published-tokenizers.ts";

describe("parseTokenizerConfig", () => {
  it("fills in MaskGIT's sizes", () => {
    const given = { resolution: 256, shortcut: "output", quantizer: { kind: "vq" } };
    expect(parseTokenizerConfig(given, "x")).toEqual(maskgitTokenizer);
    expect(tokenGrid(maskgitTokenizer)).toEqual([16, 16]);
    expect(tokenStride(maskgitTokenizer)).toEqual([16, 16]);
    expect(pixelSpace(maskgitTokenizer)).toEqual([256, 256]);
  });

  it("accepts MAGVIT's, which halve time twice and space three times", () => {
    for (const config of Object.values(magvitTokenizer)) {
      expect(parseTokenizerConfig(config, "x")).toEqual(config);
      expect(pixelSpace(config)).toEqual([16, 128, 128]);
      expect(tokenStride(config)).toEqual([4, 8, 8]);
      expect(tokenGrid(config)).toEqual([4, 16, 16]);
    }
  });

  it.each<[Record<string, unknown>, number[]]>([
    [{}, [1, 16, 16]],
    [{ framePatch: 2, frames: 32 }, [1, 16, 16]],
    [{ temporalDownsampling: [false, false, false, false] }, [16, 16, 16]],
    [{ framePatch: 4, temporalDownsampling: [false, true, false, false], patchSize: 2 }, [2, 8, 8]],
    [{ framePatch: 4, multipliers: [1], patchSize: 8 }, [4, 32, 32]],
  ])("16 frames of 256 pixels with %j are %j tokens", (given, grid) => {
    const config = parseTokenizerConfig(
      { resolution: 256, frames: 16, quantizer: { kind: "vq" }, ...given },
      "x",
    );
    expect(tokenGrid(config)).toEqual(grid);
    expect(tokenStride(config).map((stride, axis) => stride * grid[axis]!)).toEqual(pixelSpace(config));
  });

  it.each<[Record<string, unknown>, string]>([
    [
      { resolution: 72 },
      "resolution: must be a multiple of 16 (patchSize times 2 per further level), got 72",
    ],
    [{ channels: 20, groups: 8 }, "groups: must divide the channels of every level (20 x 1), got 8"],
    [
      { latentWidth: 3, quantizer: { kind: "fsq", levels: [8, 8] } },
      "latentWidth: must equal the number of fsq levels, 2, got 3",
    ],
    [{ pixelShortcut: true }, "latentWidth: must be 768 (3 x 16 x 16) with pixelShortcut, got 256"],
    [
      { latentWidth: 1, quantizer: { kind: "fsq", levels: [1] } },
      "quantizer.levels[0]: must be a whole number of at least 2, got 1",
    ],
    [
      { frames: 24 },
      "frames: must be a multiple of 16 (framePatch times 2 per level that halves time), got 24",
    ],
    [
      { frames: 6, framePatch: 2, temporalDownsampling: [true, false, false, false] },
      "frames: must be a multiple of 4 (framePatch times 2 per level that halves time), got 6",
    ],
    [
      { frames: 16, temporalDownsampling: [true] },
      "temporalDownsampling: must have one entry per further level, 4, got 1",
    ],
    [
      { framePatch: 2 },
      "framePatch: must be left out for images, which have no frames, got 2; give frames too, or leave it out",
    ],
    [
      { temporalDownsampling: [true, true, true, true] },
      "temporalDownsampling: must be left out for images, which have no frames, got [true,true,true,true]; give frames too, or leave it out",
    ],
    [
      { temporalKernel: 1 },
      "temporalKernel: must be left out for images, which have no frames, got 1; give frames too, or leave it out",
    ],
    [
      { frames: 16, temporalKernel: 1 },
      'temporalKernel: must be left out with network "maskgit"; only "plain" has it, got 1',
    ],
    [{ frames: 16, network: "plain", temporalKernel: 2 }, "temporalKernel: must be 1 or 3, got 2"],
    [
      { frames: 16, pixelShortcut: true, latentWidth: 768 },
      "latentWidth: must be 12288 (3 x 16 x 16 x 16) with pixelShortcut, got 768",
    ],
    [{ quantizer: { kind: "kmeans" } }, 'quantizer.kind: must be "vq" or "fsq", got "kmeans"'],
    [{ shortcut: "outptu" }, 'shortcut: must be "input" or "output", got "outptu"; did you mean "output"?'],
  ])("refuses %j in one message that says what is required", (wrong, message) => {
    const given = { resolution: 256, quantizer: { kind: "vq" }, ...wrong };
    expect(() => parseTokenizerConfig(given, "file")).toThrow(new InputError(`file: ${message}`));
  });

  it("names the nearest key for an unknown one", () => {
    const read = () => parseTokenizerConfig({ quantizer: { kind: "vq" }, chanels: 4 }, "file");
    expect(read).toThrow(/^file: must have no other keys than .* got "chanels"; did you mean "channels"\?$/);
  });
});
