import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { tensor } from "../../src/core/tensor.ts";
import {
  fromTensors,
  joinTokens,
  type TokenDataset,
  type TokenTensors,
  takeTokens,
  tokensOf,
  toTensors,
} from "../../src/data/tokens.ts";

const dataset: TokenDataset = {
  grid: [2, 2],
  codebookSize: 1000,
  classNames: ["a,b", 'c"d', "ü"],
  count: 3,
  ids: Uint16Array.of(0, 1, 2, 3, 999, 998, 997, 996, 5, 5, 5, 5),
  classIds: Int32Array.of(2, 0, 1),
  conditions: { predict: Uint16Array.of(7, 8, 1000, 1000, 7, 8, 1000, 1000, 5, 5, 1000, 1000) },
  source: "drawn, seed 7",
  tokenizer: "sha256:abc",
};
const stored = toTensors(dataset);
const changed = (tensors: object, metadata: object = {}): TokenTensors => ({
  tensors: { ...stored.tensors, ...tensors },
  metadata: { ...stored.metadata, ...metadata },
});

describe("token datasets", () => {
  it("round-trip, for any grid and without classes", () => {
    expect(fromTensors(stored, "f")).toEqual(dataset);
    const video = {
      ...dataset,
      grid: [4, 1, 1],
      classNames: [],
      classIds: new Int32Array(3),
      conditions: {},
    };
    expect(fromTensors(toTensors(video), "f")).toEqual(video);
    expect(stored.tensors.ids!.dims).toEqual([3, 2, 2]);
  });

  it("hand out one image's ids, and what is known of it for a task", () => {
    expect([...tokensOf(dataset, 1)]).toEqual([999, 998, 997, 996]);
    expect([...tokensOf(dataset, 1, "predict")]).toEqual([7, 8, 1000, 1000]);
    expect(() => tokensOf(dataset, 1, "interpolate")).toThrow("interpolate");
  });

  it("tell which image a row shows, where that is known", () => {
    const several = { ...dataset, images: Int32Array.of(4, 4, 9) };
    expect(fromTensors(toTensors(several), "f")).toEqual(several);
    expect([...joinTokens([several, several]).images!]).toEqual([4, 4, 9, 4, 4, 9]);
    expect(joinTokens([dataset, dataset]).images).toBeUndefined();
  });

  it("give some of their rows, in any order", () => {
    const rows = takeTokens({ ...dataset, images: Int32Array.of(4, 4, 9) }, [2, 0]);
    expect([...rows.ids]).toEqual([5, 5, 5, 5, 0, 1, 2, 3]);
    expect([...rows.classIds]).toEqual([1, 2]);
    expect([...rows.images!]).toEqual([9, 4]);
    expect([...rows.conditions!.predict!]).toEqual([5, 5, 1000, 1000, 7, 8, 1000, 1000]);
    expect([rows.count, takeTokens(dataset, [1]).images]).toEqual([2, undefined]);
  });

  it("hold the whole of a 16-bit codebook", () => {
    const large = {
      ...dataset,
      conditions: {},
      codebookSize: 65536,
      ids: dataset.ids.map((id) => 65535 - id),
    };
    expect(fromTensors(toTensors(large), "f").ids[0]).toBe(65535);
  });

  it.each<[string, TokenTensors, RegExp]>([
    [
      "images of another number",
      changed({ images: tensor("int32", [2], new Int32Array(2)) }),
      /required "images" to be like "classIds", int32 \[3\], got int32 \[2\]/,
    ],
    ["another file", changed({}, { format: "pt" }), /format "pt"/],
    ["no ids", changed({ ids: undefined }), /"ids".*nothing/],
    [
      "ids of another type",
      changed({ ids: tensor("int32", [3, 2, 2], new Int32Array(12)) }),
      /uint16.*int32/,
    ],
    ["too few classIds", changed({ classIds: tensor("int32", [2], new Int32Array(2)) }), /got 2/],
    [
      "a classId without a class",
      changed({ classIds: tensor("int32", [3], Int32Array.of(0, 3, 0)) }),
      /0\.\.2, got 3/,
    ],
    ["an id beyond the codebook", changed({}, { codebook_size: "999" }), /below.*999, got 999/],
    [
      "a condition beyond the codebook and the mask",
      changed({ "condition.predict": tensor("uint16", [3, 2, 2], new Uint16Array(12).fill(1001)) }),
      /"predict" must be 12 ids of at most 1000, got 1001/,
    ],
    [
      "a condition of another shape",
      changed({ "condition.predict": tensor("uint16", [3, 4], new Uint16Array(12)) }),
      /"condition.predict" to be like "ids"/,
    ],
    ["no codebook size", changed({}, { codebook_size: "many" }), /1\.\.65536/],
    ["class names that are no list", changed({}, { class_names: "{}" }), /class_names/],
    [
      "no images",
      changed(
        Object.fromEntries(
          ["ids", "condition.predict"].map((name) => [name, tensor("uint16", [0, 2, 2], new Uint16Array(0))]),
        ),
      ),
      /at least one/,
    ],
  ])("refuse %s", (_, file, message) => {
    expect(() => fromTensors(file, "set.safetensors")).toThrow(InputError);
    expect(() => fromTensors(file, "set.safetensors")).toThrow(message);
    expect(() => fromTensors(file, "set.safetensors")).toThrow(/^set\.safetensors: /);
  });

  it("refuse the ids of another tokenizer", () => {
    expect(fromTensors(stored, "f", "sha256:abc").count).toBe(3);
    expect(() => fromTensors(stored, "f", "sha256:def")).toThrow(/sha256:abc, required sha256:def/);
  });
});
