import { describe, expect, it } from "vitest";
import { printModelSchedule } from "../../../src/decoding/model-schedule.ts";
import { basePlan, makePlan, type PlanInput } from "../../../src/decoding/plan.ts";
import { planStudy, type StudyGround, studyNames } from "../../../src/evaluation/studies/studies.ts";
import { planCost } from "../../../src/planning/cost.ts";

const factors = [1, 2, 4, 8];
const base = makePlan(
  { guidance: { scale: 1.5, unconditionalFactor: 8 }, choiceTemperature: 7 },
  basePlan(factors),
);
const sizes = { width: 64, depth: 2, hidden: 256, codebookSize: 32, gridTokens: 64, factors, heads: 8 };
const costOf = (plan: PlanInput) => planCost(sizes, makePlan(plan, base)).multiplyAdds;
const ground: StudyGround = { base, factors, tokens: 64, costOf };
/** Each plan of a study, whole, by its name. */
const plansOf = (name: string, changes: Partial<StudyGround> = {}) =>
  new Map(
    planStudy(name, { ...ground, ...changes }).points.map((point) => [
      point.name,
      makePlan(point.plan, base),
    ]),
  );
const costs = (name: string) =>
  new Map(planStudy(name, ground).points.map((point) => [point.name, costOf(point.plan)]));

