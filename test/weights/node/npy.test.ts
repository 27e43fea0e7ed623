import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type HostTensor, tensor } from "../../../src/core/tensor.ts";
import { decodeNpy, encodeNpy, type NpyDType, writeNpy } from "../../../src/weights/node/npy.ts";

/** Version 1.0 of the format: magic, version, uint16 header length, a Python dictionary, then the data. */
function parse(bytes: Uint8Array) {
  const view = Buffer.from(bytes);
  expect(view.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\x00");
  const start = 10 + view.readUInt16LE(8);
  expect(start % 8).toBe(0);
  const header = view.subarray(10, start).toString("latin1");
  expect(header.endsWith("\n")).toBe(true);
  return { header: header.trim().replaceAll(" ", ""), data: [...view.subarray(start)] };
}

const cases: [HostTensor<NpyDType>, string, number[]][] = [
  [tensor("uint16", [2, 2], Uint16Array.of(1, 256, 65535, 0)), "'<u2'|(2,2)", [1, 0, 0, 1, 255, 255, 0, 0]],
  [tensor("float32", [1], Float32Array.of(1)), "'<f4'|(1,)", [0, 0, 0x80, 0x3f]],
  [tensor("float64", [], Float64Array.of(1)), "'<f8'|()", [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
  [tensor("int32", [1, 1], Int32Array.of(9, -2).subarray(1)), "'<i4'|(1,1)", [254, 255, 255, 255]],
  [tensor("int64", [0, 3], new BigInt64Array()), "'<i8'|(0,3)", []],
  [tensor("uint8", [3], Uint8Array.of(0, 128, 255)), "'|u1'|(3,)", [0, 128, 255]],
];

for (const [value, expected, data] of cases) {
  it(`writes ${value.dtype} [${value.dims}] as NumPy's format says`, () => {
    const [descr, shape] = [expected.slice(0, expected.lastIndexOf("|")), expected.split("|").at(-1)];
    expect(parse(encodeNpy(value))).toEqual({
      header: `{'descr':${descr},'fortran_order':False,'shape':${shape}}`,
      data,
    });
  });
}

it("writes files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "magnets-npy-"));
  try {
    await writeNpy(join(folder, "a/ids.npy"), cases[0][0]);
    expect(new Uint8Array(await readFile(join(folder, "a/ids.npy")))).toEqual(encodeNpy(cases[0][0]));
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** A NPY file of version 1.0 by hand. */
function file(header: string, data: Uint8Array): Uint8Array {
  const padded = `${header}${" ".repeat(64 - ((11 + header.length) % 64))}\n`;
  const start = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(padded), data]);
}
const described = (descr: string, order: string, shape: string) =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

for (const [value] of cases) {
  it(`reads ${value.dtype} [${value.dims}] back`, () => {
    expect(decodeNpy(encodeNpy(value), "here")).toEqual(value);
  });
}

it("reads column-major numbers as row-major ones", () => {
  const matrix = file(
    described("<i4", "True", "(2, 3)"),
    Buffer.from(Int32Array.of(1, 4, 2, 5, 3, 6).buffer),
  );
  expect(decodeNpy(matrix, "here")).toEqual(tensor("int32", [2, 3], Int32Array.of(1, 2, 3, 4, 5, 6)));
  // Element (i, j, k) is 100 i + 10 j + k; the first index runs fastest in the file.
  const runs = Uint8Array.of(0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121);
  const cube = decodeNpy(file(described("|u1", "True", "(2, 3, 2)"), runs), "here");
  expect(Array.from(cube.data, Number)).toEqual([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]);
});

it.each([
  ["text", Buffer.from("no numbers at all"), "here: not a NPY file that can be read (Not an .npy file)"],
  ["nothing", Buffer.alloc(0), "here: not a NPY file that can be read"],
  [
    "other types",
    file(described("<c16", "False", "(1,)"), Buffer.alloc(16)),
    'here: must be an array of one of float32, float64, int32, int64, uint16, uint8, got NumPy\'s "c16"',
  ],
  [
    "the other byte order",
    file(described(">f8", "False", "(1,)"), Buffer.alloc(8)),
    "here: not a NPY file that can be read (Unsupported dtype: >f8)",
  ],
  [
    "half a file",
    file(described("<f8", "False", "(2, 2)"), Buffer.alloc(24)),
    "here: its shape [2, 2] needs 4 numbers, it holds 3",
  ],
])("refuses to read %s", (_, bytes, message) => {
  expect(() => decodeNpy(bytes, "here")).toThrow(message);
});
