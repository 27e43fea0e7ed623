import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guidanceOver, guidanceScaleAt, hasStepIn } from "../../src/decoding/guidance.ts";

const part = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0.25, 1 / 3, 0.5, 0.9, 1),
);

describe("an interval of steps", () => {
  it("has a step exactly where one of them is guided", () => {
    fc.assert(
      fc.property(part, part, fc.integer({ min: 1, max: 80 }), (a, b, steps) => {
        const interval = [Math.min(a, b), Math.max(a, b)] as const;
        const guidance = {
          scale: 1,
          schedule: "constant",
          power: 3,
          interval,
          unconditionalFactor: 1,
        } as const;
        const guided = Array.from({ length: steps }, (_, k) => guidanceScaleAt(guidance, k, steps));
        expect(hasStepIn(interval, steps)).toBe(guided.some((scale) => scale > 0));
        expect(guidanceOver(guidance, steps).interval).toEqual(
          guided.some((scale) => scale > 0) ? interval : [0, 1],
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("of more steps than anything can hold is answered at once", () => {
    expect(hasStepIn([0.25, 1], 2 ** 40)).toBe(true);
    expect(hasStepIn([1, 1], 2 ** 40)).toBe(false);
  });
});
