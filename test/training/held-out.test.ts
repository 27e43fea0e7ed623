/** Which images are held out, and what a transformer's loss on them is. */
import { describe, expect, it } from "vitest";
import { type Key, uniformAt } from "../../src/core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { type TokenDataset, tokensOf } from "../../src/data/tokens.ts";
import { encode } from "../../src/graph/index.ts";
import { transformerConfig } from "../../src/models/transformer/config.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import { heldOutImages, heldOutOf, splitTokens } from "../../src/training/held-out.ts";
import { averageFeeds, initialState } from "../../src/training/optimiser-state.ts";
import { resolveConfig } from "../../src/training/read-config.ts";

const key: Key = [3, 4];
const names = { classNames: ["a", "b", "c"], data: "images/" };

describe("heldOutImages", () => {
  it("takes a share of every class, one at least, and half at most", () => {
    const classIds = [...Array(20).fill(0), ...Array(4).fill(1), ...Array(2).fill(2)];
    for (const [share, expected] of [
      [0.1, [2, 1, 1]],
      [0.25, [5, 1, 1]],
      [0.5, [10, 2, 1]],
    ] as const) {
      const held = [...heldOutImages(classIds, names, share, key)];
      expect([0, 1, 2].map((c) => held.filter((i) => classIds[i] === c).length)).toEqual(expected);
    }
    expect(heldOutImages(classIds, names, 0.5, [9, 9])).not.toEqual(heldOutImages(classIds, names, 0.5, key));
  });

  it("needs two images of every class that is there, and of data without classes", () => {
    expect(() => heldOutImages([0, 0, 1], names, 0.1, key)).toThrow(
      'images/: its class "b" must have at least 2 images, one to learn from and one to be held out, got 1',
    );
    expect(() => heldOutImages([0], { classNames: [], data: "images/" }, 0.1, key)).toThrow(
      "images/: must have at least 2 images",
    );
    expect(heldOutImages([0, 0, 2, 2], names, 0.1, key).size).toBe(2);
  });
});

/** 12 images of 4 tokens in three rows each, which are not together: row r is image r mod 12, all its tokens are r. */
const dataset: TokenDataset = {
  ...{ grid: [2, 2], codebookSize: 36, classNames: ["a", "b"], count: 36, source: "test", tokenizer: "test" },
  ids: Uint16Array.from({ length: 36 * 4 }, (_, at) => Math.floor(at / 4)),
  classIds: Int32Array.from({ length: 36 }, (_, row) => row % 2),
  images: Int32Array.from({ length: 36 }, (_, row) => row % 12),
};

describe("splitTokens", () => {
  it("puts all rows of an image on one side, of held-out ones the first alone", () => {
    const { training, heldOut } = splitTokens(dataset, 0.34, key);
    expect([training.count, heldOut.count]).toEqual([3 * 8, 4]);
    const rows = (of: TokenDataset) => Array.from({ length: of.count }, (_, i) => tokensOf(of, i)[0]!);
    expect(rows(heldOut).every((row) => row < 12)).toBe(true);
    expect(rows(heldOut)).toEqual([...heldOut.images!]);
    const held = new Set(heldOut.images);
    expect(rows(training)).toEqual(
      Array.from({ length: 36 }, (_, row) => row).filter((row) => !held.has(row % 12)),
    );
    for (const of of [training, heldOut]) {
      expect([...of.classIds]).toEqual(rows(of).map((row) => row % 2));
      expect([...of.images!]).toEqual(rows(of).map((row) => row % 12));
    }
  });

  it("takes every row for an image of its own where nothing else is said", () => {
    const { images: _, ...plain } = dataset;
    const { training, heldOut } = splitTokens(plain, 0.5, key);
    expect([training.count, heldOut.count]).toEqual([18, 18]);
  });
});

describe("the loss on held-out images", () => {
  const config = transformerConfig({
    ...{ grid: [2, 2], codebookSize: 36, classes: 2, width: 8, depth: 1, heads: 2, factors: [1, 2] },
  });
  const training = {
    ...resolveConfig({ name: "x", transformer: { training: { batchSize: 5 } } }, "x").config.transformer
      .training,
    heldOut: { share: 0.34, every: 7, patience: 21 },
  };
  const { heldOut } = splitTokens(dataset, 0.34, key);
  const judged = heldOutOf(config, training, heldOut, key);

  it("shows each image several times, never without its class, the same at every call", () => {
    expect([judged.every, judged.patience]).toEqual([7, 21]);
    expect(judged.batches.length).toBe(Math.ceil((8 * 4) / 5));
    expect(heldOutOf(config, training, heldOut, key).batches).toEqual(judged.batches);
    const data = (feed: unknown) => [...((feed as HostTensor).data as Int32Array)];
    const known = new Map([...heldOut.images!].map((image) => [image, image % 2]));
    for (const { feeds, weight } of judged.batches) {
      const [rows, labels, classes] = [data(feeds.rows), data(feeds.labels), data(feeds.classes)];
      expect(weight).toBe(rows.length);
      for (const [i, row] of rows.entries()) expect(classes[Math.floor(row / 5)]).toBe(known.get(labels[i]!));
    }
  });

  it("is the same however training masks", () => {
    const otherwise = { ...training, masks: "complementary", sequenceShare: 0.5 } as const;
    expect(heldOutOf(config, otherwise, heldOut, key).batches).toEqual(judged.batches);
  });

  it("is that of the weights it is fed, for every sub-model, and their mean", async () => {
    // Nothing but the bias of the head: every token has the same logits, so the loss is known.
    const logits = Float32Array.from({ length: 36 }, (_, i) => 4 * uniformAt([8, 8], i));
    const specs = transformerParameters(config);
    const weights = Object.fromEntries(
      specs.map(({ name, shape }) => [
        name,
        tensor("float32", shape, name === "head.bias" ? logits : new Float32Array(sizeOf(shape))),
      ]),
    );
    const total = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
    const runner = await createNodeRunner({ threads: 1 });
    await runner.put(initialState(specs, weights));
    const program = await runner.load(encode(judged.graph));
    for (const { feeds } of judged.batches) {
      const labels = [...((feeds.labels as HostTensor).data as Int32Array)];
      const truth = labels.reduce((sum, id) => sum + total - logits[id]!, 0) / labels.length;
      const outputs = await runner.run(
        program,
        { ...averageFeeds(specs), ...feeds },
        { p1: "host", p2: "host", loss: "host" },
      );
      for (const name of ["p1", "p2", "loss"]) expect(Number(outputs[name]!.data[0])).toBeCloseTo(truth, 4);
    }
    await runner.close();
  });
});
