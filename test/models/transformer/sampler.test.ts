/** The sampling graph against the same arithmetic in float64, and its identities. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { foldIn, keyFromSeed, normals, permutation, uniformAt, uniforms } from "../../../src/core/random.ts";
import { scalar, tensor } from "../../../src/core/tensor.ts";
import { encode, expandTo, Graph } from "../../../src/graph/index.ts";
import {
  addSampling,
  sample as drawIds,
  logitRows,
  noTopP,
  type Sampling,
} from "../../../src/models/transformer/sampler.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { softmaxOf } from "./plain-forward.ts";

const width = 12; // V: blocks of 3
let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

interface Asked {
  readonly logits: readonly (readonly number[])[];
  readonly uniforms: ArrayLike<number>;
  readonly unconditional?: readonly (readonly number[])[];
  readonly guidanceScale?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
}

async function sample(variant: Sampling, asked: Asked) {
  const {
    logits,
    unconditional = [],
    guidanceScale = 0,
    temperature = 1,
    topK = width,
    topP = noTopP,
    minP = 1e-9,
  } = asked;
  const matrix = (given: readonly (readonly number[])[]) =>
    tensor("float32", [given.length, given[0]!.length], Float32Array.from(given.flat()));
  const graph = new Graph("sampling");
  const rows = graph.input("logits", "float32", [logitRows(variant), logits[0]!.length]);
  addSampling(graph, rows, variant);
  const program = await runner.load(encode(graph));
  const feeds = {
    logits: matrix(variant.guidance === "joined" ? [...logits, ...unconditional] : logits),
    ...(variant.guidance === "apart" && { unconditional: matrix(unconditional) }),
    ...(variant.guidance !== "none" && { guidanceScale: scalar(guidanceScale) }),
    uniforms: tensor("float32", [asked.uniforms.length], Float32Array.from(asked.uniforms)),
    temperature: scalar(temperature),
    ...(variant.isFiltered && { topK: scalar(topK), topP: scalar(topP) }),
    ...(variant.hasMinP && { logMinP: scalar(Math.log(minP)) }),
  };
  const wanted = {
    ...({ sampledIds: "host", logProbs: "host" } as const),
    ...(variant.hasEntropies && ({ entropies: "host" } as const)),
  };
  const { sampledIds: ids, logProbs, entropies } = await runner.run(program, feeds, wanted);
  await runner.unload(program);
  return {
    ids: Array.from(ids!.data as Int32Array),
    logProbs: Array.from(logProbs!.data as Float32Array),
    ...(entropies && { entropies: Array.from(entropies.data as Float32Array) }),
  };
}

const key = keyFromSeed(7);
const randomLogits = (rows: number, purpose: number): number[][] =>
  Array.from({ length: rows }, (_, r) =>
    Array.from(normals(foldIn(foldIn(key, purpose), r), width), (value) => 2 * value),
  );
/** The id whose share of [0, 1) holds u. */
const inverse = (p: readonly number[], u: number): number => {
  let reached = 0;
  return p.findIndex((share) => {
    reached += share;
    return reached > u;
  });
};
/** In nats. */
const entropyOf = (p: readonly number[]): number =>
  p.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
const plain: Sampling = { guidance: "none", isFiltered: false };
const filtered: Sampling = { guidance: "none", isFiltered: true };

