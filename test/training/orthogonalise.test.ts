/** Muon's direction against a singular value decomposition. */
import { describe, expect, it } from "vitest";
import { Graph } from "../../src/graph/index.ts";
import { orthogonalise } from "../../src/training/orthogonalise.ts";
import { evaluate, float32, noise, numbers } from "../graph/harness.ts";
import { iterated, orthogonalised } from "./newton-schulz.ts";

/** Of one matrix, or of as many as the values fill. */
async function run(rows: number, columns: number, values: readonly number[]): Promise<number[]> {
  const graph = new Graph("orthogonalise");
  const shape = [values.length / (rows * columns), rows, columns];
  graph.output("y", orthogonalise(graph.input("x", "float32", shape)));
  return numbers((await evaluate(graph, { x: float32(shape, values) })).y);
}

describe("orthogonalise", () => {
  it.each([
    [5, 5],
    [4, 9],
    [12, 3],
  ])("keeps the singular vectors of a matrix of %i rows and %i columns", async (rows, columns) => {
    const values = noise(rows * columns, rows);
    const expected = orthogonalised(values, rows);
    (await run(rows, columns, values)).forEach((value, i) => {
      expect(value, `element ${i}`).toBeCloseTo(expected[i]!, 4);
    });
  });

  it("brings singular values from 1 % of the norm near to 1", () => {
    for (let x = 0.01; x <= 1; x += 0.001) {
      expect(iterated(x)).toBeGreaterThan(0.67);
      expect(iterated(x)).toBeLessThan(1.14);
    }
  });

  it("does not depend on the matrix's scale", async () => {
    const values = noise(12, 3);
    const plain = await run(3, 4, values);
    const tiny = await run(
      3,
      4,
      values.map((value) => value * 1e-4),
    );
    tiny.forEach((value, i) => {
      expect(value).toBeCloseTo(plain[i]!, 4);
    });
  });

  it("takes each of several by itself, whatever their scales", async () => {
    const [one, other] = [noise(12, 3), noise(12, 4).map((value) => value * 1e3)];
    const both = await run(3, 4, [...one, ...other]);
    [...(await run(3, 4, one)), ...(await run(3, 4, other))].forEach((value, i) => {
      expect(both[i]).toBeCloseTo(value, 5);
    });
  });

  it("leaves the zero matrix as it is", async () => {
    expect(await run(2, 3, new Array(6).fill(0))).toEqual(new Array(6).fill(0));
  });
});
