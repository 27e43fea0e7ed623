import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyLedger, positionsToRun, recordEncoding, undecided } from "../../src/decoding/cache-ledger.ts";
import { decode } from "../../src/decoding/decode.ts";
import { makePlan } from "../../src/decoding/plan.ts";
import type { PredictRequest } from "../../src/decoding/predict.ts";
import { plantedPredict } from "./planted-model.ts";

const gridTokens = 16;
const codes = 7;
const maskId = codes;
const batch = 2;

describe("the cache ledger", () => {
  it("says of each position with which id it was last encoded", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("8x3,4x3,2x3,1x3", "1x12", "1x6,2x6", "4x2,1x3"),
        fc.constantFrom<"on-switch" | { every: number }>("on-switch", { every: 3 }),
        fc.integer({ min: 1, max: gridTokens }),
        fc.nat(),
        fc.boolean(),
        async (modelSchedule, refresh, masked, seed, isNeededOnly) => {
          const start = Int32Array.from({ length: batch * gridTokens }, (_, i) =>
            ((i % gridTokens) * 5) % gridTokens < masked ? maskId : i % codes,
          );
          // Where a token is wanted, one in three positions shows a token instead of the mask.
          const condition = start.map((_, i) => (i % 3 === 0 ? i % codes : maskId));
          const requests: PredictRequest[] = [];
          const plan = makePlan({
            modelSchedule,
            cache: { refresh, ...(isNeededOnly && { runs: "needed" }) },
            ...(isNeededOnly && { maskSchedule: { kind: "halton" } }),
            guidance: { scale: 1, interval: [0.4, 1] },
          });
          const { tokens, decodedAtStep } = await decode({
            plan,
            model: { gridTokens, factors: [1, 2, 4, 8] },
            maskId,
            seed,
            sampleIndexes: [0, 1],
            start,
            condition,
            predict: plantedPredict(gridTokens, codes, requests),
          });

          // By hand, from nothing but the outcome: step s ran a position if it was full, or if the position was
          // masked when step s - 1 began; if only what is needed runs, if it was decoded in step s or s - 1. It then saw
          // the final id if that had been decoded before step s.
          const ledger = emptyLedger(batch, gridTokens);
          for (const [r, request] of requests.entries()) {
            const seen = tokens.map((token, at) => (decodedAtStep[at]! < request.step ? token : maskId));
            recordEncoding(ledger, request, seen, maskId);
            for (let at = 0; at < batch * gridTokens; at++) {
              const decoded = decodedAtStep[at]; // -1 for known tokens
              const ran = requests.slice(0, r + 1).filter(({ isFull, step: s }) => {
                return isFull || (decoded >= s - 1 && (!isNeededOnly || decoded <= s));
              });
              const last = ran.at(-1)!.step;
              expect(ledger.tokens[at]).toBe(decoded < last ? tokens[at] : undecided);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("asks for what is to be predicted, missing entries and entries of another id", () => {
    const ledger = emptyLedger(1, 4);
    expect([...ledger.tokens]).toEqual(Array(4).fill(undecided));
    const tokens = Int32Array.of(1, 2, 3, maskId);
    expect(positionsToRun(ledger, tokens, maskId, 0, 4, [3])).toEqual([0, 1, 2, 3]);
    const pass = { batch: 1, positions: Int32Array.of(0, 1, 3) };
    recordEncoding(ledger, pass, Int32Array.of(1, maskId, 3, maskId), maskId);
    expect([...ledger.tokens]).toEqual([1, undecided, undecided, undecided]);
    expect(positionsToRun(ledger, tokens, maskId, 0, 4, [3])).toEqual([1, 2, 3]);
    expect(positionsToRun(ledger, tokens, maskId, 0, 4, [])).toEqual([1, 2]);
  });
});
