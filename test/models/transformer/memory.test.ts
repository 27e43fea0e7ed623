/**
 * The estimate of a decode's memory against what is alive in the graphs that it runs, node by node: whatever the plan
 * asks for (sub-model, branches, filters, entropies), the walk of its passes never comes out above the estimate.
 */
import { describe, expect, it } from "vitest";
import { makePlan, type PlanInput } from "../../../src/decoding/plan.ts";
import { type ResolvedStep, resolvePlan } from "../../../src/decoding/resolve-plan.ts";
import { elementsOf, evaluateDim } from "../../../src/graph/dim.ts";
import type { Graph } from "../../../src/graph/index.ts";
import { type TransformerConfig, transformerConfig } from "../../../src/models/transformer/config.ts";
import { transformerFacts } from "../../../src/models/transformer/facts.ts";
import { fullPass, partialPass } from "../../../src/models/transformer/passes.ts";
import type { Sampling } from "../../../src/models/transformer/sampler.ts";
import { type StretchForm, stretchGraph } from "../../../src/models/transformer/stretch.ts";
import { arenaSlack, decodeMemory } from "../../../src/planning/memory.ts";
import { liveNumbers } from "../live-numbers.ts";

const shapes = {
  "of many codes": { codebookSize: 1024 },
  wide: { codebookSize: 64, width: 256 },
  "with a long grid": { codebookSize: 64, grid: [16, 16] },
  "of the published kind": { codebookSize: 128, norm: "post", headHidden: true },
} satisfies Record<string, Partial<Parameters<typeof transformerConfig>[0]>>;

const branches: Record<string, PlanInput> = {
  "without guidance": { guidance: { scale: 0 } },
  joined: { guidance: { scale: 1, unconditionalFactor: "same" } },
  apart: { guidance: { scale: 1, unconditionalFactor: 8 } },
};
const samplings: Record<string, PlanInput> = {
  plain: {},
  "top-k": { topK: 5 },
  "min-p": { minP: 0.1 },
  "only what is needed": { maskSchedule: { kind: "halton" }, cache: { runs: "needed" } },
  entropies: { unmask: { kind: "entropy", bound: 1 } },
  "all of them": { topP: 0.9, minP: 0.1, unmask: { kind: "entropy", bound: 1 } },
};

describe.each(Object.entries(shapes))("the memory of a model %s", (_name, shape) => {
  const config = transformerConfig({ classes: 3, grid: [6, 6], width: 64, depth: 3, heads: 8, ...shape });
  const facts = transformerFacts(config);

  it.each(Object.keys(branches).flatMap((branch) => Object.keys(samplings).map((kind) => [branch, kind])))(
    "bounds a decode %s, %s",
    (branch, kind) => {
      for (const modelSchedule of ["1x1", "4x1", "1x2", "4x2", "8x1,1x3"]) {
        const plan = makePlan({ ...branches[branch!], ...samplings[kind!], modelSchedule });
        const graphs = new Map<string, number>();
        const stored = new Map<string, number>();
        const raise = (largest: Map<string, number>, name: string, numbers: number) =>
          largest.set(name, Math.max(largest.get(name) ?? 0, numbers));
        const { steps } = resolvePlan(plan, facts);
        const filters = { isFiltered: plan.topK !== null || plan.topP !== null, hasMinP: plan.minP !== null };
        if (!plan.unmask)
          raise(
            graphs,
            "stretch",
            walkStretch(config, { steps, ...filters, isOrderFixed: plan.maskSchedule.kind === "halton" }),
          );
        for (const step of steps) {
          for (const pass of passesOf(step, { ...filters, hasEntropies: plan.unmask !== undefined })) {
            const made = walk(config, step, pass);
            raise(graphs, `${pass.branch} ${step.isFull}`, made.alive);
            raise(stored, pass.branch, made.stored);
          }
        }
        const sum = (numbers: Map<string, number>) => [...numbers.values()].reduce((a, b) => a + b, 0);
        const walked = 4 * (arenaSlack * sum(graphs) + sum(stored));
        const { bytesPerImage } = decodeMemory(facts, plan);
        expect(bytesPerImage, modelSchedule).toBeGreaterThanOrEqual(walked);
        // With an entropy rule the estimate is for the most that may be masked in any step, and both graphs.
        expect(bytesPerImage / walked, modelSchedule).toBeLessThan(plan.unmask ? 4.5 : 2);
      }
    },
  );
});

interface Pass {
  readonly branch: "conditional" | "unconditional";
  readonly factor: number;
  readonly copies: number;
  /** Undefined: the pass keeps its logits for the other one. */
  readonly sampling?: Sampling;
}

/** What the predictor runs in a step. */
function passesOf(step: ResolvedStep, filters: Omit<Sampling, "guidance">): Pass[] {
  const { factor, unconditionalFactor } = step;
  const isApart = unconditionalFactor !== null && unconditionalFactor !== factor;
  const isJoined = unconditionalFactor === factor;
  const sampling: Sampling = { ...filters, guidance: isApart ? "apart" : isJoined ? "joined" : "none" };
  const conditional: Pass = { branch: "conditional", factor, copies: isJoined ? 2 : 1, sampling };
  return isApart
    ? [{ branch: "unconditional", factor: unconditionalFactor, copies: 1 }, conditional]
    : [conditional];
}

/** What is alive in all steps of one image as one graph, at its peak. */
function walkStretch(config: TransformerConfig, form: StretchForm): number {
  const plain = { quantised: () => [], levels: {}, isFused: false };
  return liveNumbers(stretchGraph(config, form, plain), { B: 1 });
}

/** What is alive in a pass of one image at its peak, and what it leaves in the runner's store. */
function walk(config: TransformerConfig, step: ResolvedStep, pass: Pass): { alive: number; stored: number } {
  const graph: Graph = (step.isFull ? fullPass : partialPass)(config, pass.sampling);
  const outputs = graph.outputs as Map<string, unknown>;
  if (!step.isCacheRead) {
    for (const name of [...outputs.keys()]) if (name.startsWith("new.")) outputs.delete(name); // not fetched
  }
  const inner = Array.from({ length: config.depth }, (_, layer) => ({
    [`h${layer}`]: config.heads / pass.factor,
    [`f${layer}`]: config.hidden / pass.factor,
  }));
  const extents = Object.assign({ B: pass.copies, A: step.active, R: step.predicted }, ...inner);
  const kept = [...graph.outputs].filter(
    ([name]) => name === "logits" || (step.isFull && name.startsWith("new.")),
  );
  return {
    alive: liveNumbers(graph, extents),
    stored: kept.reduce((total, [, value]) => total + evaluateDim(elementsOf(value.shape), extents), 0),
  };
}
