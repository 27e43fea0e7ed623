import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { type DType, type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import {
  readSafetensors,
  readTensorsIfWhole,
  writeSafetensors,
} from "../../src/weights/node/safetensors-file.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/weights/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "magnets-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const join8 = (chunks: Iterable<Uint8Array>) => new Uint8Array(Buffer.concat([...chunks]));
const float32 = (dims: number[], ...values: number[]) => tensor("float32", dims, Float32Array.from(values));

/** A file of this header (an object, or any text) and this many zero data bytes. */
function fileOf(header: unknown, dataBytes: number, claimed?: bigint): Uint8Array {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
}

describe("golden file made by Python from the format's description", () => {
  const golden = new URL("../golden/tiny.safetensors", import.meta.url).pathname;

  it("is read, halves widened", async () => {
    const { tensors, metadata } = await readSafetensors(golden);
    expect(metadata).toEqual({ format: "pt", note: "grün" });
    expect(tensors).toEqual({
      double: tensor("float64", [2], Float64Array.of(0.1, -1e300)),
      long: tensor("int64", [1, 2], BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)),
      "block.0.weight": float32([2, 3], 1, -2, 0.5, 0.25, 3e38, -0),
      count: tensor("int32", [], Int32Array.of(-7)),
      nothing: float32([0, 4]),
      half: float32([4], 1, -65504, 2 ** -24, Number.POSITIVE_INFINITY),
      brain: float32([3], 1, -3.140625, 2 ** -133),
      ids: tensor("uint16", [2, 2], Uint16Array.of(0, 1, 65535, 256)),
      bytes: tensor("uint8", [3], Uint8Array.of(0, 128, 255)),
      flags: tensor("bool", [2], Uint8Array.of(1, 0)),
    });
  });

  it("is read from any alignment in memory", () => {
    const bytes = readFileSync(golden);
    const expected = decodeSafetensors(bytes, golden);
    for (let shift = 1; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      expect(decodeSafetensors(moved.subarray(shift), golden)).toEqual(expected);
    }
  });

  it("is read from a file whose header's length is not a multiple of 8, as other writers make it", async () => {
    const bytes = readFileSync(golden);
    const expected = decodeSafetensors(bytes, golden);
    const end = 8 + Number(bytes.readBigUInt64LE());
    for (let odd = 1; odd < 8; odd++) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(end - 8 + odd));
      const path = join(folder, `header-${odd}.safetensors`);
      // As Node reads a file it is a Buffer, whose `slice` does not copy.
      writeFileSync(
        path,
        Buffer.concat([length, bytes.subarray(8, end), Buffer.alloc(odd, " "), bytes.subarray(end)]),
      );
      expect(await readSafetensors(path)).toEqual(expected);
    }
  });
});

