import { describe, expect, it } from "vitest";
import { guidanceText, settingsText } from "../../../src/evaluation/studies/settings-text.ts";
import {
  requireOtherSeeds,
  tunedName,
  tunedStudy,
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
