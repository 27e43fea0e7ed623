import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type HostTensor, tensor } from "../../src/core/tensor.ts";
import { encodeNpy, type NpyDType, writeNpy } from "../../src/weights/npy.ts";

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
