/** The closed form of a pass's memory against what is alive in its graph, node by node. */
import { describe, expect, it } from "vitest";
import { transformerConfig } from "../../../src/models/transformer/config.ts";
import { transformerFacts } from "../../../src/models/transformer/facts.ts";
import { fullPass, partialPass } from "../../../src/models/transformer/passes.ts";
import { passNumbers } from "../../../src/planning/memory.ts";
import { liveNumbers } from "../live-numbers.ts";

const shapes = {
  "of many codes": { codebookSize: 1024 },
  wide: { codebookSize: 64, width: 256 },
  "with a long grid": { codebookSize: 64, grid: [16, 16] },
  "of the published kind": { codebookSize: 128, norm: "post", headHidden: true },
} satisfies Record<string, Partial<Parameters<typeof transformerConfig>[0]>>;

describe.each(Object.entries(shapes))("the memory of a model %s", (_name, shape) => {
  const config = transformerConfig({
    classes: 3,
    grid: [6, 6],
    width: 64,
    depth: 3,
    heads: 8,
    ...shape,
  });
  const tokens = transformerFacts(config).gridTokens;

  it("is bounded for every pass, by less than twice", () => {
    for (const factor of config.factors) {
      for (const isFull of [true, false]) {
        for (const isCacheRead of [true, false]) {
          for (const isFiltered of [true, false]) {
            for (const guidance of ["none", "joined", "apart"] as const) {
              for (const maskedBefore of [tokens, tokens / 4]) {
                const copies = guidance === "joined" ? 2 : 1;
                const active = isFull ? tokens : (maskedBefore + tokens) / 2;
                const graph = (isFull ? fullPass : partialPass)(config, { guidance, isFiltered });
                if (!isCacheRead) {
                  const outputs = graph.outputs as Map<string, unknown>; // not fetched, so not kept
                  for (const name of [...outputs.keys()]) if (name.startsWith("new.")) outputs.delete(name);
                }
                const inner = Array.from({ length: config.depth }, (_, layer) => ({
                  [`h${layer}`]: config.heads / factor,
                  [`f${layer}`]: config.hidden / factor,
                }));
                const extents = { B: copies, A: active, R: maskedBefore };
                const alive = liveNumbers(graph, Object.assign({}, extents, ...inner));
                const step = { isFull, isCacheRead, active, maskedBefore } as never;
                const logitRows = isFiltered ? 8 : guidance === "none" ? 3 : 4;
                const bound = passNumbers(transformerFacts(config), step, { factor, copies, logitRows });
                const ratio = bound / alive;
                expect(
                  ratio,
                  `p ${factor} ${guidance} full ${isFull} kept ${isCacheRead} masked ${maskedBefore}`,
                ).toBeGreaterThanOrEqual(1);
                expect(ratio).toBeLessThan(2);
              }
            }
          }
        }
      }
    }
  });
});
