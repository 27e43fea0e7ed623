/** What the nested transformer brings to the loop: its batches, and a run that stops and goes on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { foldIn, integerAt, type Key } from "../../src/core/random.ts";
import { type TokenDataset, tokensOf } from "../../src/data/tokens.ts";
import { encode } from "../../src/graph/index.ts";
import { type TransformerConfig, transformerConfig } from "../../src/models/transformer/config.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { finalMean } from "../../src/training/metrics.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { filled, maskedBatch, mostTokens, transformerJob } from "../../src/training/transformer-job.ts";
import { loggedLines, trainUntil } from "./resuming.ts";

// B images, N tokens each, V codes, C classes.
const [N, V, C, count] = [16, 12, 3, 50];
const config = transformerConfig({
  grid: [4, 4],
  codebookSize: V,
  classes: C,
  width: 16,
  depth: 2,
  heads: 4,
  factors: [1, 2, 4],
});
/** Token n of an image of class c is mostly 4 c + n mod 4: easy to learn. */
const dataset: TokenDataset = {
  grid: [4, 4],
  codebookSize: V,
  classNames: ["a", "b", "c"],
  count,
  ids: Uint16Array.from({ length: count * N }, (_, at) =>
    integerAt([1, 1], at, 8) === 0 ? integerAt([2, 2], at, V) : 4 * (Math.floor(at / N) % C) + (at % 4),
  ),
  classIds: Int32Array.from({ length: count }, (_, i) => i % C),
  source: "test",
  tokenizer: "test",
};
const options = {
  batchSize: 6,
  classDropout: 0.25,
  taskShare: 0.5,
  maskSchedule: "cosine",
  masks: "independent",
  sequenceShare: 1,
} as const;

/** A batch in plain arrays. */
function batchOf(
  key: Key,
  model: TransformerConfig = config,
  from = dataset,
  how: Parameters<typeof maskedBatch>[1] = options,
) {
  const { ids, classes, rows, labels } = maskedBatch(model, how, from, key);
  const plain = (value: { data: ArrayLike<unknown> }): number[] => Array.from(value.data, Number);
  return {
    ids: plain(ids),
    classes: plain(classes),
    rows: plain(rows),
    labels: plain(labels),
    dims: [ids.dims, classes.dims, rows.dims, labels.dims],
  };
}

const keys = fc.tuple(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffffffff }));

