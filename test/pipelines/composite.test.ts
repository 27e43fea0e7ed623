import { describe, expect, it } from "vitest";
import { composite, madeShare } from "../../src/pipelines/composite.ts";

const size = { width: 16, height: 16 };
/** The upper left quarter of 4 x 4 tokens of 4 x 4 pixels. */
const quarter = Uint8Array.from({ length: 16 }, (_, i) => (i % 4 < 2 && i < 8 ? 1 : 0));

describe("madeShare", () => {
  const share = madeShare(size, quarter, [4, 4]);
  const row = (y: number) => [...share.subarray(16 * y, 16 * y + 10)].map((part) => Math.round(3 * part));

  it("is 0 in every kept token, and grows from their edge over half a token of the changed ones", () => {
    // In thirds. No blend at the image's own edge, on the left; corners count as touching.
    expect(row(0)).toEqual([3, 3, 3, 3, 3, 3, 2, 1, 0, 0]);
    expect(row(5)).toEqual([3, 3, 3, 3, 3, 3, 2, 1, 0, 0]);
    expect(row(6)).toEqual([2, 2, 2, 2, 2, 2, 2, 1, 0, 0]);
    expect(row(7)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect(row(8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("is 1 everywhere where every token changes", () => {
    expect(new Set(madeShare(size, new Uint8Array(16).fill(1), [4, 4]))).toEqual(new Set([1]));
  });

  it("changes whole tokens hard where they are one pixel", () => {
    const pixels = { width: 4, height: 4 };
    expect([...madeShare(pixels, quarter, [4, 4])]).toEqual([...quarter]);
  });
});

describe("composite", () => {
  it("keeps what is kept and takes what is made, byte for byte, and lies between along the edge", () => {
    const share = Float32Array.of(0, 1 / 3, 1);
    const original = { width: 3, height: 1, pixels: Uint8Array.of(10, 20, 30, 0, 90, 255, 1, 2, 3) };
    const made = { width: 3, height: 1, classId: 4, pixels: Uint8Array.of(99, 98, 97, 90, 0, 255, 7, 8, 9) };
    expect(composite(original, made, share)).toEqual({
      ...made,
      pixels: Uint8Array.of(10, 20, 30, 30, 60, 255, 7, 8, 9),
    });
  });
});