describe("studies", () => {
  it.each(studyNames)("%s: plans of different names, each whole and claimed about by name only", (name) => {
    const { points, claims } = planStudy(name, ground);
    const names = points.map((point) => point.name);
    expect(new Set(names).size).toBe(names.length);
    expect(claims.length).toBeGreaterThan(0);
    for (const { plan, against } of claims) {
      expect(names).toEqual(expect.arrayContaining([plan, ...[against].flat()]));
    }
    for (const plan of plansOf(name).values()) {
      if (name !== "guidance") {
        expect(plan.guidance).toEqual({ ...base.guidance, unconditionalFactor: expect.anything() });
      }
      expect(plan.choiceTemperature).toBe(7);
    }
    const baselines = points.filter((point) => point.base === "baseline");
    for (const { plan } of baselines) {
      const { cache, guidance } = makePlan(plan, base);
      expect([cache.enabled, guidance.unconditionalFactor]).toEqual([false, "same"]);
    }
    expect(baselines.length).toBeGreaterThan(0); // every row has one of its settings beside it
    for (const { settings } of points)
      expect(baselines.map((baseline) => baseline.settings)).toContain(settings);
  });

  it("main: the baseline decode, each sub-model, and schedule and cache one by one", () => {
    const found = [...plansOf("main")].map(([name, { modelSchedule, cache }]) => [
      name,
      printModelSchedule(modelSchedule),
      cache.enabled,
    ]);
    expect(found).toEqual([
      ["baseline", "1x12", false],
      ["baseline, 1/2", "2x12", false],
      ["baseline, 1/4", "4x12", false],
      ["baseline, 1/8", "8x12", false],
      ["scheduled without cache", "8x3,4x3,2x3,1x3", false],
      ["baseline with cache", "1x12", true],
      ["scheduled with cache", "8x3,4x3,2x3,1x3", true],
    ]);
    // About a third of the baseline decode: nearer to a quarter (1/4 baseline) than to a half.
    expect(planStudy("main", ground).claims.at(-1)).toEqual({
      plan: "scheduled with cache",
      against: "baseline, 1/4",
    });
    const own = makePlan({ modelSchedule: "8x6,1x6" }, base);
    expect(
      printModelSchedule(plansOf("main", { base: own }).get("scheduled with cache")!.modelSchedule),
    ).toBe("8x6,1x6");
    const baseline = makePlan({ modelSchedule: "1x8" }, base);
    expect(
      printModelSchedule(plansOf("main", { base: baseline }).get("scheduled with cache")!.modelSchedule),
    ).toBe("8x2,4x2,2x2,1x2");
  });

  it("direction: both ways and constant modelSchedule, at about the compute of small to large", () => {
    const plans = plansOf("direction");
    const found = costs("direction");
    const target = found.get("small to large")!;
    expect(printModelSchedule(plans.get("large to small")!.modelSchedule)).toBe("1x3,2x3,4x3,8x3");
    expect(found.get("large to small")!).toBeGreaterThan(1.2 * target);
    const equal = plans.get("large to small, equal compute")!;
    expect(equal.steps).toBe(12);
    expect(equal.modelSchedule.map(({ factor }) => factor)).toEqual([1, 2, 4, 8]);
    expect(Math.abs(found.get("large to small, equal compute")! / target - 1)).toBeLessThan(0.03);
    const constants = [...found].filter(([name]) => name.endsWith("steps"));
    expect(constants).toHaveLength(4);
    for (const [name, cost] of constants) {
      // No number of steps is nearer.
      const [{ factor, steps }] = plans.get(name)!.modelSchedule as [{ factor: number; steps: number }];
      const misses = Array.from({ length: 64 }, (_, i) =>
        Math.abs(costOf({ modelSchedule: [{ factor, steps: i + 1 }], cache: { enabled: true } }) - target),
      );
      expect(misses.indexOf(Math.min(...misses)) + 1).toBe(steps);
      expect(cost).toBe(costOf({ modelSchedule: [{ factor, steps }], cache: { enabled: true } }));
    }
  });

  it("refresh: from every step to never, cheaper the rarer", () => {
    const found = costs("refresh");
    const series = (names: string[]) => names.map((name) => found.get(name)!);
    for (const rising of [
      series([
        "baseline with cache, never",
        "baseline with cache, every 4 steps",
        "baseline with cache, every 2 steps",
        "baseline",
      ]),
      series(["scheduled, on switch", "scheduled, every 2 steps", "scheduled, every step"]),
    ]) {
      expect(rising).not.toContain(undefined);
      expect([...rising].sort((a, b) => a - b)).toEqual(rising);
      expect(rising[0]).toBeLessThan(rising.at(-1)!);
    }
    // Three steps a size: a refresh every fourth never comes.
    expect(found.has("scheduled, every 4 steps")).toBe(false);
    expect(
      [...plansOf("refresh", { base: makePlan({ modelSchedule: "8x1,1x1" }, base) }).keys()].join(),
    ).not.toContain("every 4");
  });

  it("steps: both decodes at each number of steps that the tokens allow", () => {
    expect([...plansOf("steps").values()].map(({ steps }) => steps)).toEqual([
      ...[4, 6, 8, 12, 16, 24, 32],
      ...[4, 6, 8, 12, 16, 24, 32],
    ]);
    expect([...plansOf("steps", { tokens: 8 }).keys()]).toEqual([
      ...["baseline, 4 steps", "baseline, 6 steps", "baseline, 8 steps"],
      ...["scheduled, 4 steps", "scheduled, 6 steps", "scheduled, 8 steps"],
    ]);
  });

  it("steps: those that are asked for, each beside the baseline of as many and of the default's number", () => {
    const { points, claims } = planStudy("steps", { ...ground, decodeSteps: [12, 4, 4] });
    expect(points.map(({ name }) => name)).toEqual([
      ...["baseline, 4 steps", "baseline, 12 steps"],
      ...["scheduled, 4 steps", "scheduled, 12 steps"],
    ]);
    expect(claims).toEqual([
      { plan: "scheduled, 4 steps", against: "baseline, 4 steps" },
      { plan: "scheduled, 12 steps", against: "baseline, 12 steps" },
      { plan: "scheduled, 4 steps", against: "baseline, 12 steps" },
    ]);
    const others = planStudy("steps", { ...ground, decodeSteps: [4, 8] }).claims; // without the default's 12
    expect(others.at(-1)).toEqual({ plan: "scheduled, 4 steps", against: "baseline, 8 steps" });
    for (const wrong of [[0], [65], [4.5], []]) {
      expect(() => planStudy("steps", { ...ground, decodeSteps: wrong })).toThrow(
        `study: decodeSteps: must be one or more whole numbers in 1..64, one step per token at most, got [${wrong}]`,
      );
    }
  });

  it("steps: guides all of them where the default's interval has none", () => {
    const narrow = makePlan({ guidance: { interval: [0.4, 0.45] } }, base); // step 5 of 12; none of 4 or 6
    const { points } = planStudy("steps", { ...ground, base: narrow });
    const intervals = points.map(({ plan }) => makePlan(plan, narrow).guidance.interval); // throws for none
    expect(intervals.slice(0, 4)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [0.4, 0.45],
    ]);
  });

  it("few-steps: the default plan as it is, and baseline decodes of fewer steps in its own order", () => {
    const own = makePlan(
      { modelSchedule: "8x4,1x12", maskSchedule: { kind: "halton" }, cache: { runs: "needed" } },
      base,
    );
    const { points, claims } = planStudy("few-steps", { ...ground, base: own });
    expect(makePlan(points[0]!.plan, own)).toEqual(own);
    expect(points[1]!.name).toBe("default plan, at most 1/2");
    expect(printModelSchedule(makePlan(points[1]!.plan, own).modelSchedule)).toBe("8x4,2x12");
    const baselines = points.slice(2).map(({ plan }) => makePlan(plan, own));
    expect(baselines.map(({ modelSchedule }) => printModelSchedule(modelSchedule))).toEqual([
      "1x6",
      "1x8",
      "1x12",
    ]);
    for (const { maskSchedule, cache, guidance } of baselines) {
      expect(maskSchedule.kind).toBe("halton");
      expect(cache).toMatchObject({ enabled: false });
      expect(guidance.unconditionalFactor).toBe("same");
    }
    expect(claims).toEqual(
      ["default plan", "default plan, at most 1/2"].flatMap((plan) =>
        [6, 8, 12].map((count) => ({ plan, against: `baseline, ${count} steps` })),
      ),
    );
    const some = planStudy("few-steps", { ...ground, decodeSteps: [4] });
    expect(some.points.map(({ name }) => name)).toEqual([
      "default plan",
      "default plan, at most 1/2",
      "baseline, 4 steps",
    ]);
    // Of a plan that never runs the full model there is nothing to replace.
    const small = planStudy("few-steps", { ...ground, base: makePlan({ modelSchedule: "2x16" }) });
    expect(small.points.map(({ name }) => name)).not.toContain("default plan, at most 1/2");
  });

  it("guidance: in no step, in all, and in parts, with a branch as large and the smallest", () => {
    const plans = plansOf("guidance");
    expect(plans.size).toBe(5 + 4 + 5 + 4);
    const { guidance } = plans.get("scheduled, unguided branch 1/8, guided from 1/4 on")!;
    expect(guidance).toEqual({ ...base.guidance, interval: [0.25, 1], unconditionalFactor: 8 });
    const found = costs("guidance");
    const cost = (way: string) => found.get(`scheduled, ${way}`)!;
    // Half of the steps as guided ones: between none and all; a smaller branch less than as large a one.
    expect(cost("unguided")).toBeLessThan(cost("guided from 1/4 to 3/4"));
    expect(cost("guided from 1/4 to 3/4")).toBeLessThan(cost("guided until 3/4"));
    expect(cost("guided until 3/4")).toBeLessThan(cost("guided throughout"));
    expect(cost("unguided branch 1/8, guided throughout")).toBeLessThan(cost("guided throughout"));
    expect(() => planStudy("guidance", { ...ground, base: basePlan(factors) })).toThrow(
      "study: model.plan.guidance.scale: must be above 0, got 0",
    );
  });

  it("unmask: the schedule's steps beside bounds on entropies, of few steps and of one a token at most", () => {
    const plans = [...plansOf("unmask").values()];
    const bounded = plans.filter((plan) => plan.unmask);
    expect(bounded.map(({ steps }) => steps)).toEqual([...Array(6).fill(24), ...Array(6).fill(64)]);
    expect(bounded.slice(0, 6).map((plan) => plan.unmask!.bound)).toEqual([32, 24, 16, 12, 8, 4]);
    // The same plans as in the study of steps, so that what is cached serves both.
    const steps = plansOf("steps");
    const scheduled = [...plansOf("unmask")].filter(([name]) => name.startsWith("scheduled"));
    expect(scheduled.map(([, plan]) => plan.steps)).toEqual([4, 6, 8, 12, 16, 24, 32]);
    for (const [name, plan] of scheduled) expect(plan).toEqual(steps.get(name));
    expect(plansOf("unmask", { tokens: 16 }).size).toBe(1 + 5 + 6);
    const own = makePlan({ maskSchedule: { kind: "halton" }, cache: { runs: "needed" } }, base);
    for (const { plan } of planStudy("unmask", { ...ground, base: own }).points) {
      expect(makePlan(plan, own)).toMatchObject({ maskSchedule: { kind: "cosine" } });
    }
    expect(makePlan(planStudy("unmask", { ...ground, tokens: 512 }).points.at(-1)!.plan, base).steps).toBe(
      64,
    );
  });

  it("order: baselines and schedules of three numbers of steps, by confidence and in the Halton order", () => {
    const plans = plansOf("order");
    const found = [...plans].map(([name, { modelSchedule, maskSchedule, cache }]) => [
      name.replace(/every \d+/, "every n"),
      printModelSchedule(modelSchedule),
      maskSchedule.kind,
      cache.enabled && (cache.runs ?? "all-masked"),
    ]);
    const neededOnly = "scheduled, Halton order, needed only";
    const ofEach = (name: string, schedules: readonly string[], ...rest: (string | boolean)[]) =>
      [6, 12, 24].map((count, i) => [`${name}, ${count} steps`, schedules[i], ...rest]);
    const full = ["1x6", "1x12", "1x24"];
    const growing = ["8x2,4x2,2x1,1x1", "8x3,4x3,2x3,1x3", "8x6,4x6,2x6,1x6"];
    expect(found).toEqual([
      ...ofEach("baseline", full, "cosine", false),
      ...ofEach("baseline, Halton order", full, "halton", false),
      ...ofEach("scheduled, by confidence", growing, "cosine", "all-masked"),
      ...ofEach(neededOnly, growing, "halton", "needed"),
      ...ofEach("full size, Halton order, needed only", full, "halton", "needed"),
      ["scheduled, Halton order, 12 steps", "8x3,4x3,2x3,1x3", "halton", "all-masked"],
      [`${neededOnly}, 24 steps, refreshed every n`, "8x6,4x6,2x6,1x6", "halton", "needed"],
    ]);
    const cost = costs("order");
    const target = cost.get("scheduled, by confidence, 12 steps")!;
    expect(target).toBe(costOf({}));
    const [name, refreshed] = [...plans].find(([name]) => name.includes("refreshed"))!;
    // No other interval is nearer.
    const misses = Array.from({ length: 24 }, (_, i) => {
      const { modelSchedule, maskSchedule, cache } = refreshed;
      const plan = { modelSchedule, maskSchedule, cache: { ...cache, refresh: { every: i + 1 } } };
      return Math.abs(costOf(plan) - target);
    });
    expect(Math.abs(cost.get(name)! - target)).toBe(Math.min(...misses));
    expect(Math.abs(cost.get(name)! / target - 1)).toBeLessThan(0.15);
    expect(cost.get(`${neededOnly}, 12 steps`)!).toBeLessThan(0.75 * target);
  });

  it("order: most needed-only steps beside every baseline, and the schedule beside full size and confidence", () => {
    const claims = (ground: StudyGround) =>
      planStudy("order", ground).claims.map(({ plan, against }) => [
        plan.replace(/every \d+/, "every n"),
        against,
      ]);
    const scheduled = "scheduled, Halton order, needed only";
    const full = "full size, Halton order, needed only";
    const most = `${full}, 24 steps`;
    const counts = [6, 12, 24];
    expect(claims(ground)).toEqual([
      [most, "baseline, 12 steps"],
      [most, "baseline, 6 steps"],
      [most, "baseline, 24 steps"],
      ...counts.map((count) => [most, `baseline, Halton order, ${count} steps`]),
      [`${scheduled}, 24 steps`, "baseline, 12 steps"],
      [`${scheduled}, 24 steps`, "baseline, Halton order, 12 steps"],
      ...counts.map((count) => [`${scheduled}, ${count} steps`, `${full}, ${count} steps`]),
      ...counts.map((count) => [`${scheduled}, ${count} steps`, `scheduled, by confidence, ${count} steps`]),
      [most, "scheduled, by confidence, 12 steps"],
      [`${scheduled}, 24 steps`, "scheduled, by confidence, 12 steps"],
      [`${scheduled}, 24 steps, refreshed every n`, "scheduled, by confidence, 12 steps"],
      ["scheduled, Halton order, 12 steps", "scheduled, by confidence, 12 steps"],
    ]);
    const one = claims({ ...ground, decodeSteps: [12] }).map((claim) => claim.join());
    expect(new Set(one).size).toBe(one.length); // none twice
    expect(() => planStudy("order", { ...ground, decodeSteps: [65] })).toThrow(
      "study: decodeSteps: must be one or more whole numbers in 1..64",
    );
  });

  it("order: the same ways for a model whose own plan has the Halton order", () => {
    const own = makePlan({ maskSchedule: { kind: "halton" }, cache: { runs: "needed" } }, base);
    const ofOwn = planStudy("order", { ...ground, base: own }).points.map(({ plan }) => makePlan(plan, own));
    const usual = [...plansOf("order").values()];
    expect(ofOwn.map(({ maskSchedule }) => maskSchedule)).toEqual(
      usual.map(({ maskSchedule }) => maskSchedule),
    );
    expect(ofOwn.map(({ cache }) => cache.runs)).toEqual(usual.map(({ cache }) => cache.runs));
  });

  it("refuses an unknown name and a model without sub-models", () => {
    expect(() => planStudy("mian", ground)).toThrow('got "mian"; did you mean "main"?');
    expect(() => planStudy("main", { ...ground, factors: [1] })).toThrow("must have sub-models, got [1]");
  });
});
