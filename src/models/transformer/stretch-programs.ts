/**
 * The compiled graphs of stretches, kept for as long as the transformer: a graph is compiled once it pays, and the least
 * recently used ones beyond a few are let go, since each keeps the memory of its largest run.
 */
import { encode, type Graph } from "../../graph/index.ts";
import type { Program, Runner } from "../../runtime/runner.ts";

/** As many as a plan of four sub-models has stretches. */
const mostKept = 4;

/**
 * Batches that make up for compiling: it takes half a second for the shipped model's 4,800 nodes, and one run instead of
 * twelve saves 25 to 95 ms a batch (docs/performance.md).
 */
const batchesThatPay = 8;

export interface StretchPrograms {
  /**
   * Whether a stretch is to run as one graph: it is compiled, or compiling pays now. Each question counts as one batch.
   *
   * @param key           what tells its graph from others
   * @param batchesToCome those that are known to follow this one
   */
  pays(key: string, batchesToCome: number): boolean;
  /** Runs a stretch by its graph, which is compiled first where it is not there; it stays until the run is done. */
  use<T>(key: string, build: () => Graph, run: (program: Program) => Promise<T>): Promise<T>;
  /** Lets go of all. No run may be in progress. */
  dispose(): Promise<void>;
}

interface Kept {
  readonly program: Promise<Program>;
  /** Runs in progress. */
  users: number;
}

export function openStretchPrograms(runner: Runner): StretchPrograms {
  /** By key, the least recently used first. */
  const kept = new Map<string, Kept>();
  const asked = new Map<string, number>();

  function found(key: string, build: () => Graph): Kept {
    let one = kept.get(key);
    if (!one) {
      const program = runner.load(encode(build()));
      one = { program, users: 0 };
      program.catch(() => kept.delete(key)); // a refused graph is tried again
    }
    kept.delete(key);
    kept.set(key, one);
    return one;
  }

  async function letGo(): Promise<void> {
    const idle = [...kept].filter(([, { users }]) => users === 0);
    for (const [key, { program }] of idle.slice(0, Math.max(0, kept.size - mostKept))) {
      kept.delete(key);
      asked.delete(key); // it has to pay once more
      await runner.unload(await program);
    }
  }

  return {
    pays(key, batchesToCome) {
      const count = (asked.get(key) ?? 0) + 1;
      asked.set(key, count);
      return kept.has(key) || count + batchesToCome >= batchesThatPay;
    },
    async use(key, build, run) {
      const one = found(key, build);
      one.users++;
      try {
        await letGo();
        return await run(await one.program);
      } finally {
        one.users--;
      }
    },
    async dispose() {
      for (const { program } of kept.values()) await runner.unload(await program);
      kept.clear();
    },
  };
}
