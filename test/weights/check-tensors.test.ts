import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { checkTensors } from "../../src/weights/check-tensors.ts";

const zeros = (...dims: number[]): HostTensor => tensor("float32", dims, new Float32Array(sizeOf(dims)));
const expected = [
  { name: "block.0.weight", shape: [2, 3] },
  { name: "block.1.weight", shape: [2, 3] },
  { name: "scale", shape: [] },
];
const good = { "block.0.weight": zeros(2, 3), "block.1.weight": zeros(2, 3), scale: zeros() };

function refusal(tensors: Record<string, HostTensor>, wanted = expected): string {
  try {
    checkTensors("m/model.safetensors", tensors, wanted);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  return "it was accepted";
}

describe("checkTensors", () => {
  it("accepts exactly what is expected", () => {
    expect(refusal(good)).toBe("it was accepted");
    expect(refusal({}, [])).toBe("it was accepted");
  });

  it("refuses weights that are not finite, as a damaged file gives them", () => {
    for (const wrong of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      const weight = zeros(2, 3);
      weight.data[4] = wrong;
      expect(refusal({ ...good, "block.1.weight": weight })).toBe(
        `m/model.safetensors: the weights must be finite numbers, but block.1.weight has ${wrong} at place 4; the file is damaged, so copy it again`,
      );
    }
  });

  it("tells everything at once, with the nearest name", () => {
    const { scale, ...rest } = good;
    const message = refusal({ ...rest, "block.1.weight": zeros(3, 2), scales: scale, other: zeros(1) });
    expect(message).toMatch(
      /^m\/model\.safetensors: these weights do not fit the model \(3 tensors expected\)/,
    );
    expect(message).toContain("1 missing: scale []");
    expect(message).toContain("2 not expected: scales [] (nearest: scale); other [1]\n");
    expect(message).toContain(
      "1 of another shape or type: block.1.weight is float32 [3,2], required float32 [2,3]",
    );
  });

  it("shows the first few and counts the rest", () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ name: `w${i}`, shape: [8] }));
    const message = refusal(Object.fromEntries(many.map(({ name }) => [name, zeros(4)])), many);
    expect(message).toContain("50 of another shape or type: w0 is float32 [4], required float32 [8]; w1 ");
    expect(message).toContain("; and 46 more");
    expect(message.length).toBeLessThan(600);
  });

  it("minds types, and names that every object inherits", () => {
    expect(refusal({ scale: tensor("int32", [], Int32Array.of(1)) }, [expected[2]])).toContain(
      "scale is int32 []",
    );
    expect(refusal({}, [{ name: "constructor", shape: [1] }])).toContain("1 missing: constructor [1]");
  });
});
