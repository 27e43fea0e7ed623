import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBfloat16, fromFloat16, maxFloat16, toFloat16 } from "../../src/weights/float16.ts";

const allCodes = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNan = (code: number) => (code & 0x7fff) > 0x7c00;

/** IEEE 754's definition of binary16, digit by digit. */
function slowValue(code: number): number {
  const digits = code.toString(2).padStart(16, "0");
  const exponent = Number.parseInt(digits.slice(1, 6), 2);
  const fraction = [...digits.slice(6)].reduce((sum, d, i) => sum + Number(d) * 0.5 ** (i + 1), 0);
  const sign = digits[0] === "1" ? -1 : 1;
  if (exponent === 31) return fraction > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

/** The nearest of the two neighbouring halves, found by search over all of them; a tie goes to the even code. */
function slowCode(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const magnitude = Math.abs(value);
  let low = 0;
  let high = 0x7c00;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (slowValue(middle) <= magnitude) low = middle;
    else high = middle;
  }
  // For rounding, the code after the largest finite one stands at 2^16.
  const above = high === 0x7c00 ? 2 ** 16 : slowValue(high);
  const below = magnitude - slowValue(low);
  const isLower = below < above - magnitude || (below === above - magnitude && low % 2 === 0);
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  return sign | (isLower ? low : high);
}

describe("float16", () => {
  it("reads all 65536 codes by the definition", () => {
    const read = fromFloat16(allCodes);
    for (let code = 0; code < 65536; code++) {
      if (!Object.is(read[code], slowValue(code)))
        expect([code, read[code]]).toEqual([code, slowValue(code)]);
    }
  });

  it("returns every code that is not NaN, and NaN as NaN", () => {
    const back = toFloat16(fromFloat16(allCodes));
    for (let code = 0; code < 65536; code++) {
      if (isNan(code) ? !isNan(back[code]) : back[code] !== code) expect(back[code]).toBe(code);
    }
  });

  it("rounds each midpoint between neighbours to even, and its float32 neighbours to their side", () => {
    const step = (value: number, by: number) => {
      const bits = new Uint32Array(Float32Array.of(value).buffer);
      bits[0] += by;
      return new Float32Array(bits.buffer)[0];
    };
    for (let code = 0; code < 0x7c00; code++) {
      const next = code === 0x7bff ? 2 ** 16 : slowValue(code + 1);
      const middle = (slowValue(code) + next) / 2;
      const even = code % 2 === 0 ? code : code + 1;
      const samples = Float32Array.of(step(middle, -1), middle, step(middle, 1), -middle);
      const expected = [code, even, code + 1, 0x8000 + even];
      const got = Array.from(toFloat16(samples));
      if (got.join() !== expected.join()) expect(got).toEqual(expected);
    }
  });

  it("agrees with the slow search on any float32", () => {
    fc.assert(
      fc.property(fc.array(fc.float(), { minLength: 1, maxLength: 20 }), (numbers) => {
        const codes = toFloat16(Float32Array.from(numbers));
        expect(Array.from(codes, (c) => (isNan(c) ? 0x7e00 : c))).toEqual(numbers.map(slowCode));
      }),
      { numRuns: 500 },
    );
  });

  it("knows its limits", () => {
    const codes = toFloat16(Float32Array.of(maxFloat16, 65519, 65520, -65520, 1e30, 2 ** -25, 2 ** -24, -0));
    expect(Array.from(codes)).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00, 0, 1, 0x8000]);
  });

  it("reads a view that does not start at its buffer's beginning", () => {
    expect(Array.from(toFloat16(Float32Array.of(9, 1, 2).subarray(1)))).toEqual([0x3c00, 0x4000]);
  });

  const hasPython = spawnSync("python3", ["--version"]).status === 0;
  it.skipIf(!hasPython)("agrees with Python's struct on every finite code", () => {
    const script =
      "import struct,sys; d=sys.stdin.buffer.read(); n=len(d)//2; " +
      "sys.stdout.buffer.write(struct.pack('<%df'%n, *struct.unpack('<%de'%n, d)))";
    const { stdout } = spawnSync("python3", ["-c", script], { input: Buffer.from(allCodes.buffer) });
    const theirs = new Float32Array(new Uint8Array(stdout).buffer);
    expect(fromFloat16(allCodes)).toEqual(theirs);
  });
});

describe("bfloat16", () => {
  it("is the upper half of a float32", () => {
    const read = fromBfloat16(Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x8000, 0x0001));
    expect(Array.from(read)).toEqual([1, -3.140625, Number.POSITIVE_INFINITY, -0, 2 ** -133]);
    expect(fromBfloat16(Uint16Array.of(0x7fc0))[0]).toBeNaN();
  });
});
