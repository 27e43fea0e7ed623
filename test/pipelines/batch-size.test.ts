import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { fittingBatchSize, modelPlanMemory } from "../../src/pipelines/batch-size.ts";
import { toyModel } from "./toy-model.ts";

const mebibyte = 2 ** 20;
const need = { bytesFixed: 100 * mebibyte, bytesPerImage: 10 * mebibyte };

describe("fittingBatchSize", () => {
  it("takes what fits, in batches of about one size", () => {
    expect(fittingBatchSize(need, 1000, 150 * mebibyte)).toBe(5);
    expect(fittingBatchSize(need, 3, 150 * mebibyte)).toBe(3);
    expect(fittingBatchSize(need, 6, 150 * mebibyte)).toBe(3); // 3 and 3, not 5 and 1
    expect(fittingBatchSize(need, 1, 110 * mebibyte)).toBe(1);
    expect(fittingBatchSize(need, 1000, 2 ** 40)).toBe(63); // 16 batches of at most 64
  });

  it("keeps to the budget, makes no more batches than needed, and never less with more memory", () => {
    const amounts = fc.integer({ min: 110, max: 2000 });
    fc.assert(
      fc.property(amounts, amounts, fc.integer({ min: 1, max: 500 }), (a, b, count) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const size = fittingBatchSize(need, count, less * mebibyte);
        expect(size).toBeGreaterThanOrEqual(1);
        expect(size).toBeLessThanOrEqual(count);
        expect(100 + 10 * size).toBeLessThanOrEqual(less);
        const most = Math.min(64, Math.floor((less - 100) / 10));
        expect(Math.ceil(count / size)).toBe(Math.ceil(count / most));
        const batches = Math.ceil(count / fittingBatchSize(need, count, more * mebibyte));
        expect(batches).toBeLessThanOrEqual(Math.ceil(count / size));
      }),
    );
  });

  it("refuses a budget that holds no image, and says what one takes", () => {
    expect(() => fittingBatchSize(need, 4, 64 * mebibyte)).toThrow(InputError);
    expect(() => fittingBatchSize(need, 4, 64 * mebibyte)).toThrow(/at least 110 MiB, got 64 MiB/);
  });
});

describe("modelPlanMemory", () => {
  it("adds the tokenizer's decoder to the transformer's passes", () => {
    const model = toyModel();
    const { bytesPerImage } = modelPlanMemory(model, model.plan);
    const coarser = { ...model.tokenizer, config: { ...model.tokenizer.config, channels: 4 } };
    // Five maps of 8 channels and 4 x 4 pixels become maps of 4 channels, four bytes a number, and twice for the arena.
    const difference =
      bytesPerImage - modelPlanMemory({ ...model, tokenizer: coarser }, model.plan).bytesPerImage;
    expect(difference).toBe(4 * 2 * 5 * 4 * 16);
  });
});