describe("addSampling", () => {
  it("draws by the inverse of the cumulative distribution, and tells its log probability", async () => {
    const logits = randomLogits(200, 0);
    const u = uniforms(foldIn(key, 1), 200);
    for (const temperature of [1, 0.5, 2]) {
      const got = await sample(plain, { logits, uniforms: u, temperature });
      for (const [row, id] of got.ids.entries()) {
        const p = softmaxOf(logits[row]!.map((value) => value / temperature));
        expect(id).toBe(inverse(p, u[row]!));
        expect(got.logProbs[row]).toBeCloseTo(Math.log(p[id]!), 4);
      }
    }
  });

  it("gives every id its share of evenly spread uniform numbers", async () => {
    const count = 1000;
    const [row] = randomLogits(1, 2);
    const even = Array.from({ length: count }, (_, i) => (i + 0.5) / count);
    const { ids } = await sample(plain, { logits: even.map(() => row!), uniforms: even });
    for (const [id, p] of softmaxOf(row!).entries()) {
      const share = ids.filter((drawn) => drawn === id).length;
      expect(Math.abs(share - count * p)).toBeLessThan(1.01); // an interval of length L holds floor or ceil of it
    }
  });

  it("draws unlikely ids as often as float64 says, of a distribution with a long tail", async () => {
    // 1024 ids of probabilities that fall as 1/rank^1.5, from 0.4 to 1e-5, in no order: a twelfth of it in ids rarer
    // than 1/1000.
    const codes = 1024;
    const order = permutation(foldIn(key, 16), codes);
    const logits = Array.from(order, (rank) => Math.fround(-1.5 * Math.log(rank + 1)));
    const p = softmaxOf(logits);
    const draws = 2 ** 18;
    const atOnce = 2 ** 10;
    const graph = new Graph("many draws");
    const row = graph.constant(tensor("float32", [1, codes], Float32Array.from(logits)));
    const u = graph.input("uniforms", "float32", ["R"]);
    const settings = { temperature: graph.scalar("float32", 1) };
    graph.output("ids", drawIds(expandTo(row, ["R", codes]), u, settings).ids);
    const program = await runner.load(encode(graph));
    const counted = async (uniformOf: (draw: number) => number): Promise<Float64Array> => {
      const counts = new Float64Array(codes);
      for (let first = 0; first < draws; first += atOnce) {
        const some = Float32Array.from({ length: atOnce }, (_, i) => uniformOf(first + i));
        const feeds = { uniforms: tensor("float32", [atOnce], some) };
        const { ids } = await runner.run(program, feeds, { ids: "host" });
        for (const id of ids!.data as Int32Array) counts[id]!++;
      }
      return counts;
    };

    // By chance, as a decode draws: Pearson's statistic has mean V - 1 and variance about 2 (V - 1).
    const drawn = await counted((draw) => uniformAt(foldIn(key, 17), draw));
    const statistic = p.reduce(
      (sum, share, id) => sum + (drawn[id]! - draws * share) ** 2 / (draws * share),
      0,
    );
    expect(Math.abs(statistic - (codes - 1))).toBeLessThan(4 * Math.sqrt(2 * (codes - 1)));
    const isRare = p.map((share) => share < 1e-3);
    const tail = p.reduce((sum, share, id) => sum + (isRare[id] ? share : 0), 0);
    const inTail = drawn.reduce((sum, count, id) => sum + (isRare[id] ? count : 0), 0);
    expect(tail).toBeGreaterThan(0.05);
    expect(Math.abs(inTail - draws * tail)).toBeLessThan(4 * Math.sqrt(draws * tail * (1 - tail)));

    // By evenly spread numbers, of which an interval of length L holds floor or ceil of L; sums in float32 may move
    // its ends.
    const even = await counted((draw) => (draw + 0.5) / draws);
    for (const [id, share] of p.entries()) expect(Math.abs(even[id]! - draws * share)).toBeLessThan(2);
    const evenInTail = even.reduce((sum, count, id) => sum + (isRare[id] ? count : 0), 0);
    expect(Math.abs(evenInTail / (draws * tail) - 1)).toBeLessThan(2e-3);
    await runner.unload(program);
  });

  it("stays among ids of some probability at both ends of [0, 1)", async () => {
    const impossible = -1e4;
    const logits = [impossible, impossible, 1, 0.5, impossible, 0, 2, impossible];
    const u = [0, 1 - 2 ** -24];
    const got = await sample(plain, { logits: [logits, logits], uniforms: u });
    expect(got.ids).toEqual([2, 6]);
    expect(got.logProbs.every((value) => value > -10)).toBe(true);
  });

  it("keeps the largest under top-k = 1, and one under a tiny top-p", async () => {
    const logits = randomLogits(50, 3);
    const largest = logits.map((row) => row.indexOf(Math.max(...row)));
    const u = uniforms(foldIn(key, 4), 50);
    for (const asked of [{ topK: 1 }, { topP: 1e-3 }]) {
      const got = await sample(filtered, { logits, uniforms: u, ...asked });
      expect(got.ids).toEqual(largest);
      for (const value of got.logProbs) expect(value).toBeCloseTo(0, 5);
    }
  });

  it("draws from the k likeliest, or the fewest that reach p, scaled to 1", async () => {
    const logits = randomLogits(100, 5);
    const u = uniforms(foldIn(key, 6), 100);
    for (const { topK, topP } of [{ topK: 3 }, { topP: 0.8 }, { topK: 4, topP: 0.6 }] as Partial<
      Record<"topK" | "topP", number>
    >[]) {
      const got = await sample({ ...filtered, hasEntropies: true }, { logits, uniforms: u, topK, topP });
      for (const [row, id] of got.ids.entries()) {
        let p = softmaxOf(logits[row]!);
        const scaledTo1 = (kept: number[]): number[] => {
          const total = kept.reduce((sum, share) => sum + share, 0);
          return kept.map((share) => share / total);
        };
        if (topK) {
          const least = [...p].sort((a, b) => b - a)[topK - 1]!;
          p = scaledTo1(p.map((share) => (share >= least ? share : 0)));
        }
        if (topP) {
          const likelier = (share: number): number =>
            p.reduce((sum, other) => sum + (other > share ? other : 0), 0);
          p = scaledTo1(p.map((share) => (likelier(share) < topP ? share : 0)));
        }
        expect(id).toBe(inverse(p, u[row]!));
        expect(got.logProbs[row]).toBeCloseTo(Math.log(p[id]!), 4);
        expect(got.entropies![row]).toBeCloseTo(entropyOf(p), 5);
      }
    }
  });

  it("draws from the ids at least so likely as a fraction of the likeliest, together with top-k and top-p", async () => {
    const logits = randomLogits(100, 14);
    const u = uniforms(foldIn(key, 15), 100);
    const alone = { ...plain, hasMinP: true, hasEntropies: true };
    const wide = { logits, uniforms: u, temperature: 2 };
    const got = await sample(alone, { ...wide, minP: 0.3 });
    const both = await sample({ ...alone, isFiltered: true }, { ...wide, minP: 0.3, topK: 2 });
    for (const row of logits.keys()) {
      const p = softmaxOf(logits[row]!.map((value) => value / 2));
      const [first, second] = [...p].sort((a, b) => b - a) as [number, number];
      const keeping = (least: number): number[] => {
        const kept = p.map((share) => (share >= least ? share : 0));
        const total = kept.reduce((sum, share) => sum + share, 0);
        return kept.map((share) => share / total);
      };
      const rows = [
        { ...got, kept: keeping(0.3 * first) },
        { ...both, kept: keeping(Math.max(0.3 * first, second)) },
      ];
      for (const { ids, logProbs, entropies, kept } of rows) {
        expect(ids[row]).toBe(inverse(kept, u[row]!));
        expect(logProbs[row]).toBeCloseTo(Math.log(kept[ids[row]!]!), 4);
        expect(entropies![row]).toBeCloseTo(entropyOf(kept), 5);
      }
    }
    const largest = logits.map((row) => row.indexOf(Math.max(...row)));
    expect((await sample(alone, { ...wide, minP: 1 })).ids).toEqual(largest);
    const all = await sample({ ...plain, hasMinP: true }, { ...wide, minP: 1e-9 });
    expect(all).toEqual(await sample(plain, wide));
  });

  it("keeps all of them, and draws the same, when top-k is V and top-p is off", async () => {
    const asked = { logits: randomLogits(100, 7), uniforms: uniforms(foldIn(key, 8), 100) };
    expect(await sample(filtered, asked)).toEqual(await sample(plain, asked));
  });

  it("tells the entropy: log V for equal ids, 0 and never less where one is certain; the rest stays as it is", async () => {
    const equal = new Array<number>(width).fill(-3);
    const certain = equal.map((value, id) => (id === 5 ? 1e4 : value));
    const told = { ...plain, hasEntropies: true };
    const sure = { logits: [equal, certain], uniforms: [0.5, 0.5] };
    const { entropies } = await sample(told, sure);
    expect(entropies![0]).toBeCloseTo(Math.log(width), 6);
    expect(entropies![1]).toBe(0);
    const asked = { logits: randomLogits(100, 12), uniforms: uniforms(foldIn(key, 13), 100) };
    const { entropies: some, ...rest } = await sample(told, asked);
    expect(some!.every((entropy) => entropy > 0 && entropy < Math.log(width))).toBe(true);
    expect(rest).toEqual(await sample(plain, asked));
  });

  it("keeps exactly k of equal ids, the lower ones", async () => {
    const count = 60;
    const even = Array.from({ length: count }, (_, i) => (i + 0.5) / count);
    const logits = even.map(() => new Array<number>(width).fill(0));
    const { ids } = await sample(filtered, { logits, uniforms: even, topK: 3 });
    expect([...new Set(ids)]).toEqual([0, 1, 2]);
  });

  it("guides by cond + s (cond - uncond), joined or apart; s = 0 is the conditional pass, bit for bit", async () => {
    const [logits, unconditional] = [randomLogits(100, 9), randomLogits(100, 10)];
    const u = uniforms(foldIn(key, 11), 100);
    const asked = { logits, unconditional, uniforms: u };
    for (const guidance of ["joined", "apart"] as const) {
      const variant = { guidance, isFiltered: false };
      const told = { ...variant, hasEntropies: true };
      const got = await sample(told, { ...asked, guidanceScale: 1.5, temperature: 0.7 });
      for (const [row, id] of got.ids.entries()) {
        const mixed = logits[row]!.map((value, i) => value + 1.5 * (value - unconditional[row]![i]!));
        const p = softmaxOf(mixed.map((value) => value / 0.7));
        expect(id).toBe(inverse(p, u[row]!));
        expect(got.logProbs[row]).toBeCloseTo(Math.log(p[id]!), 4);
        expect(got.entropies![row]).toBeCloseTo(entropyOf(p), 5);
      }
      expect(await sample(variant, { ...asked, guidanceScale: 0 })).toEqual(await sample(plain, asked));
    }
  });
});
