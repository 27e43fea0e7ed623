import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import {
  magvitTokenizer,
  maskgitTokenizer,
  parseTokenizerConfig,
  pixelSpace,
  tokenGrid,
  tokenStride,
} from "../../../src/models/tokenizer/config.ts";

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

  it.each<[Record<string, unknown>, RegExp]>([
    [{ resolution: 72 }, /file: resolution must be a multiple of 16 .*got 72/],
    [{ channels: 20, groups: 8 }, /file: groups must divide the channels of every level \(20 x 1\), got 8/],
    [{ latentWidth: 3, quantizer: { kind: "fsq", levels: [8, 8] } }, /latentWidth must equal .*got 3 and 2/],
    [{ pixelShortcut: true }, /latentWidth must be 768 \(3 x 16 x 16\), got 256/],
    [{ quantizer: { kind: "fsq", levels: [1] } }, /levels/],
    [{ frames: 24 }, /file: frames must be a multiple of 16 .*got 24/],
    [
      { frames: 6, framePatch: 2, temporalDownsampling: [true, false, false, false] },
      /frames must be a multiple of 4 .*got 6/,
    ],
    [
      { frames: 16, temporalDownsampling: [true] },
      /temporalDownsampling must have one entry .*level, 4, got 1/,
    ],
    [{ framePatch: 2 }, /framePatch and .* are for videos; give frames too/],
    [{ temporalDownsampling: [true, true, true, true] }, /temporalDownsampling are for videos/],
    [
      { frames: 16, pixelShortcut: true, latentWidth: 768 },
      /latentWidth must be 12288 \(3 x 16 x 16 x 16\), got 768/,
    ],
    [{ chanels: 4 }, /chanels/],
    [{ quantizer: { kind: "kmeans" } }, /quantizer/],
  ])("refuses %j in one message that says what is required", (wrong, message) => {
    const given = { resolution: 256, quantizer: { kind: "vq" }, ...wrong };
    expect(() => parseTokenizerConfig(given, "file")).toThrow(message);
    expect(() => parseTokenizerConfig(given, "file")).toThrow(InputError);
  });
});
