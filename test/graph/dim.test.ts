import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dim, divideDims, elementsOf, evaluateDim, multiplyDims } from "../../src/graph/dim.ts";

const bindings = { A: 3, B: 5, N: 7 };
const dim: fc.Arbitrary<Dim> = fc
  .array(fc.oneof(fc.constantFrom("A", "B", "N"), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => multiplyDims(...parts));

describe("dimensions", () => {
  it("have one spelling", () => {
    expect(multiplyDims("B", 64)).toBe("64*B");
    expect(multiplyDims("B", 2, "A", 3)).toBe("6*A*B");
    expect(multiplyDims("B", 0)).toBe(0);
    expect(multiplyDims()).toBe(1);
    expect(divideDims("64*B", "B")).toBe(64);
    expect(divideDims("64*B", 48)).toBeNull();
    expect(divideDims("B", "A")).toBeNull();
    expect(divideDims("A*A*B", "A")).toBe("A*B");
    expect(elementsOf([])).toBe(1);
  });

  it("multiply and divide as their values do", () => {
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        const product = multiplyDims(a, b);
        expect(product).toBe(multiplyDims(b, a));
        expect(evaluateDim(product, bindings)).toBe(evaluateDim(a, bindings) * evaluateDim(b, bindings));
        expect(divideDims(product, b)).toBe(a);
      }),
    );
  });

  it("name a symbol without a value", () => {
    expect(() => evaluateDim("4*Q", { B: 2 })).toThrow('graph: no value for the dimension "Q"');
  });
});
