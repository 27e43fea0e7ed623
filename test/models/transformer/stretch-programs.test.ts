import { describe, expect, it } from "vitest";
import { add, Graph } from "../../../src/graph/index.ts";
import { openStretchPrograms } from "../../../src/models/transformer/stretch-programs.ts";
import type { Program, Runner } from "../../../src/runtime/runner.ts";

function plusOne(): Graph {
  const graph = new Graph("plus one");
  graph.output("y", add(graph.input("x", "float32", ["B"]), 1));
  return graph;
}

/** A runner that compiles nothing, but tells what is asked of it. */
function fakeRunner() {
  const loaded: number[] = [];
  const alive = new Set<number>();
  const load = async (): Promise<Program> => {
    const id = loaded.length;
    loaded.push(id);
    alive.add(id);
    return { id, name: "", inputs: [], outputs: [] };
  };
  const unload = async ({ id }: { id: number }): Promise<void> => {
    if (!alive.delete(id)) throw new Error(`program ${id} is not there`);
  };
  return { runner: { load, unload } as unknown as Runner, loaded, alive };
}

const idOf = async ({ id }: Program): Promise<number> => id;

describe("compiling a stretch", () => {
  it("pays after some batches, at once where they are known to come, and when it was done", async () => {
    const programs = openStretchPrograms(fakeRunner().runner);
    expect(Array.from({ length: 8 }, () => programs.pays("one by one", 0))).toEqual([
      ...Array(7).fill(false),
      true,
    ]);
    expect(programs.pays("a long series", 7)).toBe(true);
    expect([programs.pays("in pairs", 1), programs.pays("in pairs", 0)]).toEqual([false, false]);
    await programs.use("in pairs", plusOne, idOf);
    expect(programs.pays("in pairs", 0)).toBe(true);
  });
});

describe("the graphs that are kept", () => {
  it("are compiled once, and the least recently used ones are let go", async () => {
    const { runner, loaded, alive } = fakeRunner();
    const programs = openStretchPrograms(runner);
    for (const key of ["a", "b", "c", "d", "a", "e"]) await programs.use(key, plusOne, idOf);
    expect(loaded.length).toBe(5);
    expect([...alive]).toEqual([0, 2, 3, 4]); // not b
    expect(programs.pays("b", 0)).toBe(false);
    await programs.use("a", plusOne, async (program) => expect(program.id).toBe(0));
    await programs.dispose();
    expect(alive.size).toBe(0);
  });

  it("stay as long as they are in use", async () => {
    const { runner, alive } = fakeRunner();
    const programs = openStretchPrograms(runner);
    let end = (): void => {};
    const running = programs.use("long", plusOne, () => new Promise<void>((resolve) => (end = resolve)));
    for (const key of ["a", "b", "c", "d", "e"]) await programs.use(key, plusOne, idOf);
    expect([...alive]).toEqual([0, 3, 4, 5]);
    end();
    await running;
    await programs.use("f", plusOne, idOf);
    expect(alive.has(0)).toBe(false);
    await programs.dispose();
  });

  it("are tried again where the runner refused them, and tell why", async () => {
    const { runner, alive } = fakeRunner();
    let isRefusing = true;
    const load: Runner["load"] = (model) =>
      isRefusing ? Promise.reject(new Error("no memory")) : runner.load(model);
    const programs = openStretchPrograms({ ...runner, load });
    await expect(programs.use("a", plusOne, idOf)).rejects.toThrow("no memory");
    isRefusing = false;
    expect(await programs.use("a", plusOne, idOf)).toBe(0);
    await programs.dispose();
    expect(alive.size).toBe(0);
  });
});
