import { describe, expect, it } from "vitest";
import { answersOf } from "../../../src/evaluation/studies/answers.ts";

describe("answers", () => {
  const plan = (name: string, multiplyAdds: number, ...distances: number[]) => ({
    name,
    multiplyAdds,
    seconds: { mean: multiplyAdds / 10, standardError: 0 },
    runs: distances.map((frechet) => ({ frechet })),
  });
  const claims = [{ plan: "new", against: "old" }];
  const answer = (fresh: number[], old: number[]) =>
    answersOf({ claims }, [plan("old", 300, ...old), plan("new", 100, ...fresh)])[0];

  it("are the ratio over the seeds, with its error, and what it comes to", () => {
    // Ratios 0.8 and 0.82: mean 0.81, deviation 0.0141, error 0.01, of which 12.7 is 0.13
    expect(answer([8, 16.4], [10, 20])).toBe(
      '"new" is 0.810 ± 0.010 times the distance of "old" at 0.33 of its multiply-adds and 0.33 of its seconds: ' +
        "significantly closer to the reference set.",
    );
    expect(answer([12, 23.6], [10, 20])).toMatch(
      /1\.190 ± 0\.010 .*: significantly further from the reference set\.$/,
    );
    // Two seeds tell little: ten times the error is not enough, though it is for three.
    expect(answer([9, 17.6], [10, 20])).toMatch(
      /0\.890 ± 0\.010 .*: no significant difference \(2 seeds\)\.$/,
    );
    expect(answer([9, 17.6, 8.9], [10, 20, 10])).toMatch(
      /0\.890 ± 0\.006 .*: significantly closer to the reference set\.$/,
    );
    expect(answer([9], [10])).toMatch(
      /is 0\.900 times .*: one seed has no error bar, so nothing is concluded\.$/,
    );
  });

  it("tell the PSNR of predictions too", () => {
    const [old, fresh] = [plan("old", 1, 2, 2), plan("new", 1, 1, 1)].map((one, i) => ({
      ...one,
      runs: one.runs.map((run) => ({ ...run, psnr: { mean: 20 + i, standardError: 1 } })),
    }));
    expect(answersOf({ claims }, [old!, fresh!])[0]).toContain(", with 21.00 dB PSNR beside 20.00 dB: ");
  });

  it("are beside the plan of the nearest compute, of several", () => {
    const rows = [plan("a", 50, 4), plan("b", 90, 2), plan("c", 130, 1), plan("new", 100, 3)];
    const [found] = answersOf({ claims: [{ plan: "new", against: ["a", "b", "c"] }] }, rows);
    expect(found).toContain('"new" is 1.500 times the distance of "b" at 1.11 of its multiply-adds');
  });

  it("are of plans that were measured", () => {
    expect(() => answersOf({ claims }, [plan("old", 1, 1)])).toThrow('no plan "new"');
  });
});