describe("maskedBatch", () => {
  it("hides exactly the tokens whose rows and labels it lists, of images of the dataset", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const { ids, classes, rows, labels, dims } = batchOf(key);
        expect(dims).toEqual([[6, N], [6], [rows.length], [rows.length]]);
        expect(labels.length).toBe(rows.length);
        expect([...new Set(rows)].sort((a, b) => a - b)).toEqual(rows); // ascending, none twice
        const whole = [...ids];
        rows.forEach((row, i) => {
          const [b, position] = [Math.floor(row / (N + 1)), (row % (N + 1)) - 1];
          expect(ids[b * N + position]).toBe(V);
          whole[b * N + position] = labels[i]!;
        });
        expect(ids.filter((id) => id === V).length).toBe(rows.length);
        for (let b = 0; b < 6; b++) {
          const image = whole.slice(b * N, (b + 1) * N).join();
          const from = Array.from({ length: count }, (_, i) => i).filter(
            (i) => tokensOf(dataset, i).join() === image,
          );
          expect(from.length).toBeGreaterThan(0);
          expect([...from.map((i) => dataset.classIds[i]), C]).toContain(classes[b]);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("hides much of one image and little of another, in every batch alike", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const hidden = new Array<number>(6).fill(0);
        for (const row of batchOf(key).rows) hidden[Math.floor(row / (N + 1))]!++;
        hidden.forEach((own, b) => {
          const most = N * Math.cos((Math.PI / 2) * (b / 6));
          const least = N * Math.cos((Math.PI / 2) * ((b + 1) / 6));
          expect(own).toBeLessThanOrEqual(Math.ceil(most));
          expect(own).toBeGreaterThanOrEqual(Math.max(1, Math.floor(least)));
        });
      }),
      { numRuns: 50 },
    );
  });

  it("trains tasks on their share: known tokens in place of the mask, every token in the loss", () => {
    const model: TransformerConfig = { ...config, tasks: ["predict", "interpolate"] };
    // Known in the first half for one task, in the last row for the other; every known id is 1 off.
    const known = (isKnown: (position: number) => boolean) =>
      dataset.ids.map((id, at) => (isKnown(at % N) ? (id + 1) % V : V));
    const parts = { predict: (n: number) => n < N / 2, interpolate: (n: number) => n >= N - 4 };
    const prepared = {
      ...dataset,
      conditions: { predict: known(parts.predict), interpolate: known(parts.interpolate) },
    };
    const counts = new Map<number, number>();
    for (let i = 0; i < 100; i++) {
      const { ids, classes, rows, labels } = batchOf([9, i], model, prepared);
      for (let b = 0; b < 6; b++) {
        const own = rows.flatMap((row, at) => (Math.floor(row / (N + 1)) === b ? [at] : []));
        const kind = Math.max(0, classes[b]! - C);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (kind === 0) continue;
        expect(own.map((at) => rows[at]! - b * (N + 1) - 1)).toEqual(Array.from({ length: N }, (_, n) => n));
        const isKnown = kind === 1 ? parts.predict : parts.interpolate;
        own.forEach((at, n) => {
          const truth = labels[at]!;
          expect([truth, isKnown(n) ? (truth + 1) % V : V]).toContain(ids[b * N + n]);
        });
      }
    }
    // Of 600 images a quarter trains each task; class 0 counts the classes and the dropped ones.
    expect(counts.get(1)! / 600).toBeCloseTo(0.25, 1);
    expect(counts.get(2)! / 600).toBeCloseTo(0.25, 1);
    expect(counts.size).toBe(3);
  });

  it("is a pure function of its key", () => {
    expect(batchOf([3, 4])).toEqual(batchOf([3, 4]));
    expect(batchOf([3, 4])).not.toEqual(batchOf([3, 5]));
  });

  it("hides as many tokens as the cosine of a uniform number says, and drops classes at the given rate", () => {
    const hidden = new Array<number>(N + 1).fill(0);
    const positions = new Array<number>(N).fill(0);
    let dropped = 0;
    const images = 6 * 1000;
    for (let i = 0; i < 1000; i++) {
      const { rows, classes } = batchOf(foldIn([7, 7], i));
      const own = new Array<number>(6).fill(0);
      for (const row of rows) {
        own[Math.floor(row / (N + 1))]!++;
        positions[(row % (N + 1)) - 1]!++;
      }
      for (const m of own) hidden[m]!++;
      dropped += classes.filter((label) => label === C).length;
    }
    // m = ceil(N cos(pi u / 2)): P(m <= k) = P(cos <= k / N) = 1 - acos(k / N) 2 / pi. Four standard errors of a
    // share are at most 4 sqrt(0.25 / 6000) = 0.026.
    let below = 0;
    for (let k = 0; k <= N; k++) {
      below += hidden[k]! / images;
      const expected = k === 0 ? 0 : 1 - (Math.acos(k / N) * 2) / Math.PI;
      expect(Math.abs(below - expected), `at most ${k} hidden`).toBeLessThan(0.026);
    }
    expect(Math.abs(dropped / images - 0.25)).toBeLessThan(0.026);
    // No position is preferred: the mean of cos is 2 / pi, and rounding up adds about half a token of 16.
    for (const hits of positions) expect(Math.abs(hits / images - 2 / Math.PI - 0.5 / N)).toBeLessThan(0.03);
  });

  it("has no more tokens in the loss than mostTokens says, by which every batch is filled", () => {
    // 6 images: the b-th hides at most 16 cos(pi/2 b/6) tokens, rounded up.
    expect(mostTokens(config, options)).toBe(16 + 16 + 14 + 12 + 9 + 5); // cos(pi / 3) is a hair above a half
    expect(mostTokens({ ...config, tasks: ["predict"] }, options)).toBe(6 * N);
    fc.assert(
      fc.property(keys, (key) => {
        const batch = maskedBatch(config, options, dataset, key);
        const count = batch.rows.dims[0]!;
        expect(count).toBeLessThanOrEqual(72);
        const { rows, labels, shares } = filled(batch, 72);
        expect([rows, labels, shares].map(({ dims }) => dims)).toEqual([[72], [72], [72]]);
        expect([...rows.data].slice(0, count)).toEqual([...batch.rows.data]);
        expect([...labels.data].slice(0, count)).toEqual([...batch.labels.data]);
        const each = Math.fround(1 / count);
        expect([...shares.data]).toEqual(Array.from({ length: 72 }, (_, i) => (i < count ? each : 0)));
      }),
      { numRuns: 50 },
    );
    const short = maskedBatch(config, options, dataset, [1, 1]);
    expect(() => filled(short, short.rows.dims[0]! - 1)).toThrow(/tokens in the loss, more than/);
  });

  it("with complementary masks hides every position of an image once, in one of its two masks", () => {
    const how = { ...options, masks: "complementary" } as const;
    expect(mostTokens(config, how)).toBe(3 * N);
    const first = new Array<number>(3).fill(0);
    fc.assert(
      fc.property(keys, (key) => {
        const { ids, classes, rows, labels } = batchOf(key, config, dataset, how);
        expect(rows.length).toBe(3 * N);
        for (const pair of [0, 1, 2]) {
          const [one, other] = [2 * pair, 2 * pair + 1];
          expect(classes[one]).toBe(classes[other]);
          const of = (b: number) => rows.flatMap((row, i) => (Math.floor(row / (N + 1)) === b ? [i] : []));
          const positions = [...of(one), ...of(other)].map((i) => (rows[i]! % (N + 1)) - 1);
          expect(positions.sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, n) => n));
          // What one hides, the other shows: the labels of one are the ids of the other.
          for (const [own, twin] of [
            [one, other],
            [other, one],
          ] as const) {
            for (const i of of(own)) {
              const position = (rows[i]! % (N + 1)) - 1;
              expect([ids[own * N + position], ids[twin * N + position]]).toEqual([V, labels[i]]);
            }
          }
          // The first mask is that of one of three images, by the mask schedule.
          const hidden = of(one).length;
          expect(hidden).toBeLessThanOrEqual(Math.ceil(N * Math.cos((Math.PI / 2) * (pair / 3))));
          expect(hidden).toBeGreaterThanOrEqual(Math.floor(N * Math.cos((Math.PI / 2) * ((pair + 1) / 3))));
          first[pair]! += hidden;
        }
      }),
      { numRuns: 50 },
    );
    expect(first[0]).toBeGreaterThan(first[1]!);
  });

  it("with complementary masks trains a task on both of an image", () => {
    const model: TransformerConfig = { ...config, tasks: ["predict"] };
    const conditions = { predict: dataset.ids.map((id) => (id + 1) % V), interpolate: dataset.ids };
    const how = { ...options, masks: "complementary", taskShare: 1 } as const;
    const { ids, classes, rows, labels } = batchOf([2, 8], model, { ...dataset, conditions }, how);
    expect(mostTokens(model, how)).toBe(6 * N);
    expect([rows.length, labels.length]).toEqual([6 * N, 6 * N]);
    expect(classes).toEqual(new Array(6).fill(C + 1));
    // Each position has its real id once and what is known there, off by 1, once.
    for (let pair = 0; pair < 3; pair++) {
      for (let n = 0; n < N; n++) {
        const truth = labels[2 * pair * N + n]!;
        const shown = [ids[2 * pair * N + n], ids[(2 * pair + 1) * N + n]];
        expect(shown.sort()).toEqual([truth, (truth + 1) % V].sort());
      }
    }
  });

  it("leaves out all but a share of the tokens, known and masked ones alike", () => {
    // S 7 of 16 tokens: ceil(0.4 * 16).
    const [S, how] = [7, { ...options, sequenceShare: 0.4 }];
    // Masks as of images of 7 tokens: the b-th of 6 hides at most 7 cos(pi/2 b/6), rounded up.
    expect(mostTokens(config, how)).toBe(7 + 7 + 7 + 5 + 4 + 2);
    expect(mostTokens(config, { ...how, masks: "complementary" })).toBe(3 * S);
    const [seen, hidden] = [new Array<number>(N).fill(0), new Array<number>(N).fill(0)];
    const batches = 200;
    for (let i = 0; i < batches; i++) {
      const batch = maskedBatch(config, how, dataset, foldIn([6, 6], i));
      expect([batch.ids.dims, batch.places!.dims]).toEqual([
        [6, S],
        [6, S + 1],
      ]);
      const [ids, places, rows, labels] = [batch.ids, batch.places!, batch.rows, batch.labels].map(
        ({ data }) => Array.from(data, Number),
      ) as [number[], number[], number[], number[]];
      expect(rows.length).toBeLessThanOrEqual(32);
      const truth = [...ids];
      rows.forEach((row, at) => {
        const [b, s] = [Math.floor(row / (S + 1)), (row % (S + 1)) - 1];
        expect(ids[b * S + s]).toBe(V);
        truth[b * S + s] = labels[at]!;
        hidden[places[b * (S + 1) + 1 + s]! - 1]!++;
      });
      expect(ids.filter((id) => id === V).length).toBe(rows.length);
      for (let b = 0; b < 6; b++) {
        const [first, ...own] = places.slice(b * (S + 1), (b + 1) * (S + 1));
        expect(first).toBe(0);
        expect([...new Set(own)].sort((x, y) => x - y)).toEqual(own);
        expect([Math.min(...own) >= 1, Math.max(...own) <= N]).toEqual([true, true]);
        for (const place of own) seen[place - 1]!++;
        // The tokens are those of an image of the dataset at these positions.
        const known = Array.from({ length: count }, (_, image) => tokensOf(dataset, image));
        const isOf = (image: ArrayLike<number>) =>
          own.every((place, s) => image[place - 1] === truth[b * S + s]);
        expect(known.some(isOf)).toBe(true);
      }
    }
    // No position is preferred. Four standard errors of a share of 1,200 are at most 4 sqrt(0.25 / 1200) = 0.058.
    const share = (hits: readonly number[]) => hits.map((n) => n / (6 * batches));
    for (const each of share(seen)) expect(Math.abs(each - S / N)).toBeLessThan(0.058);
    const mean = hidden.reduce((a, b) => a + b) / N / (6 * batches);
    for (const each of share(hidden)) expect(Math.abs(each - mean)).toBeLessThan(0.058);
  });

  it("trains a task on the tokens that are there: what is known of them, and each of them in the loss", () => {
    const model: TransformerConfig = { ...config, tasks: ["predict"] };
    const known = dataset.ids.map((id, at) => (at % N < N / 2 ? (id + 1) % V : V));
    const prepared = { ...dataset, conditions: { predict: known, interpolate: known } };
    const [S, how] = [7, { ...options, sequenceShare: 0.4, taskShare: 1 }];
    expect(mostTokens(model, how)).toBe(6 * S);
    for (let i = 0; i < 20; i++) {
      const batch = maskedBatch(model, how, prepared, [8, i]);
      const [ids, places, rows, labels] = [batch.ids, batch.places!, batch.rows, batch.labels].map(
        ({ data }) => Array.from(data, Number),
      ) as [number[], number[], number[], number[]];
      expect([...batch.classes.data]).toEqual(new Array(6).fill(C + 1));
      for (let b = 0; b < 6; b++) {
        const own = places.slice(b * (S + 1) + 1, (b + 1) * (S + 1)).map((place) => place - 1);
        expect(rows.slice(b * S, (b + 1) * S)).toEqual(own.map((_, s) => b * (S + 1) + 1 + s));
        const truth = labels.slice(b * S, (b + 1) * S);
        const isOf = (image: ArrayLike<number>) => own.every((n, s) => image[n] === truth[s]);
        expect(Array.from({ length: count }, (_, image) => tokensOf(dataset, image)).some(isOf)).toBe(true);
        own.forEach((n, s) => {
          expect([truth[s], n < N / 2 ? (truth[s]! + 1) % V : V]).toContain(ids[b * S + s]);
        });
      }
    }
  });

  it("leaves out the same tokens under both of two complementary masks", () => {
    const how = { ...options, sequenceShare: 0.4, masks: "complementary" } as const;
    const { ids, places, rows } = maskedBatch(config, how, dataset, [6, 7]);
    const [S, own] = [7, Array.from(places!.data, Number)];
    expect(rows.dims).toEqual([3 * S]);
    for (let pair = 0; pair < 3; pair++) {
      const of = (b: number) => own.slice(b * (S + 1), (b + 1) * (S + 1));
      expect(of(2 * pair)).toEqual(of(2 * pair + 1));
      for (let s = 0; s < S; s++) {
        const masked = [2 * pair, 2 * pair + 1].filter((b) => Number(ids.data[b * S + s]) === V);
        expect(masked.length).toBe(1);
      }
    }
  });

  it("says no places where all tokens are there", () => {
    expect(maskedBatch(config, options, dataset, [1, 1])).not.toHaveProperty("places");
    expect(maskedBatch(config, { ...options, sequenceShare: 0.95 }, dataset, [1, 1])).toEqual(
      maskedBatch(config, options, dataset, [1, 1]),
    );
  });

  it("gives the null class to everything where there are no classes", () => {
    const { classes } = batchOf([1, 2], { ...config, classes: 0 });
    expect(classes).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("a run of the transformer's job", () => {
  let runner: Runner;
  let parent: string;
  beforeAll(async () => {
    runner = await createNodeRunner({ inProcess: true, threads: 1 });
  });
  afterAll(() => runner.close());
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "transformer-job-"));
  });
  afterEach(() => rm(parent, { recursive: true }));

  const { training } = resolveConfig(
    {
      name: "toy",
      transformer: {
        training: {
          steps: 40,
          batchSize: 8,
          learningRate: 0.02,
          warmupSteps: 5,
          checkpointEvery: 100,
          logEvery: 10,
          factors: [1, 2, 4],
        },
      },
    },
    "toy",
  ).config.transformer;

  async function go(name: string, stopAt?: number, more: Partial<typeof training> = {}) {
    const job = transformerJob({ config, training: { ...training, ...more }, dataset, key: [9, 9] });
    const folder = await openRunFolder(join(parent, name), {}, { resume: true });
    return trainUntil(runner, folder, job, stopAt);
  }

  const lines = (name: string) => loggedLines(join(parent, name));

  it("learns in every sub-model, and goes on bit for bit after a stop", async () => {
    const whole = await go("whole");
    await expect(go("parts", 17)).rejects.toThrow("aborted");
    expect(await go("parts")).toEqual(whole);
    const log = await lines("whole");
    expect(await lines("parts")).toEqual(log);
    for (const name of ["loss.p1", "loss.p2", "loss.p4"]) {
      // Far below a uniform guess, ln 12 = 2.48, from which it starts.
      expect(log[0]![name], name).toBeGreaterThan(1.5);
      expect(log.at(-1)![name], name).toBeLessThan(0.75 * log[0]![name]!);
    }
  });

  it.each(["adamw", "muon"] as const)(
    "by %s is the same bit for bit with seven steps a run",
    async (optimiser) => {
      const single = await go("single", undefined, { optimiser });
      expect(await go("several", undefined, { optimiser, stepsPerRun: 7 })).toEqual(single);
      expect(await lines("several")).toEqual(await lines("single"));
    },
  );

  it.each([
    ["with complementary masks", { masks: "complementary" }],
    ["with half of the tokens", { sequenceShare: 0.5 }],
  ] as const)("%s learns, and goes on bit for bit after a stop", async (_, how) => {
    const whole = await go("whole", undefined, how);
    await expect(go("parts", 17, how)).rejects.toThrow("aborted");
    expect(await go("parts", undefined, how)).toEqual(whole);
    expect(await go("several", undefined, { ...how, stepsPerRun: 7 })).toEqual(whole);
    const log = await lines("whole");
    for (const name of ["loss.p1", "loss.p2", "loss.p4"]) {
      expect(log.at(-1)![name], name).toBeLessThan(0.75 * log[0]![name]!);
    }
  });

  it("keeps more of the truth for the smallest sub-model where lambda.endSmallest says so", async () => {
    const lambda = { start: 1, end: 0.2, endSmallest: 0.6 };
    const whole = await go("own", undefined, { lambda });
    const common = await go("common", undefined, { lambda: { start: 1, end: 0.2 } });
    expect(whole).not.toEqual(common);
    expect(await go("equal", undefined, { lambda: { ...lambda, endSmallest: 0.2 } })).toEqual(common);
    const job = transformerJob({
      config,
      training: { ...training, lambda, subModels: "in-turn" },
      dataset,
      key: [9, 9],
    });
    const fed = async (step: number) => {
      const { feeds } = await job.batch(step);
      return [feeds.lambda, feeds.lambdaSmallest].map((value) => value && Number(value.data[0]));
    };
    // 40 steps, even ones of sub-model 2, odd ones of 4.
    expect(await fed(0)).toEqual([1, undefined]);
    expect((await fed(39)).map((value) => value!.toFixed(6))).toEqual(["0.200000", "0.600000"]);
    expect((await fed(13))[1]).toBeCloseTo(1 - (0.4 * 13) / 39, 6);
    const folder = await openRunFolder(join(parent, "turns"), {}, { resume: true });
    await trainUntil(runner, folder, job);
    expect((await lines("turns")).at(-1)!["loss.p4"]).toBeGreaterThan(0);
  });

  describe("with one smaller sub-model a step", () => {
    it("is what it is with all, bit for bit, where there are two", async () => {
      const all = await go("all", undefined, { factors: [1, 2] });
      expect(await go("pair", undefined, { factors: [1, 2], subModels: "in-turn" })).toEqual(all);
      expect(await lines("pair")).toEqual(await lines("all"));
    });

    it.each([
      { subModels: "in-turn", stepsPerSubModel: 1 },
      { subModels: "in-turn", stepsPerSubModel: 3 },
    ] as const)(
      "$subModels, $stepsPerSubModel steps each, goes on bit for bit, also four a run",
      async (how) => {
        const whole = await go("whole", undefined, how);
        await expect(go("parts", 17, how)).rejects.toThrow("aborted");
        expect(await go("parts", undefined, how)).toEqual(whole);
        expect(await go("several", undefined, { ...how, stepsPerRun: 4 })).toEqual(whole);
        for (const other of ["parts", "several"]) expect(await lines(other)).toEqual(await lines("whole"));
      },
    );

    it("logs of every sub-model the mean over the steps that trained it, and learns in all", async () => {
      const how = { subModels: "in-turn" } as const;
      await go("each", undefined, { ...how, logEvery: 1 });
      await go("tens", undefined, how);
      const each = await lines("each");
      expect(each.map((line) => Object.keys(line).filter((name) => name.startsWith("loss.")))).toEqual(
        each.map((_, step) => ["loss.p1", step % 2 === 0 ? "loss.p2" : "loss.p4"]),
      );
      const tens = await lines("tens");
      for (const name of ["loss.p1", "loss.p2", "loss.p4"]) {
        tens.forEach((line, i) => {
          const own = each.slice(10 * i, 10 * (i + 1)).flatMap((step) => step[name] ?? []);
          const mean = own.reduce((total, value) => total + value, 0) / own.length;
          expect(line[name], name).toBeCloseTo(mean, 10);
        });
        expect(finalMean(each, name), name).toBeCloseTo(
          each
            .flatMap((step) => step[name] ?? [])
            .slice(name === "loss.p1" ? -4 : -2)
            .reduce((a, b) => a + b) / (name === "loss.p1" ? 4 : 2),
          10,
        );
        expect(tens.at(-1)![name], name).toBeLessThan(0.75 * tens[0]![name]!);
      }
    });

    it("costs the step of the two, has a graph for each pair, and leaves the others' step alone", async () => {
      const some = transformerJob({
        config,
        training: { ...training, subModels: "in-turn" },
        dataset,
        key: [9, 9],
      });
      const graphs = Array.from({ length: 6 }, (_, step) => some.graphAt(step));
      expect(new Set(graphs).size).toBe(2);
      for (const [step, factors] of [
        [0, [1, 2]],
        [1, [1, 4]],
      ] as const) {
        const pair = transformerJob({
          config,
          training: { ...training, factors: [...factors] },
          dataset,
          key: [9, 9],
        });
        expect(encode(some.graphAt(step))).toEqual(encode(pair.graphAt(step)));
        const [one, other] = await Promise.all([some.batch(step), pair.batch(step)]);
        expect(one).toEqual(other);
      }
    });
  });
});
