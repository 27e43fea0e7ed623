/** A dataset that a fleet tokenises gives the files of one process. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeByFleet } from "../../fleet/tokenise.ts";
import { loadConfig, type TrainConfig, trainModel } from "../../src/train.ts";
import { memoryStore } from "./memory-store.ts";
import { openRunnersFleet } from "./runners-fleet.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-fleet-tokenise-"));
});
afterAll(() => rm(folder, { recursive: true }));

const training = { batchSize: 2, warmupSteps: 1, checkpointEvery: 2, sampleEvery: 2, logEvery: 1 };
async function configFor(data: object): Promise<TrainConfig> {
  const file = join(folder, "tiny.yaml");
  const tokenizer = {
    ...{ patchSize: 4, channels: 4, multipliers: [1], residualBlocks: 1, latentWidth: 2, groups: 2 },
    quantizer: { kind: "vq", codebookSize: 8 },
  };
  const transformer = { width: 8, depth: 1, heads: 4, factors: [1, 2] };
  const config = {
    name: "tiny",
    data: { resolution: 8, ...data },
    tokenizer: { model: tokenizer, training: { ...training, steps: 2 } },
    transformer: { model: transformer, training: { ...training, steps: 2 } },
    decoding: { steps: 2, modelSchedule: "2x1,1x1" },
  };
  await writeFile(file, JSON.stringify(config)); // JSON is YAML
  return (await loadConfig(file)).config;
}

async function filesOf(run: string): Promise<Record<string, string>> {
  const names = (await readdir(join(run, "tokens"))).sort();
  const contents = names.map(async (name) => [
    name,
    (await readFile(join(run, "tokens", name))).toString("base64"),
  ]);
  return Object.fromEntries(await Promise.all(contents));
}

describe("drawn images, each also mirrored", () => {
  let config: TrainConfig;
  let right: Record<string, string>;
  beforeAll(async () => {
    config = await configFor({ source: "sprites", count: 4100, randomFlip: true }); // three parts
    await trainModel({ config, out: join(folder, "trained"), stage: "tokenizer", threads: 1 });
    await cp(join(folder, "trained"), join(folder, "alone"), { recursive: true });
    await trainModel({ config, out: join(folder, "alone"), stage: "tokenise", threads: 1 });
    right = await filesOf(join(folder, "alone"));
    expect(Object.keys(right).length).toBe(3);
  });

  it.each([1, 2, 5])("by %i workers", async (workers) => {
    const out = join(folder, `run-${workers}`);
    await cp(join(folder, "trained"), out, { recursive: true });
    const { fleet, did } = openRunnersFleet(workers, memoryStore());
    const told: number[] = [];
    const encodeParts = encodeByFleet(fleet);
    const onProgress = ({ step, total }: { step: number; total: number }) => {
      expect(total).toBe(4100);
      told.push(step);
    };
    await trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts, onProgress });
    expect(await filesOf(out)).toEqual(right);
    expect(told).toEqual([2048, 4096, 4100]);
    expect(did.flat().length).toBe(3);

    // A part that is missing is the only one asked for.
    await rm(join(out, "tokens", "0002-of-0003.safetensors"));
    told.length = 0;
    await trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts, onProgress });
    expect(await filesOf(out)).toEqual(right);
    expect(told).toEqual([4100]);
    await fleet.close();
  });
});

describe("a folder of images", () => {
  const images = () => join(folder, "images");
  beforeAll(async () => {
    const { writeImages } = await import("../pipelines/image-folder.ts");
    await writeImages(images(), ["a", "b"], 6);
    await writeFile(join(images(), "a", "broken.png"), "no image");
  });

  it("without its unreadable ones; a worker whose folder holds others is refused", async () => {
    const config = await configFor({ source: images(), count: null });
    const [out, alone] = [join(folder, "folder-run"), join(folder, "folder-alone")];
    await trainModel({ config, out, stage: "tokenizer", threads: 1 });
    await cp(out, alone, { recursive: true });
    await trainModel({ config, out: alone, stage: "tokenise", threads: 1 });
    const { fleet } = openRunnersFleet(1, memoryStore());
    await trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts: encodeByFleet(fleet) });
    expect(await filesOf(out)).toEqual(await filesOf(alone));
    await fleet.close();

    // An image is replaced after the run has looked at it.
    const other = openRunnersFleet(1, memoryStore());
    const changing = async function* (...asked: Parameters<ReturnType<typeof encodeByFleet>>) {
      await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
        .png()
        .toFile(join(images(), "b", "1.png"));
      yield* encodeByFleet(other.fleet)(...asked);
    };
    await rm(join(out, "tokens"), { recursive: true });
    await expect(
      trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts: changing }),
    ).rejects.toThrow(
      /images: its files have the digest [0-9a-f]{16}, those of this run have [0-9a-f]{16}; copy the same/,
    );
    await other.fleet.close();
  });
});

it("IDX files, of which a worker must have the same", async () => {
  const place = join(folder, "packed");
  await mkdir(place);
  const idx = (dims: readonly number[], values: (i: number) => number): Buffer => {
    const head = Buffer.alloc(4 + 4 * dims.length);
    head.set([0, 0, 8, dims.length]);
    for (const [i, dim] of dims.entries()) head.writeUInt32BE(dim, 4 + 4 * i);
    const size = dims.reduce((a, b) => a * b, 1);
    return Buffer.concat([head, Uint8Array.from({ length: size }, (_, i) => values(i))]);
  };
  const writeDataset = async (step: number) => {
    await writeFile(
      join(place, "train-images-idx3-ubyte"),
      idx([30, 8, 8], (i) => (i * step) % 256),
    );
    await writeFile(
      join(place, "train-labels-idx1-ubyte"),
      idx([30], (i) => i % 10),
    );
  };
  await writeDataset(37);
  const config = await configFor({ source: place, count: 20 });
  const [out, alone] = [join(folder, "packed-run"), join(folder, "packed-alone")];
  await trainModel({ config, out, stage: "tokenizer", threads: 1 });
  await cp(out, alone, { recursive: true });
  await trainModel({ config, out: alone, stage: "tokenise", threads: 1 });
  const { fleet } = openRunnersFleet(2, memoryStore());
  await trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts: encodeByFleet(fleet) });
  expect(await filesOf(out)).toEqual(await filesOf(alone));
  await fleet.close();

  const other = openRunnersFleet(1, memoryStore());
  const changing = async function* (...asked: Parameters<ReturnType<typeof encodeByFleet>>) {
    await writeDataset(38);
    yield* encodeByFleet(other.fleet)(...asked);
  };
  await rm(join(out, "tokens"), { recursive: true });
  await expect(
    trainModel({ config, out, stage: "tokenise", threads: 1, encodeParts: changing }),
  ).rejects.toThrow(
    /packed.*: its files have the digest [0-9a-f]+, those of this run have [0-9a-f]+; copy the same/,
  );
  await other.fleet.close();
});
