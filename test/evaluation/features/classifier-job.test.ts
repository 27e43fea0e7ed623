import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normals } from "../../../src/core/random.ts";
import { sizeOf, tensor } from "../../../src/core/tensor.ts";
import { classifierConfig } from "../../../src/evaluation/features/classifier.ts";
import { degraded, drawDegradation } from "../../../src/evaluation/features/classifier-job.ts";
import { encode, Graph } from "../../../src/graph/index.ts";
import { pixelSpace } from "../../../src/models/tokenizer/config.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";

const still = classifierConfig({ resolution: 16, classes: 2, patchSize: 2, channels: [4, 4], groups: 2 });
const moving = classifierConfig({ ...still, frames: 4 });
const batch = 3;

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(() => runner.close());

describe.each([
  ["still", still, [4, 4], [8, 8]],
  ["moving", moving, [2, 4, 4], [2, 8, 8]],
])("degraded %s images", (_, config, small, large) => {
  it("lose what their blocks do not tell, and are shaded by blocks", async () => {
    const space = pixelSpace(config);
    const dims = [batch, 3, ...space];
    const graph = new Graph("degraded");
    graph.output("seen", degraded(graph, graph.input("pixels", "float32", dims), config));
    const pixels = tensor("float32", dims, normals([1, 2], sizeOf(dims)));
    const draws = drawDegradation(config, batch, [3, 4]);
    const program = await runner.load(encode(graph));
    const { seen } = await runner.run(program, { pixels, ...draws }, { seen: "host" });
    await runner.unload(program);

    // By plain loops: the pixels of a block share the corner that they come to when rounded down.
    const corner = (at: readonly number[], block: readonly number[]) =>
      at.map((place, axis) => Math.floor(place / block[axis]!));
    const index = (at: readonly number[], extents: readonly number[]) =>
      at.reduce((sum, place, axis) => sum * extents[axis]! + place, 0);
    const places = Array.from({ length: sizeOf(space) }, (_, i) =>
      space.map((extent, axis) => Math.floor(i / sizeOf(space.slice(axis + 1))) % extent),
    );
    const blocks = space.map((extent, axis) => extent / large[axis]!);
    for (let plane = 0; plane < batch * 3; plane++) {
      const own = (all: ArrayLike<number | bigint>, size: number, i: number) => Number(all[plane * size + i]);
      const sums = new Map<string, number>();
      for (const at of places) {
        const block = corner(at, small).join();
        sums.set(block, (sums.get(block) ?? 0) + own(pixels.data, places.length, index(at, space)));
      }
      const lost = Number(draws.lost!.data[Math.floor(plane / 3)]);
      for (const at of places) {
        const pixel = own(pixels.data, places.length, index(at, space));
        const coarse = sums.get(corner(at, small).join())! / sizeOf(small);
        const shade = own(draws.shades!.data, sizeOf(blocks), index(corner(at, large), blocks));
        const wanted = pixel + lost * (coarse - pixel) + shade;
        expect(own(seen!.data, places.length, index(at, space))).toBeCloseTo(wanted, 5);
      }
    }
  });
});

describe("the draws", () => {
  it("are of their key, differ between images and stay within their bounds", () => {
    const { lost, shades } = drawDegradation(moving, 200, [5, 6]);
    expect(drawDegradation(moving, 200, [5, 6])).toEqual({ lost, shades });
    expect(drawDegradation(moving, 200, [5, 7])).not.toEqual({ lost, shades });
    const shares = Array.from(lost!.data, Number);
    expect(new Set(shares).size).toBeGreaterThan(190);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.7);
    // A normal number times a uniform one in 0..0.08: variance 0.08² / 3.
    const values = Array.from(shades!.data, Number);
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    expect(Math.sqrt(variance)).toBeCloseTo(0.08 / Math.sqrt(3), 2);
  });
});
