import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { tensor } from "../../../src/core/tensor.ts";
import { readJson, writeJson } from "../../../src/weights/node/json-file.ts";
import {
  readModelIndex,
  readModelPart,
  writeModelIndex,
  writeModelPart,
} from "../../../src/weights/node/model-folder.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-model-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "it was accepted",
    (e) => e,
  );
  expect(error).toBeInstanceOf(InputError);
  return error.message;
}

describe("JSON files", () => {
  it("come back as written", async () => {
    const value = { a: [1, null, "ü"], b: { c: true } };
    await writeJson(join(folder, "x/y.json"), value);
    expect(await readJson(join(folder, "x/y.json"))).toEqual(value);
    expect(await readFile(join(folder, "x/y.json"), "utf8")).toMatch(/^\{\n {2}"a".*\}\n$/s);
  });

  it("may begin with a byte order mark, as some editors write them", async () => {
    const path = join(folder, "marked.json");
    await writeFile(path, '\uFEFF{"steps": 12}');
    expect(await readJson(path)).toEqual({ steps: 12 });
    await writeFile(path, '\uFEFF{"a": 1,\n "b": what}');
    expect(await refusal(readJson(path))).toContain("marked.json:2:7: not valid JSON (");
  });

  const long = `{\n"filler": "${"x".repeat(200)}",\n`;
  for (const [what, text, place] of [
    ["unexpected token, short", "hello", "1:1"],
    ["unexpected token, later", '{"a": 1,\n "b": what}', "2:7"],
    ["unexpected token in a long file", `${long}"a": [1, 2, oops]}`, "3:13"],
    ["unexpected token far from the end", `${long}"a": ?,\n${'"b": 1,\n'.repeat(100)}}`, "3:6"],
    ["trailing comma", '{"a": 1,}', "1:9"],
    ["missing comma", '{"a": 1\n"b": 2}', "2:1"],
    ["more after the end", "{}\n{}", "2:1"],
    ["cut off", '{"a": [1,\n2', "2:2"],
    ["empty", "", "1:1"],
  ]) {
    it(`name line and column: ${what}`, async () => {
      const path = join(folder, "bad.json");
      await writeFile(path, text);
      expect(await refusal(readJson(path))).toContain(`bad.json:${place}: not valid JSON (`);
    });
  }

  it("name a missing file", async () => {
    expect(await refusal(readJson(join(folder, "none.json")))).toMatch(
      /cannot read .*none\.json: it does not exist/,
    );
  });
});

describe("model folder", () => {
  const config = { width: 4, factors: [1, 2] };
  const tensors = { "block.0.weight": tensor("float32", [2, 2], Float32Array.of(1, 2, -0.5, 65504)) };

  it("keeps parts and index, and leaves nothing else", async () => {
    const parts = { tokenizer: ["magnets", "VqTokenizer"], transformer: ["magnets", "Nested"] } as const;
    await writeModelIndex(folder, { className: "MagnetsImagePipeline", parts });
    for (const store of ["float32", "float16"] as const) {
      await writeModelPart(folder, "transformer", { config, tensors, metadata: { step: "7" }, store });
      expect(await readModelPart(folder, "transformer")).toEqual({
        config,
        tensors,
        metadata: { step: "7" },
      });
    }
    expect(await readModelIndex(folder)).toEqual({ className: "MagnetsImagePipeline", parts });
    expect(JSON.parse(await readFile(join(folder, "model_index.json"), "utf8"))).toEqual({
      _class_name: "MagnetsImagePipeline",
      ...parts,
    });
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      "model_index.json",
      "transformer",
      "transformer/config.json",
      "transformer/model.safetensors",
    ]);
  });

  it("skips the notes of other programs in the index", async () => {
    await writeJson(join(folder, "model_index.json"), {
      _class_name: "A",
      _diffusers_version: "0.30",
      x: ["m", "X"],
    });
    expect(await readModelIndex(folder)).toEqual({ className: "A", parts: { x: ["m", "X"] } });
  });

  it("says which folder, part or file is missing", async () => {
    const none = join(folder, "none");
    expect(await refusal(readModelPart(none, "transformer"))).toContain(`${none}: no such model folder`);
    expect(await refusal(readModelIndex(none))).toContain("model_index.json");
    expect(await refusal(readModelIndex(folder))).toMatch(/required model_index\.json, it holds nothing/);
    await mkdir(join(folder, "tokenizer"));
    expect(await refusal(readModelPart(folder, "transformer"))).toMatch(
      /required transformer, it holds tokenizer/,
    );
    expect(await refusal(readModelPart(folder, "tokenizer"))).toMatch(
      /tokenizer\/config\.json: it does not exist/,
    );
    await writeJson(join(folder, "tokenizer/config.json"), {});
    expect(await refusal(readModelPart(folder, "tokenizer"))).toMatch(
      /model\.safetensors: it does not exist/,
    );
  });

  it("refuses an index of another form", async () => {
    const path = join(folder, "model_index.json");
    for (const [value, message] of [
      [[1], /required an object/],
      [{}, /"_class_name" must name.*got nothing/],
      [{ _class_name: "A", part: "B" }, /"part" must be \["<library>", "<class>"\], got "B"/],
    ] as const) {
      await writeJson(path, value);
      expect(await refusal(readModelIndex(folder))).toMatch(message);
    }
  });
});
