import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { haltonOrder } from "../../src/decoding/halton-order.ts";
import {
  type MaskSchedule,
  maskedAfterSteps,
  maskRatio,
  maskScheduleKinds,
} from "../../src/decoding/mask-schedule.ts";

const schedule = fc
  .constantFrom(...maskScheduleKinds)
  .chain((kind) =>
    kind === "pow"
      ? fc.double({ min: 0.05, max: 8, noNaN: true }).map((exponent): MaskSchedule => ({ kind, exponent }))
      : fc.constant<MaskSchedule>({ kind }),
  );

/** Tokens masked when each step starts: the start, then what each step but the last leaves. */
const maskedAtStart = (kind: MaskSchedule, steps: number, tokens: number) => [
  tokens,
  ...maskedAfterSteps(kind, steps, tokens).slice(0, -1),
];

describe("maskedAfterSteps", () => {
  it("gives MaskGIT's counts for the cosine schedule", () => {
    const cosine: MaskSchedule = { kind: "cosine" };
    expect(maskedAtStart(cosine, 12, 256)).toEqual([256, 253, 247, 236, 221, 203, 181, 155, 128, 97, 66, 33]);
    expect(maskedAtStart(cosine, 16, 256)).toEqual([
      256, 254, 251, 244, 236, 225, 212, 197, 181, 162, 142, 120, 97, 74, 49, 25,
    ]);
    expect(maskedAtStart(cosine, 12, 1024)).toEqual([
      1024, 1015, 989, 946, 886, 812, 724, 623, 512, 391, 265, 133,
    ]);
  });

  it("takes exact fractions exactly: ten linear steps over ten tokens decode one each", () => {
    expect(maskedAfterSteps({ kind: "linear" }, 10, 10)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it("decides as many cells as the Halton sampler: max(k + 1, floor(N (1 - arccos(r) 2/pi)))", () => {
    for (const [steps, tokens] of [
      [32, 256],
      [12, 64],
      [16, 576],
    ]) {
      // 1e-9: 576 (1 - arccos(1/2) 2/pi) is 192, which float64 just misses.
      const decided = maskedAfterSteps({ kind: "halton" }, steps, tokens).map((m) => tokens - m);
      expect(decided).toEqual(
        Array.from({ length: steps }, (_, k) =>
          Math.max(k + 1, Math.floor(tokens * (1 - Math.acos((k + 1) / steps) / (Math.PI / 2)) + 1e-9)),
        ),
      );
    }
  });

  it("decodes every token, at least one per step, whatever the schedule", () => {
    fc.assert(
      fc.property(
        schedule,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 400 }),
        (kind, steps, more) => {
          const counts = [steps + more, ...maskedAfterSteps(kind, steps, steps + more)];
          expect(counts.at(-1)).toBe(0);
          for (let k = 0; k < steps; k++) expect(counts[k + 1]).toBeLessThan(counts[k]);
        },
      ),
    );
  });

  it("with fewer tokens than steps, decodes one token in each of the last steps", () => {
    fc.assert(
      fc.property(
        schedule,
        fc.integer({ min: 2, max: 30 }),
        fc.integer({ min: 1, max: 29 }),
        (kind, steps, n) => {
          const tokens = Math.min(n, steps - 1);
          expect(maskedAfterSteps(kind, steps, tokens)).toEqual(
            Array.from({ length: steps }, (_, k) => Math.min(tokens, steps - 1 - k)),
          );
        },
      ),
    );
  });
});

describe("maskRatio", () => {
  it("falls from 1 to 0", () => {
    fc.assert(
      fc.property(
        schedule,
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        (kind, a, b) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          const early = maskRatio(kind, low, 256);
          expect(early).toBeLessThanOrEqual(1);
          expect(maskRatio(kind, high, 256)).toBeLessThanOrEqual(early);
        },
      ),
    );
    for (const kind of maskScheduleKinds) {
      expect(maskRatio({ kind, exponent: 2 }, 1, 256)).toBeCloseTo(0, 12);
    }
  });

  it("has the published values at r = 1/2", () => {
    expect(maskRatio({ kind: "cosine" }, 0.5, 256)).toBeCloseTo(Math.SQRT1_2, 12);
    expect(maskRatio({ kind: "pow", exponent: 2 }, 0.5, 256)).toBeCloseTo(0.75, 12);
    expect(maskRatio({ kind: "arccos" }, 0.5, 256)).toBeCloseTo(2 / 3, 12);
    expect(maskRatio({ kind: "exp" }, 0.5, 256)).toBeCloseTo(1 - 1 / 16, 12); // 2^(-8/2)
    expect(maskRatio({ kind: "log" }, 0.5, 256)).toBeCloseTo(1 / 8, 12); // 1 / log2(256)
  });
});

describe("haltonOrder", () => {
  it("follows the sequence's first points", () => {
    // (1/2, 1/3), (1/4, 2/3), (3/4, 1/9), (1/8, 4/9), (5/8, 7/9), (3/8, 2/9) times 16, as row, column.
    const cells = [
      [8, 5],
      [4, 10],
      [12, 1],
      [2, 7],
      [10, 12],
      [6, 3],
    ];
    expect([...haltonOrder([16, 16]).subarray(0, 6)]).toEqual(
      cells.map(([row, column]) => row * 16 + column),
    );
    // A video's frames take base 5: 1/5 of 4 frames is frame 0, 4/5 (point 4) is frame 3.
    expect(haltonOrder([4, 16, 16])[0]).toBe(8 * 16 + 5);
    expect(haltonOrder([4, 16, 16])[3]).toBe(3 * 256 + 2 * 16 + 7);
  });

  it("is an order of all cells", () => {
    for (const shape of [
      [1, 1],
      [3, 5],
      [16, 16],
      [4, 8, 8],
    ]) {
      const order = haltonOrder(shape);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: order.length }, (_, i) => i));
    }
  });

  it("covers the grid evenly from the start: 64 of 256 cells put 12 to 20 in each quarter", () => {
    const quarters = [0, 0, 0, 0];
    for (const cell of haltonOrder([16, 16]).subarray(0, 64)) {
      quarters[2 * Math.floor(cell / 128) + Math.floor((cell % 16) / 8)]++;
    }
    for (const count of quarters) expect(Math.abs(count - 16)).toBeLessThanOrEqual(4);
  });
});
