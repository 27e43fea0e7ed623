import { describe, expect, it } from "vitest";
import { initialise, type ParameterSpec } from "../../src/models/parameters.ts";

const started = (init: ParameterSpec["init"], shape: readonly number[]) =>
  initialise([{ name: "x", shape, init, hasWeightDecay: false }], [1, 2]).x!.data;

describe("initialise", () => {
  it("cuts a normal distribution off at two standard deviations, the same for the same key", () => {
    const values = started({ kind: "normal", std: 0.5 }, [100, 50]);
    expect(Math.max(...values)).toBe(1);
    expect(Math.min(...values)).toBe(-1);
    // The variance of a normal number held within two standard deviations is 0.9205 of its own (by integration).
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    expect(variance / 0.25).toBeCloseTo(0.92, 1);
    expect(started({ kind: "normal", std: 0.5 }, [100, 50])).toEqual(values);
  });

  it("tells places apart by sinusoids, the more the further apart along any axis", () => {
    const grid = [4, 3, 5];
    const width = 64;
    const values = started({ kind: "sinusoidal", std: 0.02, grid }, [61, width]);
    expect(values.subarray(0, width).every((value) => value === 0)).toBe(true);
    const row = (t: number, y: number, x: number) => {
      const place = 1 + (t * 3 + y) * 5 + x;
      return values.subarray(place * width, (place + 1) * width);
    };
    const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    // Of 64 columns 30 pairs carry a sine and a cosine each: sin² + cos² = 1, times 2 std².
    const own = 30 * 2 * 0.02 ** 2;
    for (const [t, y, x] of [
      [0, 0, 0],
      [3, 2, 4],
      [1, 1, 2],
    ] as const) {
      expect(product(row(t, y, x), row(t, y, x))).toBeCloseTo(own, 8);
    }
    const from = row(0, 0, 0);
    for (const steps of [
      [row(1, 0, 0), row(2, 0, 0), row(3, 0, 0)],
      [row(0, 1, 0), row(0, 2, 0)],
      [row(0, 0, 1), row(0, 0, 2), row(0, 0, 3), row(0, 0, 4)],
    ]) {
      expect(product(from, steps[0]!)).toBeLessThan(own * 0.95);
      for (const step of steps.slice(1)) expect(product(from, step)).toBeLessThan(product(from, steps[0]!));
    }
    // Where in the grid a step is taken does not matter.
    expect(product(row(1, 1, 3), row(2, 1, 3))).toBeCloseTo(product(row(0, 0, 0), row(1, 0, 0)), 8);
  });
});