describe("what we write", () => {
  const hasPython = spawnSync("python3", ["--version"]).status === 0;

  it.skipIf(!hasPython)("is read by the Python script, values, names and order", async () => {
    const path = join(folder, "ours.safetensors");
    const tensors = {
      z: float32([2, 2], 1, -2.5, 65504, Number.NEGATIVE_INFINITY),
      "10": tensor("bool", [2], Uint8Array.of(0, 1)),
      "2": tensor("uint8", [1], Uint8Array.of(255)),
      'quote"\\é': tensor("int64", [], BigInt64Array.of(-(2n ** 63n))),
      ids: tensor("uint16", [3], Uint16Array.of(1, 2, 65535)),
      empty: float32([0]),
    };
    const metadata = { b: "2", a: "é" };
    for (const store of ["float32", "float16"] as const) {
      await writeSafetensors(path, tensors, { metadata, store });
      const script = new URL("../golden/make_safetensors.py", import.meta.url).pathname;
      const { stdout, stderr } = spawnSync("python3", [script, "--read", path], { encoding: "utf8" });
      expect(stderr).toBe("");
      const code = store === "float32" ? "F32" : "F16";
      expect(JSON.parse(stdout)).toEqual({
        metadata,
        order:
          store === "float32"
            ? ["__metadata__", 'quote"\\é', "empty", "z", "ids", "10", "2"]
            : ["__metadata__", 'quote"\\é', "empty", "ids", "z", "10", "2"],
        tensors: {
          z: { dtype: code, shape: [2, 2], values: ["1.0", "-2.5", "65504.0", "-inf"] },
          "10": { dtype: "BOOL", shape: [2], values: ["False", "True"] },
          "2": { dtype: "U8", shape: [1], values: ["255"] },
          'quote"\\é': { dtype: "I64", shape: [], values: ["-9223372036854775808"] },
          ids: { dtype: "U16", shape: [3], values: ["1", "2", "65535"] },
          empty: { dtype: code, shape: [0], values: [] },
        },
      });
    }
  });

  const anyTensor: fc.Arbitrary<HostTensor> = fc
    .record({
      dtype: fc.constantFrom<DType>(
        "float32",
        "float64",
        "int32",
        "int64",
        "uint16",
        "int8",
        "uint8",
        "bool",
      ),
      dims: fc.array(fc.nat(3), { maxLength: 3 }),
      fill: fc.infiniteStream(fc.nat(1)),
    })
    .map(({ dtype, dims, fill }) => {
      const values = Array.from({ length: sizeOf(dims) }, () => fill.next().value as number);
      const arrays = {
        float32: Float32Array,
        float64: Float64Array,
        int32: Int32Array,
        uint16: Uint16Array,
        int8: Int8Array,
      };
      if (dtype === "int64") return tensor(dtype, dims, BigInt64Array.from(values, BigInt));
      const array = dtype === "uint8" || dtype === "bool" ? Uint8Array : arrays[dtype];
      return tensor(dtype, dims, array.from(values));
    });
  const anyName = fc
    .string({ unit: "binary" })
    .filter((name) => !["__proto__", "__metadata__"].includes(name));

  it("comes back, whatever the names, types and shapes; the header is padded to 8 bytes", () => {
    fc.assert(
      fc.property(fc.dictionary(anyName, anyTensor, { noNullPrototype: true }), (tensors) => {
        const bytes = join8(encodeSafetensors(tensors));
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
        expect(decodeSafetensors(bytes, "x").tensors).toEqual(tensors);
      }),
    );
  });

  it("is the same bytes for the same content, in whatever order it came", () => {
    const a = float32([1], 1);
    const b = tensor("int64", [1], BigInt64Array.of(2n));
    const one = join8(encodeSafetensors({ a, b }, { metadata: { x: "1", y: "2" } }));
    expect(join8(encodeSafetensors({ b, a }, { metadata: { y: "2", x: "1" } }))).toEqual(one);
  });

  it("refuses finite numbers that float16 would make infinite, and reserved names", async () => {
    const tensors = { big: float32([2], 1, 65520) };
    const path = join(folder, "never.safetensors");
    await expect(writeSafetensors(path, tensors, { store: "float16" })).rejects.toThrow(
      /"big" holds 65520.*65504; store it as float32/,
    );
    expect(readdirSync(folder).filter((name) => name.includes("never"))).toEqual([]);
    expect(() => encodeSafetensors({ __metadata__: tensors.big })).toThrow(InputError);
    expect(() => encodeSafetensors({ ["__proto__"]: tensors.big })).toThrow(InputError);
  });
});

