/** A server's batches by a fleet: the same images, from requests of several people, and nothing left in the store. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFleetDecoder } from "../../fleet/decode.ts";
import { openFleet } from "../../fleet/open-fleet.ts";
import {
  type ImagePipeline,
  InputError,
  openPipeline,
  prepareRequest,
  type ResolvedRequest,
  resolveRequest,
  type Sample,
} from "../../src/index.ts";
import { serve, sprites } from "../server/served.ts";
import { memoryStore } from "./memory-store.ts";
import { openRunnersFleet } from "./runners-fleet.ts";
import { openToyWork, type ToyWork } from "./toy-work.ts";

let folder: string;
let work: ToyWork;
let pipeline: ImagePipeline;
let plan: ResolvedRequest["plan"];
let samples: Sample[];
const here = { device: "cpu", precision: "fp32" } as const;
const signal = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-decode-"));
  work = await openToyWork(folder, { count: 4, batchSize: 4 });
  pipeline = (await openPipeline(work.by.folder, { threads: 1 })) as ImagePipeline;
  const { model } = work.by;
  const dogs = prepareRequest(resolveRequest({ classes: ["dog"], count: 2, seed: 2n ** 64n - 1n }, model));
  const [n, masked] = [work.alone.tokens[0]!.length, model.transformer.config.codebookSize];
  const startTokens = new Int32Array(n).fill(masked);
  const cat = prepareRequest(
    resolveRequest({ classes: ["cat"], count: 1, seed: 5, firstIndex: 7, startTokens }, model),
    { condition: new Int32Array(n).fill(1) },
  );
  plan = dogs.request.plan;
  samples = [...dogs.samples, ...cat.samples];
});
afterAll(async () => {
  await pipeline.dispose();
  await rm(folder, { recursive: true });
});

describe("a batch of a server", () => {
  it("is what the server itself would decode, and its result is taken out of the store", async () => {
    const store = memoryStore();
    const { fleet, did } = openRunnersFleet(2, store);
    const decoder = await openFleetDecoder(fleet, [work.by.folder], here);
    expect(decoder.workers()).toBe(2);
    const right = await pipeline.decodeTogether(plan, samples);
    const made = await Promise.all(
      [samples, samples.slice(2)].map((some) => decoder.decode(work.by.folder, plan, some, signal)),
    );
    expect(made).toEqual([right, right.slice(2)]);
    expect(did.map((jobs) => jobs.length)).toEqual([1, 1]);
    expect([...store.files.keys()]).toEqual([]);
    await decoder.close();
  });

  it("that is asked for twice at a time is there for both", async () => {
    const store = memoryStore();
    const decoder = await openFleetDecoder(openRunnersFleet(2, store).fleet, [work.by.folder], here);
    const made = await Promise.all([1, 2].map(() => decoder.decode(work.by.folder, plan, samples, signal)));
    expect(made[0]).toEqual(made[1]);
    expect([...store.files.keys()]).toEqual([]);
    await decoder.close();
  });

  it("can be tried beforehand by every worker, and what is wrong is told then", async () => {
    const store = memoryStore();
    const { fleet, did } = openRunnersFleet(2, store);
    const decoder = await openFleetDecoder(fleet, [work.by.folder], here);
    await decoder.warmUp(work.by.folder);
    expect(did.map((jobs) => jobs.length)).toEqual([1, 1]);
    expect([...store.files.keys()]).toEqual([]);
    await decoder.close();
    const absent = { device: "cuda", precision: "fp32" } as const;
    const other = await openFleetDecoder(
      await openFleet({ workers: 1, threads: 1 }),
      [work.by.folder],
      absent,
    );
    await expect(other.warmUp(work.by.folder)).rejects.toMatchObject({ name: "InputError" });
    await other.close();
  });

  it("that fails for good is not the fault of whoever asked", async () => {
    const fails = async () => {
      throw new InputError("a batch of 3 samples: failed on worker here:1: the disk is full");
    };
    const fleet = { ...openRunnersFleet(1, memoryStore()).fleet, run: fails };
    const decoder = await openFleetDecoder(fleet, [work.by.folder], here);
    const failing = decoder.decode(work.by.folder, plan, samples, signal);
    await expect(failing).rejects.toThrow("the disk is full");
    await expect(failing).rejects.not.toMatchObject({ name: "InputError" });
    await decoder.close();
  });
});

describe("a server with workers", () => {
  it("answers with the images of one without, streams and deadlines among them", async () => {
    const fleet = await openFleet({ workers: 2, threads: 1 });
    const decoder = await openFleetDecoder(fleet, [sprites], here);
    const [alone, shared] = [await serve(), await serve({ elsewhere: decoder })];
    const requests = ["cat", "dog, car", "none", "fish"].map((prompt, i) => ({ prompt, n: 3, seed: i }));
    const ask = async ({ post }: typeof alone, body: object) =>
      (await (await post("/v1/images/generations", body)).json()) as { data: { b64_json: string }[] };
    const made = await Promise.all(requests.map((body) => ask(shared, body)));
    for (const [i, body] of requests.entries()) expect(made[i]!.data).toEqual((await ask(alone, body)).data);
    const streamed = await shared.post("/v1/images/generations", {
      ...{ ...requests[0], n: 1, stream: true, partial_images: 1 },
    });
    const events = await streamed.text();
    expect(events).toContain("image_generation.partial_image");
    expect(events).toContain(made[0]!.data[0]!.b64_json);
    expect((await fetch(`${shared.server.url}/readyz`)).status).toBe(200);
    const timed = await shared.post("/v1/images/generations", { prompt: "cat", deadline: 60_000 });
    expect(timed.status).toBe(200);
    await Promise.all([alone.server.stop(), shared.server.stop()]);
    await decoder.close();
  });
});
