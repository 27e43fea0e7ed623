/** The studio's latency model: what it learns from steps of a made-up device, it predicts for others. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type GenerativeModel, modelPlanCost, readModel, type StepCost } from "../../../src/index.ts";
import { createLatencyModel } from "../../../studio/state/latency.ts";
import { planStops } from "../../../studio/state/plans.ts";

const root = new URL("../../..", import.meta.url).pathname;
let model: GenerativeModel;
beforeAll(async () => {
  model = await readModel(join(root, "models/sprites"));
});

/** 4 ms a run of the network, and 20 G multiply-adds a second. */
function seconds(step: StepCost, batch: number): number {
  const runs = step.unconditionalFactor === null || step.unconditionalFactor === step.factor ? 1 : 2;
  return 0.004 * runs + (batch * (step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds)) / 20e9;
}

describe("the latency model", () => {
  it("knows nothing before anything ran", () => {
    const cost = modelPlanCost(model.transformer.config, model.plan);
    expect(createLatencyModel().seconds(cost, 1)).toBeNull();
  });

  it("learns a device from one plan, the first runs left out, and predicts every other one", () => {
    const latency = createLatencyModel();
    const { steps } = modelPlanCost(model.transformer.config, model.plan);
    const compiled = new Set<string>();
    for (let round = 0; round < 3; round++) {
      for (const step of steps) {
        const graphs = [step.factor, step.unconditionalFactor, step.isFull, step.isCacheRead].join();
        const compiling = compiled.has(graphs) ? 0 : 1; // a second, once
        compiled.add(graphs);
        latency.note(step, 4, seconds(step, 4) + compiling);
      }
    }
    latency.noteDecoder(4, 0.02);
    for (const { plan } of planStops(model)) {
      const cost = modelPlanCost(model.transformer.config, plan);
      for (const batch of [1, 4, 16]) {
        const expected = cost.steps.reduce((sum, step) => sum + seconds(step, batch), 0) + batch * 0.005;
        expect(latency.seconds(cost, batch)! / expected).toBeCloseTo(1, 6);
      }
    }
  });

  it("never predicts less than nothing, from whatever it saw", () => {
    const latency = createLatencyModel();
    const { steps } = modelPlanCost(model.transformer.config, model.plan);
    for (let round = 0; round < 2; round++) {
      for (const [i, step] of steps.entries()) latency.note(step, 1, 1 / (i + 1)); // the larger, the faster
    }
    for (const { plan } of planStops(model)) {
      expect(latency.seconds(modelPlanCost(model.transformer.config, plan), 1)).toBeGreaterThan(0);
    }
  });
});
