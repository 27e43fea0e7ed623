import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { sideBySide } from "../../src/charts/chart-frame.ts";
import { lineChart } from "../../src/charts/line-chart.ts";

const options = { title: "a < b & c", x: "step", y: "loss" };

/** The end points of every drawn line, read back from its path. */
function pathsOf(svg: string): [number, number][][] {
  return [...svg.matchAll(/<path d="(M[^"]*)" fill="none"/g)].map((match) =>
    [...match[1]!.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map((point) => [
      Number(point[1]),
      Number(point[2]),
    ]),
  );
}

describe("lineChart", () => {
  it("draws each series as one line whose points keep their order and proportions", () => {
    const svg = lineChart(
      [
        {
          name: "p = 1",
          points: [
            [0, 10],
            [50, 5],
            [100, 0],
          ],
        },
      ],
      options,
    );
    const [line] = pathsOf(svg);
    expect(line).toHaveLength(3);
    const [a, b, c] = line as [[number, number], [number, number], [number, number]];
    expect(b[0]).toBeCloseTo((a[0] + c[0]) / 2, 2);
    expect(b[1]).toBeCloseTo((a[1] + c[1]) / 2, 2);
    expect(a[1]).toBeLessThan(c[1]); // larger values stand higher
  });

  it("labels the lines directly and keeps close labels apart", () => {
    const svg = lineChart(
      [
        {
          name: "first",
          points: [
            [0, 1],
            [1, 1],
          ],
        },
        {
          name: "second",
          points: [
            [0, 1],
            [1, 1.0001],
          ],
        },
      ],
      options,
    );
    const places = ["first", "second"].map((name) =>
      Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}<`).exec(svg)![1]),
    );
    expect(Math.abs(places[0]! - places[1]!)).toBeGreaterThanOrEqual(15 - 1e-9);
  });

  it("is an SVG that a rasteriser accepts, special characters and a single point included", async () => {
    const svg = lineChart([{ name: "one & only", points: [[3, 3]] }], options);
    expect(svg).toContain("a &lt; b &amp; c");
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([720, 420]);
  });

  it("draws a power law as a straight line on two logarithmic axes, with marks where they are wanted", () => {
    const xs = [1, 8, 64];
    const squares = { name: "x squared", points: xs.map((x) => [x, x * x] as const) };
    const svg = lineChart([squares], { ...options, isLogX: true, isLogY: true, xTicks: xs });
    const [a, b, c] = pathsOf(svg)[0] as [[number, number], [number, number], [number, number]];
    expect(b[0]).toBeCloseTo((a[0] + c[0]) / 2, 2);
    expect(b[1]).toBeCloseTo((a[1] + c[1]) / 2, 2);
    for (const x of xs) expect(svg).toContain(`text-anchor="middle">${x}</text>`);
    expect(
      lineChart([{ name: "one", points: [[1, 1]] }], { ...options, isLogX: true, isLogY: true }),
    ).not.toContain("NaN");
  });

  it("puts charts side by side into one that a rasteriser accepts", async () => {
    const one = lineChart([{ name: "one", points: [[3, 3]] }], options);
    const { width, height } = await sharp(Buffer.from(sideBySide("two of them", [one, one]))).metadata();
    expect([width, height]).toEqual([1440, 420]);
  });

  it("refuses a chart without points", () => {
    expect(() => lineChart([{ name: "none", points: [] }], options)).toThrow(/at least one point/);
  });
});
