import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type Point, pointChart } from "../../src/charts/point-chart.ts";

const options = { title: "distance < compute", x: "multiply-adds, G", y: "distance" };
const alone = (...points: Point[]) => points.map((point) => ({ points: [point], isJoined: false }));
const point = (name: string, x: number, y: number, error = 0): Point => ({ name, x, y, error });

/** Where the marks stand, in the order of the points. */
const marksOf = (svg: string) =>
  [...svg.matchAll(/transform="translate\((\S+) (\S+)\)" fill/g)].map(([, x, y]) => [Number(x), Number(y)]);
const labelOf = (svg: string, name: string) => {
  const [, x, y] = new RegExp(`<text x="(\\S+)" y="(\\S+)"(?: stroke[^>]*)?>${name}</text>`).exec(svg)!;
  return { x: Number(x), y: Number(y) };
};

describe("pointChart", () => {
  it("places points in proportion, from 0 on across", () => {
    const svg = pointChart(alone(point("a", 1, 0), point("b", 2, 5), point("c", 4, 10)), options);
    const [a, b, c] = marksOf(svg) as [number[], number[], number[]];
    expect(c[0]! - b[0]!).toBeCloseTo(2 * (b[0]! - a[0]!), 6);
    const zero = Number(/x="([\d.]+)" y="[\d.]+" text-anchor="middle">0\.0<\/text>/.exec(svg)![1]);
    expect(b[0]! - a[0]!).toBeCloseTo(a[0]! - zero, 6);
    expect(a[1]! - b[1]!).toBeCloseTo(b[1]! - c[1]!, 6);
    expect(a[1]).toBeGreaterThan(c[1]!);
  });

  it("draws bars as long as the errors, and none where there is none", () => {
    const svg = pointChart(
      alone(point("a", 1, 0), point("b", 2, 10, 5), point("c", 3, 4, Infinity)),
      options,
    );
    const [[, zero], [, ten]] = marksOf(svg) as [number[], number[]];
    const bars = [...svg.matchAll(/<path d="M\S+ (\S+)V([^M]+)M/g)];
    expect(bars).toHaveLength(1);
    const [, low, high] = bars[0]!;
    expect(Number(low) - Number(high)).toBeCloseTo(zero! - ten!, 6); // ±5 of 10
    expect((Number(low) + Number(high)) / 2).toBeCloseTo(ten!, 6);
  });

  it("names points beside them while there is room", () => {
    const svg = pointChart(alone(point("near", 1, 1), point("far", 3, 9)), options);
    const [x, y] = marksOf(svg).at(-1)!;
    expect(labelOf(svg, "far")).toEqual({ x: x! + 9, y: expect.closeTo(y! + 3.5, 6) });
    expect(svg).toContain('viewBox="0 0 720 420"');
  });

  it("puts labels beside them, and whole names into a key", () => {
    const labelled = (name: string, x: number, y: number) => ({ ...point(name, x, y), label: name.at(-1)! });
    const few = pointChart(alone(labelled("plan a", 1, 1), point("plan b", 5, 5)), options);
    expect(few).toContain(">a</text>");
    expect(few).toContain(">plan b</text>");
    const crowded = Array.from({ length: 9 }, (_, i) => labelled(`some plan ${i}`, 3 + i / 1000, 1));
    const many = pointChart(alone(...crowded, point("far", 9, 9)), options);
    expect(many).toContain(">some plan 4</text>");
    expect(many).toContain(">far</text>");
  });

  it("numbers them where there is not, apart from one another, and names them in a key", () => {
    const names = Array.from({ length: 8 }, (_, i) => `point number ${i}`);
    const svg = pointChart(
      alone(...names.map((name, i) => point(name, 3 + i / 100, 1 + i / 1000)), point("far", 0.1, 9)),
      options,
    );
    const places = names.map((_, i) => labelOf(svg, `${i + 1}`));
    for (const [i, a] of places.entries()) {
      for (const b of places.slice(i + 1)) {
        expect(Math.abs(a.x - b.x) >= 6.4 - 1e-9 || Math.abs(a.y - b.y) >= 13 - 1e-9).toBe(true);
      }
      expect(a.y).toBeLessThan(420 - 52 + 4); // above the axis
    }
    const rows = [...names, "far"].map((name) => labelOf(svg, name));
    expect(new Set(rows.map(({ x }) => x)).size).toBe(1);
    expect(rows.map(({ y }) => y)).toEqual([...rows.map(({ y }) => y)].sort((a, b) => a - b));
    const width = Number(/viewBox="0 0 (\S+) 420"/.exec(svg)![1]);
    expect(rows[0]!.x + 14 * 6.4).toBeLessThan(width);
    expect(rows[0]!.x).toBeGreaterThan(720 - 96); // right of the plane
  });

  it("tells series apart by shape and dash, and joins points in ascending x where asked", () => {
    const series = [
      { isJoined: true, points: [point("b", 2, 1), point("a", 1, 2)] },
      { isJoined: true, points: [point("c", 1, 1), point("d", 2, 2)] },
    ];
    const svg = pointChart(series, options);
    const lines = [
      ...svg.matchAll(/<path d="M([\d.]+),[\d.]+L([\d.]+),[^"]*" fill="none"[^>]*dasharray="([^"]*)"/g),
    ];
    expect(lines).toHaveLength(2);
    for (const [, from, to] of lines) expect(Number(from)).toBeLessThan(Number(to));
    expect(lines[0]![3]).not.toBe(lines[1]![3]);
    const shapes = [...svg.matchAll(/<path d="([^"]+)" transform="translate\(/g)].map(([, shape]) => shape);
    expect(shapes[0]).toBe(shapes[1]);
    expect(shapes[0]).not.toBe(shapes[2]);
  });

  it("is an SVG that a rasteriser accepts, a single point included; none is refused", async () => {
    const svg = pointChart(alone(point("one & only", 3, 3, 1)), options);
    expect(svg).toContain("distance &lt; compute");
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([720, 420]);
    expect(() => pointChart([], options)).toThrow(/at least one point/);
  });
});
