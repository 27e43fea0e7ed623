/** The browser's runner over onnxruntime-web's WebAssembly, which Node can run too. */
import * as ort from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { tensor } from "../../../src/core/tensor.ts";
import type { Device } from "../../../src/runtime/device.ts";
import type { Feed, Runner } from "../../../src/runtime/runner.ts";
import { createWebRunner } from "../../../src/runtime/web/runner.ts";
import { product, step } from "../tiny-models.ts";

const f32 = (dims: number[], ...values: number[]) => tensor("float32", dims, Float32Array.from(values));

describe("a runner on wasm", () => {
  let runner: Runner;
  beforeAll(async () => {
    ort.env.wasm.numThreads = 1;
    runner = await createWebRunner({ ort });
  });
  afterAll(() => runner.close());

  it("computes", async () => {
    expect(runner.device).toBe("wasm");
    const program = await runner.load(product);
    expect(program.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["n", 3] },
      { name: "w", dtype: "float32", shape: [3, "k"] },
    ]);
    // [1 2 3; 4 5 6] @ [1 0; 0 1; 2 2] = [7 8; 16 17]
    const feeds = { x: f32([2, 3], 1, 2, 3, 4, 5, 6), w: f32([3, 2], 1, 0, 0, 1, 2, 2) };
    expect((await runner.run(program, feeds, { y: "host" })).y).toEqual(f32([2, 2], 7, 8, 16, 17));
    await runner.unload(program);
  });

  it("keeps tensors between runs, whole and by their leading rows", async () => {
    const program = await runner.load(step);
    const state = f32([3], 0, 0, 0);
    await runner.put({ state });
    state.data.fill(99); // the caller's array is not the stored one
    const feeds: Record<string, Feed> = { state: { stored: "state" }, change: f32([3], 1, 2, 3) };
    for (let i = 1; i <= 5; i++) {
      const { total } = await runner.run(program, feeds, { next: { store: "state" }, total: "host" });
      expect(total!.data[0]).toBe(6 * i);
    }
    const leading = { state: { stored: "state", rows: 2 }, change: f32([2], 1, 1) };
    expect((await runner.run(program, leading, { total: "host" })).total).toEqual(f32([1], 5 + 10 + 2));
    await runner.unload(program);
    await runner.drop(["state"]);
    expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  });
});

describe("createWebRunner", () => {
  it("refuses a device that no browser has", async () => {
    await expect(createWebRunner({ ort, device: "cpu" })).rejects.toThrow(InputError);
    await expect(createWebRunner({ ort, device: "tpu" as Device })).rejects.toThrow(
      /must be wasm or webgpu in a browser, got "tpu"/,
    );
  });

  it("waits on closing for the run in progress, and then says that it was closed", async () => {
    const runner = await createWebRunner({ ort });
    const program = await runner.load(product);
    const feeds = { x: f32([1, 3], 1, 2, 3), w: f32([3, 1], 1, 1, 1) };
    const running = runner.run(program, feeds, { y: "host" });
    const closed = runner.close();
    await expect(runner.stats()).rejects.toThrow("it was closed");
    expect((await running).y).toEqual(f32([1, 1], 6));
    await closed;
  });
});
