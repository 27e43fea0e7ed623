/** The discriminator: what its scores see, and its losses against plain loops. */
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/tensor.ts";
import { Graph } from "../../src/graph/index.ts";
import { initialise, parameterInputs } from "../../src/models/parameters.ts";
import { parseTokenizerConfig, tokenGrid } from "../../src/models/tokenizer/config.ts";
import {
  discriminate,
  discriminatorLoss,
  discriminatorParameters,
} from "../../src/training/discriminator.ts";
import { evaluate, float32, noise, numbers } from "../graph/harness.ts";

const fsq = { latentWidth: 2, quantizer: { kind: "fsq", levels: [4, 4] } };
const images = { network: "plain", resolution: 32, patchSize: 2, channels: 4, multipliers: [1, 1], ...fsq };

describe.each([
  ["images", images, [8, 8]],
  ["images of odd token sides", { ...images, resolution: 36, patchSize: 6 }, [3, 3]],
  ["images of a pixel a token", { ...images, resolution: 4, patchSize: 1, multipliers: [1] }, [4, 4]],
  ["videos", { ...images, frames: 4, framePatch: 1, temporalDownsampling: [true] }, [2, 8, 8]],
])("of %s", (_name, settings, grid) => {
  const config = parseTokenizerConfig(settings, "test");
  const space = config.frames === undefined ? [] : [config.frames];
  const dims = [1, 3, ...space, config.resolution, config.resolution];

  /** Scores of images of one colour but for one pixel, where one is named. */
  async function scores(pixel?: number): Promise<number[]> {
    const graph = new Graph("scores");
    const specs = discriminatorParameters(config);
    const weights = parameterInputs(graph, specs);
    graph.output("scores", discriminate(graph.input("x", "float32", dims), config, weights));
    expect(graph.outputs.get("scores")!.shape).toEqual([1, 1, ...grid]);
    const values = new Array<number>(sizeOf(dims)).fill(0.5);
    if (pixel !== undefined) values[pixel] = 1;
    const found = await evaluate(graph, { ...initialise(specs, [1, 2]), x: float32(dims, values) });
    return numbers(found.scores);
  }

  it("gives every token a score, which sees its neighbours across its borders and not the far end", async () => {
    expect(tokenGrid(config)).toEqual(grid);
    const plain = await scores();
    // The last pixel of the last token.
    const changed = await scores(sizeOf(dims) / 3 - 1);
    const seen = plain.map((score, i) => score !== changed[i]);
    expect(seen.at(-1)).toBe(true);
    expect(seen.at(-2)).toBe(true);
    if (sizeOf(grid) > 16) expect(seen[0]).toBe(false);
  });
});

it("has the hinge losses, and 1 where it tells nothing", async () => {
  const [real, decoded] = [noise(12, 1).map((x) => 3 * x), noise(24, 2).map((x) => 3 * x)];
  const graph = new Graph("loss");
  const loss = discriminatorLoss(
    graph.input("real", "float32", [12]),
    graph.input("decoded", "float32", [24]),
  );
  graph.output("loss", loss);
  const lossOf = async (a: readonly number[], b: readonly number[]) =>
    numbers((await evaluate(graph, { real: float32([12], a), decoded: float32([24], b) })).loss)[0]!;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const expected =
    (mean(real.map((x) => Math.max(0, 1 - x))) + mean(decoded.map((x) => Math.max(0, 1 + x)))) / 2;
  expect(await lossOf(real, decoded)).toBeCloseTo(expected, 5);
  expect(await lossOf(new Array(12).fill(0), new Array(24).fill(0))).toBe(1);
  expect(await lossOf(new Array(12).fill(1.5), new Array(24).fill(-1))).toBe(0);
});
