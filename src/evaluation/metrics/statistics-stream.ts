/**
 * Statistics of wide features, gathered by the engine: a block of vectors at a time goes into the mean and the scatter
 * that stay in the runner. The two sets, what came before and the block, join by the rule of Chan, Golub and LeVeque
 * (1979), which like Welford's loses no digits to a large mean:
 *
 *   m = m1 + δ n2 / n,   M = M1 + M2 + δ'δ n1 n2 / n,   δ = m2 - m1
 *
 * Memory grows with F², not with the number of vectors. F feature width, n = n1 + n2.
 */
import { tensor } from "../../core/tensor.ts";
import { add, encode, Graph, matmul, multiply, subtract, sum } from "../../graph/index.ts";
import type { Runner } from "../../runtime/runner.ts";
import { blockRows, checkFeatures, type FeatureSet } from "./feature-set.ts";
import type { FeatureStatistics } from "./frechet.ts";

/** Feature statistics, gathered batch by batch. */
export interface StatisticsStream {
  /**
   * Adds vectors [n, F]; await each call before the next.
   *
   * @throws when they are not of this width, or hold something that is not a finite number
   */
  add(features: FeatureSet): Promise<void>;
  /** The statistics of all vectors so far. */
  read(): Promise<FeatureStatistics>;
  /** Frees what the runner keeps. */
  dispose(): Promise<void>;
}

/** An empty set of vectors of `width` features, in float64. */
export async function openStatisticsStream(runner: Runner, width: number): Promise<StatisticsStream> {
  const program = await runner.load(encode(joinGraph(width)));
  const prefix = runner.prefixFor("statistics");
  const names = { mean: `${prefix}mean`, scatter: `${prefix}scatter` };
  await runner.put({
    [names.mean]: tensor("float64", [1, width], new Float64Array(width)),
    [names.scatter]: tensor("float64", [width, width], new Float64Array(width * width)),
  });
  const waiting = new Float64Array(blockRows * width);
  let filled = 0; // rows of `waiting`
  let joined = 0; // rows in the runner

  async function join(): Promise<void> {
    const total = joined + filled;
    const number = (value: number) => tensor("float64", [], Float64Array.of(value));
    await runner.run(
      program,
      {
        rows: tensor("float64", [filled, width], waiting.subarray(0, filled * width)),
        inverse: number(1 / filled),
        share: number(filled / total),
        pull: number((joined * filled) / total),
        mean: { stored: names.mean },
        scatter: { stored: names.scatter },
      },
      { "joint mean": { store: names.mean }, "joint scatter": { store: names.scatter } },
    );
    joined = total;
    filled = 0;
  }

  return {
    async add(features) {
      checkFeatures("statistics", features);
      if (features.dims[1] !== width) {
        throw new Error(`statistics: needs vectors of ${width} features, got ${features.dims[1]}`);
      }
      const { data } = features;
      for (let at = 0; at < data.length; ) {
        const part = data.subarray(at, at + (blockRows - filled) * width);
        waiting.set(part, filled * width);
        filled += part.length / width;
        at += part.length;
        if (filled === blockRows) await join();
      }
    },
    async read() {
      if (filled > 0) await join();
      const stored = await runner.get([names.mean, names.scatter]);
      return {
        width,
        count: joined,
        mean: stored[names.mean]!.data as Float64Array,
        scatter: stored[names.scatter]!.data as Float64Array,
      };
    },
    async dispose() {
      await runner.unload(program);
      await runner.drop(Object.values(names));
    },
  };
}

/** rows [N, F] joined to mean [1, F] and scatter [F, F]; `inverse` 1 / n2, `share` n2 / n, `pull` n1 n2 / n. */
function joinGraph(width: number): Graph {
  const graph = new Graph("join statistics");
  const rows = graph.input("rows", "float64", ["N", width]);
  const [inverse, share, pull] = ["inverse", "share", "pull"].map((name) => graph.input(name, "float64", []));
  const mean = graph.input("mean", "float64", [1, width]);
  const scatter = graph.input("scatter", "float64", [width, width]);
  const own = multiply(sum(rows, [0], true), inverse!); // [1, F]
  const centred = subtract(rows, own);
  const apart = subtract(own, mean); // δ
  const between = multiply(matmul(apart, apart, { a: true }), pull!);
  graph.output("joint mean", add(mean, multiply(apart, share!)));
  graph.output("joint scatter", add(scatter, add(matmul(centred, centred, { a: true }), between)));
  return graph;
}
