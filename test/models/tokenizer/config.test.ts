import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { maskgitTokenizer, parseTokenizerConfig, tokenGrid } from "../../../src/models/tokenizer/config.ts";

describe("parseTokenizerConfig", () => {
  it("fills in MaskGIT's sizes", () => {
    const given = { resolution: 256, shortcut: "output", quantizer: { kind: "vq" } };
    expect(parseTokenizerConfig(given, "x")).toEqual(maskgitTokenizer);
    expect(tokenGrid(maskgitTokenizer)).toEqual([16, 16]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ resolution: 72 }, /file: resolution must be a multiple of 16 .*got 72/],
    [{ channels: 20, groups: 8 }, /file: groups must divide the channels of every level \(20 x 1\), got 8/],
    [{ latentWidth: 3, quantizer: { kind: "fsq", levels: [8, 8] } }, /latentWidth must equal .*got 3 and 2/],
    [{ pixelShortcut: true }, /latentWidth must be 768 \(3 x 16 x 16\), got 256/],
    [{ quantizer: { kind: "fsq", levels: [1] } }, /levels/],
    [{ chanels: 4 }, /chanels/],
    [{ quantizer: { kind: "kmeans" } }, /quantizer/],
  ])("refuses %j in one message that says what is required", (wrong, message) => {
    const given = { resolution: 256, quantizer: { kind: "vq" }, ...wrong };
    expect(() => parseTokenizerConfig(given, "file")).toThrow(message);
    expect(() => parseTokenizerConfig(given, "file")).toThrow(InputError);
  });
});
