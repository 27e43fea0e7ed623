/** The yardstick: the best square float32 product of the same runtime and threads. */
import { foldIn, normals } from "../src/core/random.ts";
import { tensor } from "../src/core/tensor.ts";
import { encode, Graph, matmul, slice } from "../src/graph/index.ts";
import type { Runner } from "../src/runtime/runner.ts";

export interface SquareProduct {
  readonly size: number;
  /** @returns seconds of one product, the mean of a few */
  run(): Promise<number>;
}

/** A product of two stored matrices; `repeats` of them give one measurement. */
export async function squareProduct(runner: Runner, size: number, repeats: number): Promise<SquareProduct> {
  const graph = new Graph(`product ${size}`);
  const [a, b] = [`a ${size}`, `b ${size}`];
  const y = matmul(graph.input(a, "float32", [size, size]), graph.input(b, "float32", [size, size]));
  graph.output("y", y);
  // A run on a GPU returns before its work is done, unless a number of it is waited for.
  graph.output("number", slice(slice(y, 0, 0, 1), 1, 0, 1));
  const random = (i: number) => tensor("float32", [size, size], normals(foldIn([7, 7], i), size * size));
  const feeds = { [a]: { stored: a }, [b]: { stored: b } };
  await runner.put({ [a]: random(1), [b]: random(2) });
  const program = await runner.load(encode(graph));
  return {
    size,
    async run() {
      const began = performance.now();
      for (let i = 0; i < repeats; i++) {
        await runner.run(program, feeds, { y: { store: `y ${size}` }, number: "host" });
      }
      return (performance.now() - began) / 1000 / repeats;
    },
  };
}
