/** Edges and token borders against plain loops, and their gradients against central differences. */
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/tensor.ts";
import type { Raster } from "../../src/data/source.ts";
import { fromPlanes } from "../../src/data/source.ts";
import { borderMeter } from "../../src/evaluation/metrics/image-metrics.ts";
import { Graph } from "../../src/graph/index.ts";
import { borderSteps, edgeError } from "../../src/training/reconstruction-loss.ts";
import { evaluate, float32, gradientError, noise, numbers } from "../graph/harness.ts";

const borderContrast = (images: readonly Raster[], stride: number): number => {
  const meter = borderMeter(stride);
  meter.add(images);
  return meter.contrast();
};

/** Planes [N, H, W] as nested lists, one for each of batch and channels (and frames). */
function planesOf(dims: readonly number[], data: readonly number[]): number[][][] {
  const [height, width] = dims.slice(-2) as [number, number];
  return Array.from({ length: sizeOf(dims.slice(0, -2)) }, (_, n) =>
    Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => data[(n * height + y) * width + x]!),
    ),
  );
}

const halved = (plane: number[][]): number[][] =>
  Array.from({ length: plane.length / 2 }, (_, y) =>
    Array.from({ length: plane[0]!.length / 2 }, (_, x) => {
      const block = [0, 1].flatMap((i) => [0, 1].map((j) => plane[2 * y + i]![2 * x + j]!));
      return block.reduce((a, b) => a + b, 0) / 4;
    }),
  );

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe.each([[[2, 3, 8, 12]], [[1, 3, 2, 8, 8]]])("of planes [%j]", (dims) => {
  const values = noise(sizeOf(dims), 4).map(Math.fround);

  it("edgeError is the mean of three scales' mean absolute steps along rows and columns", async () => {
    let planes = planesOf(dims, values);
    const parts: number[] = [];
    for (let scale = 0; scale < 3; scale++) {
      if (scale > 0) planes = planes.map(halved);
      const along = planes.flatMap((plane) =>
        plane.flatMap((row) => row.slice(1).map((value, x) => Math.abs(value - row[x]!))),
      );
      const down = planes.flatMap((plane) =>
        plane.slice(1).flatMap((row, y) => row.map((value, x) => Math.abs(value - plane[y]![x]!))),
      );
      for (const steps of [along, down]) parts.push(steps.length > 0 ? mean(steps) : 0);
    }
    const graph = new Graph("edges");
    graph.output("error", edgeError(graph.input("x", "float32", dims)));
    const { error } = await evaluate(graph, { x: float32(dims, values) });
    expect(numbers(error)[0]).toBeCloseTo(mean(parts), 6);
  });
});

it("edgeError's gradient agrees with central differences", async () => {
  const error = await gradientError({
    name: "edgeError",
    inputs: { x: [1, 2, 8, 8] },
    build: ({ x }) => edgeError(x!),
  });
  expect(error).toBeLessThan(1e-6);
});

describe("border contrast", () => {
  const dims = [2, 3, 8, 12];
  const bytes = noise(sizeOf(dims), 9).map((x) => Math.round(127 + 127 * x));

  /** By the definition: every pair of neighbours, one by one. */
  function byPairs(stride: number): { across: number; within: number } {
    const found = { across: [] as number[], within: [] as number[] };
    for (const plane of planesOf(dims, bytes)) {
      plane.forEach((row, y) => {
        row.forEach((value, x) => {
          if (x + 1 < row.length) {
            found[(x + 1) % stride === 0 ? "across" : "within"].push(Math.abs(row[x + 1]! - value));
          }
          if (y + 1 < plane.length) {
            found[(y + 1) % stride === 0 ? "across" : "within"].push(Math.abs(plane[y + 1]![x]! - value));
          }
        });
      });
    }
    return { across: mean(found.across), within: mean(found.within) };
  }

  it.each([2, 4])("of tokens of %i pixels, in a graph and of images", async (stride) => {
    const expected = byPairs(stride);
    const graph = new Graph("borders");
    const x = graph.input("x", "float32", dims);
    const { across, within } = borderSteps(x, stride);
    graph.output("across", across);
    graph.output("within", within);
    const planes = float32(
      dims,
      bytes.map((byte) => byte / 255),
    );
    const found = await evaluate(graph, { x: planes });
    expect(numbers(found.across)[0]! * 255).toBeCloseTo(expected.across, 3);
    expect(numbers(found.within)[0]! * 255).toBeCloseTo(expected.within, 3);
    const images = [0, 1].map((i) => fromPlanes(planes, i));
    expect(borderContrast(images, stride)).toBeCloseTo(expected.across / expected.within, 8);
  });

  it("is 1 for one slope, more for a mosaic, and not a number for one colour", () => {
    const image = (value: (x: number, y: number) => number) => ({
      width: 16,
      height: 16,
      pixels: Uint8Array.from({ length: 768 }, (_, i) => value(Math.floor(i / 3) % 16, Math.floor(i / 48))),
    });
    expect(borderContrast([image((x, y) => 3 * x + 3 * y)], 4)).toBe(1);
    const mosaic = image((x, y) => 50 * (((x >> 2) + (y >> 2)) % 2) + (x % 2));
    expect(borderContrast([mosaic], 4)).toBeGreaterThan(10);
    expect(borderContrast([image(() => 7)], 4)).toBeNaN();
  });
});
