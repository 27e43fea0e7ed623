import fc from "fast-check";
import { expect, it } from "vitest";
import { fillFromNearest } from "../../src/decoding/nearest-tokens.ts";

const maskId = 100;

it("gives every masked cell the id of a known token nearest to it, and leaves known ones alone", () => {
  const shapes = fc.constantFrom<number[][]>([1, 7], [4, 6], [3, 4, 5], [2, 1, 3]);
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 8 }), fc.nat(), (shape, known, seed) => {
      const gridTokens = shape.reduce((a, b) => a * b);
      const tokens = new Int32Array(2 * gridTokens).fill(maskId);
      for (let i = 0; i < known; i++) {
        for (const first of [0, gridTokens]) tokens[first + ((seed + i * (first + 7)) % gridTokens)] = i;
      }
      const before = tokens.slice();
      const filled = fillFromNearest(tokens, maskId, shape);
      expect(tokens).toEqual(before);
      const placeOf = (position: number): number[] => {
        const place: number[] = [];
        for (const side of [...shape].reverse()) {
          place.unshift(position % side);
          position = Math.floor(position / side);
        }
        return place;
      };
      for (const [cell, id] of filled.entries()) {
        const first = cell < gridTokens ? 0 : gridTokens;
        const distances = Array.from({ length: gridTokens }, (_, other) => {
          if (tokens[first + other] === maskId) return Number.POSITIVE_INFINITY;
          const [a, b] = [placeOf(cell - first), placeOf(other)];
          return a.reduce((sum, at, axis) => sum + Math.abs(at - b[axis]!), 0);
        });
        const least = Math.min(...distances);
        const nearest = distances.flatMap((distance, other) =>
          distance === least ? [tokens[first + other]!] : [],
        );
        expect(nearest).toContain(id);
      }
    }),
    { numRuns: 60 },
  );
});
