import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { keyFromSeed } from "../../../src/core/random.ts";
import { countParameters, initialise } from "../../../src/models/parameters.ts";
import { type TransformerConfigInput, transformerConfig } from "../../../src/models/transformer/config.ts";
import { transformerParameters } from "../../../src/models/transformer/parameters.ts";

const sizes = { codebookSize: 16, width: 32, depth: 2, heads: 8 };

describe("transformerConfig", () => {
  it("fills in the defaults and reads its own output back", () => {
    const config = transformerConfig(sizes);
    expect(config).toMatchObject({
      grid: [8, 8],
      classes: 0,
      hidden: 128,
      factors: [1, 2, 4, 8],
      norm: "pre",
    });
    expect(transformerConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it.each<[object, string | RegExp]>([
    [
      { ...sizes, heads: 4 },
      "model: factors: must all divide heads = 4, got 8; leave it out or choose heads divisible by it",
    ],
    [
      { ...sizes, hidden: 12 },
      "model: factors: must all divide hidden = 12, got 8; leave it out or choose hidden divisible by it",
    ],
    [{ ...sizes, heads: 5, factors: [1] }, "model: heads: must divide the width 32, got 5"],
    [
      { ...sizes, factors: [1, 4, 2] },
      "model: factors: must ascend, the largest model (1 is the full one) first, got [1,4,2]",
    ],
    [{ ...sizes, factors: [2, 2] }, /^model: factors: must ascend.*got \[2,2\]/],
    [{ ...sizes, depth: 0 }, "model: depth: must be a whole number of at least 1, got 0"],
    [{ ...sizes, dept: 3 }, /must have no other keys than .* got "dept"; did you mean "depth"\?$/],
    [{ ...sizes, norm: "none" }, 'model: norm: must be "pre" or "post", got "none"'],
  ])("refuses %j", (input, message) => {
    const read = () => transformerConfig(input as unknown as TransformerConfigInput, "model");
    expect(read).toThrow(InputError);
    expect(read).toThrow(typeof message === "string" ? new InputError(message) : message);
  });
});

describe("transformerParameters", () => {
  it("adds up to the count of the equations", () => {
    const config = transformerConfig({ ...sizes, classes: 3 });
    // Tables (17 + 4 + 65) x 32; per layer four 32 x 32, two 128 x 32, biases 128 + 32, two norms 64; norm 64; bias 16.
    const expected = (17 + 4 + 65) * 32 + 2 * (4 * 1024 + 2 * 4096 + 160 + 128) + 64 + 16;
    expect(countParameters(transformerParameters(config))).toBe(expected);
  });

  it("decays matrices only, and starts what adds to the residual stream smaller", () => {
    const specs = transformerParameters(
      transformerConfig({ ...sizes, headHidden: true, tieEmbeddings: false }),
    );
    for (const { name, hasWeightDecay, shape } of specs) {
      const isMatrix = shape.length === 2 && !/^(tokens|classes|positions)\./.test(name);
      expect(hasWeightDecay, name).toBe(isMatrix);
    }
    const started = initialise(specs, keyFromSeed(1));
    const spread = (name: string): number => {
      const { data } = started[name]!;
      return Math.sqrt(data.reduce((total, value) => total + value * value, 0) / data.length);
    };
    // A normal cut at two deviations has 0.880 of its spread (clamped: 0.959); 4 additions: half of it.
    const ratio = spread("blocks.1.mlp.out.weight") / spread("blocks.1.mlp.in.weight");
    expect(ratio).toBeGreaterThan(0.45);
    expect(ratio).toBeLessThan(0.55);
  });
});
