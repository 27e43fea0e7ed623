/** Nothing that the project computes on a GPU falls back to the CPU. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { foldIn, normals } from "../../src/core/random.ts";
import { type HostTensor, tensor } from "../../src/core/tensor.ts";
import { encode } from "../../src/graph/index.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { fitCodebook } from "../../src/training/codebook-fit.ts";
import { restartDeadCodes } from "../../src/training/codebook-restart.ts";
import { model } from "../runtime/tiny-models.ts";
import { describeOnGpu } from "./adapter.ts";
import { everyGraph } from "./every-graph.ts";

it("the list holds every graph that the sources make", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const made = files.flatMap((file) =>
    [...readFileSync(join("src", file), "utf8").matchAll(/^ *const graph = new Graph\("([^"]+)"\)/gm)].map(
      ([, name]) => name,
    ),
  );
  const listed = new Set(Object.values(everyGraph).map((build) => build().name));
  for (const name of ["codebook.distances", "codebook.lloyd"]) listed.add(name); // run by fitCodebook, below
  // Measures of sets are for the CPU: most compute in float64, and feature networks read bytes.
  const measures = ["congruence", "polynomial kernel", "squared distances", "join statistics"];
  for (const name of [...measures, "feature network's pixels"]) listed.add(name);
  expect(made.length).toBeGreaterThan(8);
  expect(made.filter((name) => !listed.has(name!))).toEqual([]);
});

describeOnGpu("with the fallback to the CPU forbidden", () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await createNodeRunner({ device: "webgpu", forbidFallback: true });
  });
  afterAll(() => runner.close());

  it("a runner refuses an operation that the device cannot do", async () => {
    const ports = ["x", "y"].map((name) => ({ name, shape: [3] }));
    const round = model("round", [["Round", ["x"], ["y"]]], ports.slice(0, 1), ports.slice(1));
    await expect(runner.load(round)).rejects.toThrow(/fallback to CPU EP has been explicitly disabled/);
  });

  it.each(Object.keys(everyGraph))("%s", async (name) => {
    await runner.unload(await runner.load(encode(everyGraph[name]!())));
  });

  it("the first codebook is fitted as on the CPU, and dead codes restart", async () => {
    const [count, width, size] = [60, 4, 5];
    const latents = tensor("float32", [count, width], normals([3, 4], count * width));
    const onCpu = await createNodeRunner({ threads: 1 });
    const fitted: HostTensor<"float32">[] = [];
    for (const each of [onCpu, runner])
      fitted.push(await fitCodebook(each, latents, size, foldIn([1, 2], 3)));
    await onCpu.close();
    fitted[0]!.data.forEach((value, i) => {
      expect(fitted[1]!.data[i]).toBeCloseTo(value, 5);
    });
    const names = ["weight", "first", "second", "average"].map((kind) => `${kind}/quantize.embedding.weight`);
    await runner.put(Object.fromEntries(names.map((name) => [name, fitted[1]!])));
    const use = { counts: Uint32Array.of(1, 0, 2, 0, 1) };
    expect(await restartDeadCodes(runner, use, latents, [5, 6])).toBe(2);
    const rows = (await runner.get(names))[names[0]!]!.data as Float32Array;
    const isLatent = (code: number) =>
      Array.from({ length: count }, (_, i) => latents.data.slice(i * width, (i + 1) * width)).some(
        (latent) => String(latent) === String(rows.slice(code * width, (code + 1) * width)),
      );
    expect([0, 1, 2, 3, 4].map(isLatent)).toEqual([false, true, false, true, false]);
    await runner.drop(names);
  });
});
