import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csvOf, qualityCharts, writeEvaluationFiles } from "../../src/evaluation/evaluation-files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluation-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

const of = (mean: number, standardError = 0.1) => ({ mean, standardError });
const row = (base: string, settings: string, multiplyAdds: number, frechet: number) => ({
  name: `${base}, ${settings}`,
  base,
  multiplyAdds,
  seconds: of(multiplyAdds / 1e9),
  frechet: of(frechet),
});
const rows = [
  row("baseline", "4 steps", 1e9, 3),
  row("baseline", "8 steps", 2e9, 2),
  row("nested", "4 steps", 5e8, 4),
];

describe("evaluation as files", () => {
  it("is CSV that a reader reads back: every figure, its error beside it, nested ones by their path", () => {
    const text = csvOf([
      { name: 'the "real", ones', frechet: 1.5 },
      {
        name: "plan",
        frechet: of(2),
        kernel: null,
        words: [of(0.5), of(0.25, Infinity)],
        network: { frechet: of(7) },
        plan: { steps: 12 },
        runs: [{}],
        isUnderSampled: false,
      },
    ]);
    expect(parse(text, { columns: true })).toEqual([
      {
        name: 'the "real", ones',
        frechet: "1.5",
        "frechet error": "",
        kernel: "",
        "words 1": "",
        "words 1 error": "",
        "words 2": "",
        "words 2 error": "",
        "network frechet": "",
        "network frechet error": "",
        isUnderSampled: "",
      },
      {
        name: "plan",
        frechet: "2",
        "frechet error": "0.1",
        kernel: "",
        "words 1": "0.5",
        "words 1 error": "0.1",
        "words 2": "0.25",
        "words 2 error": "",
        "network frechet": "7",
        "network frechet error": "0.1",
        isUnderSampled: "false",
      },
    ]);
  });

  it("has a chart of each quality against each cost, every plan named", () => {
    const charts = qualityCharts({ rows, features: "a classifier" });
    expect(Object.keys(charts)).toEqual(["distance-multiply-adds.svg", "distance-seconds.svg"]);
    for (const chart of Object.values(charts)) {
      for (const { name } of rows) expect(chart).toContain(`>${name}</text>`);
      expect(chart).toContain("features of a classifier");
    }
    expect(charts["distance-seconds.svg"]).toContain("seconds per sample");
    const predicted = rows.map((row) => ({ ...row, psnr: of(20) }));
    expect(Object.keys(qualityCharts({ rows: predicted, features: "a classifier" }))).toHaveLength(4);
    const seen = rows.map((row) => ({ ...row, network: { frechet: of(9) } }));
    const { "network-distance-seconds.svg": chart } = qualityCharts({
      rows: seen,
      features: "a classifier",
      network: "I3D",
    });
    expect(chart).toContain("Fréchet distance, I3D");
    expect(qualityCharts({ rows: [], features: "a classifier" })).toEqual({});
  });

  it("joins the plans of one base where asked, and names the base at the last of them", () => {
    const joined = qualityCharts({ rows, features: "a classifier", isJoined: true })["distance-seconds.svg"]!;
    expect(
      ["4 steps", "baseline, 4 steps", "baseline, 8 steps", "nested, 4 steps"].map((name) =>
        joined.includes(`>${name}<`),
      ),
    ).toEqual([true, false, true, true]);
    const lines = (isJoined: boolean) =>
      qualityCharts({ rows, features: "a classifier", isJoined })["distance-seconds.svg"]!.match(
        /stroke-dasharray/g,
      );
    expect(lines(false)).toBeNull();
    expect(lines(true)).toHaveLength(1); // a series of one point has no line
  });

  it("is written whole, with the figures that it was given", async () => {
    const out = join(folder, "new", "out");
    const paths = await writeEvaluationFiles(out, {
      result: { samples: 3, plans: rows },
      beside: [{ name: "real", frechet: 1 }],
      rows,
      features: "a classifier",
    });
    expect((await readdir(out)).sort()).toEqual([
      "distance-multiply-adds.svg",
      "distance-seconds.svg",
      "evaluation.csv",
      "evaluation.json",
    ]);
    expect(paths).toHaveLength(4);
    expect(JSON.parse(await readFile(paths[0]!, "utf8"))).toEqual({ samples: 3, plans: rows });
    const [real, ...plans] = parse(await readFile(paths[1]!, "utf8"), { columns: true }) as {
      name: string;
    }[];
    expect(real).toMatchObject({ name: "real", frechet: "1" });
    expect(plans.map(({ name }) => name)).toEqual(rows.map(({ name }) => name));
  });
});
