import { describe, expect, it } from "vitest";
import { defaultPlan, makePlan } from "../../../src/decoding/plan.ts";
import { guidanceText, settingsText } from "../../../src/evaluation/studies/settings-text.ts";
import { planStudy, studyNames } from "../../../src/evaluation/studies/studies.ts";
import {
  requireOtherSeeds,
  requireTunable,
  tunedName,
  tunedStudy,
  tunedWaysOf,
  tuningSchema,
} from "../../../src/evaluation/studies/tuned-study.ts";

const point = (name: string, plan = {}) => ({ name, base: name, settings: "", plan });
const study = {
  title: "What it brings",
  question: "?",
  points: [
    point("baseline", { guidance: { unconditionalFactor: "same" as const } }),
    point("small"),
    point("whole"),
  ],
  claims: [
    { plan: "whole", against: "baseline" },
    { plan: "whole", against: "small" },
  ],
  isJoined: false,
};
const way = (name: string, branch: "any" | "same", minP: number) => ({
  name,
  branch,
  settings: { minP, guidance: { scale: 3 } },
  distance: 1,
});

describe("a tuned study", () => {
  it("compares best with best, equal branches with equal branches, and shows the pair as it was", () => {
    const ways = [
      way("baseline", "any", 0.1),
      way("small", "any", 0.2),
      way("whole", "any", 0.3),
      way("baseline", "same", 0.4),
      way("whole", "same", 0.5),
    ];
    const { points, claims } = tunedStudy(study, ways);
    expect(points.map(({ name }) => name)).toEqual([...ways.map(tunedName), "baseline", "whole"]);
    expect(points[0]!.plan).toEqual({ minP: 0.1, guidance: { scale: 3, unconditionalFactor: "same" } });
    expect(claims).toEqual([
      { plan: "whole, tuned", against: ["baseline, tuned"] },
      { plan: "whole, tuned", against: ["small, tuned"] },
      { plan: "whole, tuned with equal branches", against: ["baseline, tuned with equal branches"] },
      { plan: "whole", against: "baseline" },
    ]);
  });

  it("tunes every way, and those of the first claim with equal branches too where there is guidance", () => {
    const names = ["baseline", "small", "whole"];
    const any = names.map((name) => ({ name, branch: "any" }));
    expect(tunedWaysOf(study, { guidance: { ...defaultPlan.guidance, scale: 0 } })).toEqual(any);
    const guided = { guidance: { ...defaultPlan.guidance, scale: 2 } };
    const same = (names: string[]) => names.map((name) => ({ name, branch: "same" }));
    expect(tunedWaysOf(study, guided)).toEqual([...any, ...same(["whole", "baseline"])]);
    // The claim may be against the nearest of several.
    const nearest = { ...study, claims: [{ plan: "small", against: ["baseline", "whole"] }] };
    expect(tunedWaysOf(nearest, guided)).toEqual([...any, ...same(["small", "baseline", "whole"])]);
    const { points, claims } = tunedStudy(nearest, [way("small", "any", 0.1)]);
    expect(points.map(({ name }) => name)).toEqual(["small, tuned", ...names]);
    expect(claims).toEqual(nearest.claims);
  });

  it.each(studyNames)("%s: the pair that is shown untuned are plans of the study", (name) => {
    if (name === "guidance") {
      expect(() => requireTunable(name)).toThrow(
        "study: tuning: must be left out of the study of guidance, whose plans differ by the settings that tuning changes, " +
          'got "guidance"; tune another study',
      );
      return;
    }
    requireTunable(name);
    const costOf = () => 1;
    const made = planStudy(name, { base: defaultPlan, factors: [1, 2, 4, 8], tokens: 64, costOf });
    const ways = tunedWaysOf(made, defaultPlan).map(({ name, branch }) => way(name, branch, 0.1));
    const tuned = tunedStudy(made, ways);
    const names = tuned.points.map((one) => one.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { plan, against } of tuned.claims) {
      expect(names).toEqual(expect.arrayContaining([plan, ...[against].flat()]));
    }
    expect(tuned.claims).toHaveLength(made.claims.length + 1);
    for (const { plan } of tuned.points) expect(() => makePlan(plan)).not.toThrow();
  });

  it("refuses the report's seeds, and no search", () => {
    const tuning = tuningSchema.parse({ seed: 7 });
    expect(() => requireOtherSeeds(tuning, { seed: 5, seeds: 3 })).toThrow(
      "study: tuning.seed: must not be one of the report's seeds, 5..7, got 7",
    );
    requireOtherSeeds(tuning, { seed: 5, seeds: 2 });
    requireOtherSeeds(tuning, { seed: 8, seeds: 100 });
    expect(tuningSchema.safeParse({ tries: 0 }).success).toBe(false);
  });
});

it("settings are told in words", () => {
  expect(settingsText({})).toBe("the default plan's");
  expect(
    settingsText({
      guidance: { scale: 3, interval: [0.5, 1], unconditionalFactor: 2 },
      choiceTemperature: 2.5,
      tokenTemperature: { kind: "constant", value: 0.9 },
      minP: null,
    }),
  ).toBe("guidance 3 from 0.5 to 1, branch 1/2, choice 2.5, token 0.9, min-p off");
  expect(guidanceText({ scale: 0 })).toBe("no guidance");
  expect(
    guidanceText({ scale: 2, schedule: "linear", interval: [0, 1], unconditionalFactor: "smaller" }),
  ).toBe("guidance 2, linear, branch smaller");
});