describe("hostile input", () => {
  const entry = (
    begin: number,
    end: number,
    shape: unknown = [(end - begin) / 4],
    dtype: unknown = "F32",
  ) => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const cases: [string, Uint8Array, RegExp][] = [
    ["empty file", new Uint8Array(0), /at least 8 bytes, got 0/],
    ["seven bytes", new Uint8Array(7), /at least 8 bytes/],
    ["header beyond the file", fileOf({}, 0, 3n), /claims 3 bytes, but 2 follow/],
    ["huge header", fileOf({}, 0, 2n ** 62n), /header claims 4611686018427387904/],
    ["negative header", fileOf({}, 0, 2n ** 64n - 1n), /header claims 18446744073709551615/],
    ["no header", fileOf("", 0), /header is not JSON/],
    ["not JSON", fileOf("{a:1}", 0), /header is not JSON/],
    ["not UTF-8", fileOf({}, 0).fill(0xff, 8), /header is not JSON/],
    ["a list", fileOf([], 0), /JSON object, got a list/],
    ["null", fileOf("null", 0), /JSON object, got null/],
    [
      "metadata no object",
      fileOf({ __metadata__: 3 }, 0),
      /__metadata__ must be an object of strings, got number/,
    ],
    ["metadata number", fileOf({ __metadata__: { a: 3 } }, 0), /__metadata__ "a" must be a string/],
    ["entry no object", fileOf({ w: [1] }, 0), /"w": required an object.*got a list/],
    ["entry null", fileOf({ w: null }, 0), /"w": required an object.*got null/],
    ["empty entry", fileOf({ w: {} }, 0), /"w": dtype must be a string, got nothing/],
    [
      "unknown dtype",
      fileOf({ w: entry(0, 4, [1], "F33") }, 4),
      /"w": dtype: must be one of .*, got "F33"; did you mean "F32"/,
    ],
    [
      "inherited dtype",
      fileOf({ w: entry(0, 4, [1], "constructor") }, 4),
      /dtype: must be one of .*got "constructor"/,
    ],
    ["shape no list", fileOf({ w: entry(0, 4, 1) }, 4), /"w": shape must be a list/],
    ["negative dims", fileOf({ w: entry(0, 4, [-1, -1]) }, 4), /"w": shape.*got \[-1,-1\]/],
    ["fractional dim", fileOf({ w: entry(0, 4, [0.5, 2]) }, 4), /"w": shape/],
    ["dims beyond 2^53", fileOf({ w: entry(0, 4, [2 ** 60]) }, 4), /"w": shape/],
    [
      "overflowing product",
      fileOf({ w: entry(0, 0, new Array(30).fill(2 ** 50)) }, 0),
      /needs Infinity bytes/,
    ],
    [
      "overflow hidden by 0",
      fileOf({ w: entry(0, 0, [...new Array(30).fill(2 ** 50), 0]) }, 0),
      /needs NaN bytes/,
    ],
    ["dims wrapping 2^64", fileOf({ w: entry(0, 0, [2 ** 32, 2 ** 32]) }, 0), /"w".*needs 7/],
    ["offsets missing", fileOf({ w: { dtype: "F32", shape: [] } }, 0), /"w": data_offsets.*got nothing/],
    ["three offsets", fileOf({ w: { ...entry(0, 4), data_offsets: [0, 2, 4] } }, 4), /"w": data_offsets/],
    ["negative offset", fileOf({ w: entry(-4, 0) }, 4), /"w": data_offsets/],
    ["offsets reversed", fileOf({ w: entry(4, 0, [1]) }, 4), /"w": data_offsets \[4, 0\] leave/],
    ["truncated data", fileOf({ w: entry(0, 16) }, 12), /"w": data_offsets \[0, 16\] leave the file's 12/],
    ["size against shape", fileOf({ w: entry(0, 8, [3]) }, 8), /"w": F32 \[3\] needs 12 bytes.*hold 8/],
    [
      "overlap",
      fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12),
      /"b" begins at byte 4.*"a" ends at 8: the data overlap/,
    ],
    ["same bytes twice", fileOf({ a: entry(0, 8), b: entry(0, 8) }, 8), /"b" begins at byte 0.*overlap/],
    ["gap", fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12), /"b" begins at byte 8.*have a gap/],
    ["gap in front", fileOf({ a: entry(4, 8) }, 8), /"a" begins at byte 4, but the header ends at 0/],
    ["bytes left over", fileOf({ a: entry(0, 4) }, 9), /5 bytes after tensor "a" belong to no tensor/],
    [
      "__proto__",
      fileOf(`{"__proto__":${JSON.stringify(entry(0, 4))}}`, 4),
      /"__proto__": the name is not allowed/,
    ],
    [
      "odd boolean",
      fileOf({ w: entry(0, 1, [1], "BOOL") }, 1).fill(2, -1),
      /"w": a BOOL byte must be 0 or 1, got 2/,
    ],
  ];

  for (const [what, bytes, message] of cases) {
    it(`is refused: ${what}`, () => {
      let error: unknown;
      try {
        decodeSafetensors(bytes, "bad.safetensors");
      } catch (e) {
        error = e;
      }
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toMatch(/^bad\.safetensors: /);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message.length).toBeLessThan(400);
    });
  }

  it("any cut or changed byte of a good file gives an InputError or tensors, never another error", () => {
    const good = join8(
      encodeSafetensors({ a: float32([2], 1, 2), b: tensor("bool", [3], Uint8Array.of(1, 0, 1)) }),
    );
    for (let length = 0; length < good.length; length++) {
      expect(() => decodeSafetensors(good.slice(0, length), "cut")).toThrow(InputError);
    }
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        try {
          decodeSafetensors(changed, "changed");
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is as good as no file where its content can be made again", async () => {
    const file = join(folder, "kept.safetensors");
    expect(await readTensorsIfWhole(file)).toBeNull();
    const kept = { w: tensor("float32", [2], Float32Array.of(1, 2)) };
    await writeSafetensors(file, kept);
    expect(await readTensorsIfWhole(file)).toEqual(kept);
    truncateSync(file, 70);
    expect(await readTensorsIfWhole(file)).toBeNull();
  });

  it("a missing file is named", async () => {
    await expect(readSafetensors(join(folder, "none.safetensors"))).rejects.toThrow(
      /cannot read .*none\.safetensors: it does not exist/,
    );
    await expect(readSafetensors(folder)).rejects.toThrow(/it is a folder, not a file/);
  });
});
