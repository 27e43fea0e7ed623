/** The yardstick: the best square float32 product of the same runtime and threads. */
import { foldIn, normals } from "../src/core/random.ts";
import { tensor } from "../src/core/tensor.ts";
import { encode, Graph, matmul } from "../src/graph/index.ts";
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
  graph.output("y", matmul(graph.input(a, "float32", [size, size]), graph.input(b, "float32", [size, size])));
  const random = (i: number) => tensor("float32", [size, size], normals(foldIn([7, 7], i), size * size));
  await runner.put({ [a]: random(1), [b]: random(2) });
  const program = await runner.load(encode(graph));
  return {
    size,
    async run() {
      const began = performance.now();
      for (let i = 0; i < repeats; i++) {
        await runner.run(program, { [a]: { stored: a }, [b]: { stored: b } }, { y: { store: `y ${size}` } });
      }
      return (performance.now() - began) / 1000 / repeats;
    },
  };
}
