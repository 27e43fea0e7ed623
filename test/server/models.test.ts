/** Several models within a budget of memory. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Models } from "../../server/models.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

let folder: string;
let folders: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "models-"));
  folders = ["a", "b", "c"].map((name) => join(folder, name));
  await writeModel(folders[0]!, toyModel(), { store: "float32" });
  for (const copy of folders.slice(1)) await cp(folders[0]!, copy, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

const open = async (fitting: number) => {
  const events: string[] = [];
  const { bytes } = (await Models.open(folders, { batch: 4 })).list()[0]!;
  const models = await Models.open(folders, {
    ...{ batch: 4, threads: 1, memory: Math.floor(bytes * (fitting + 0.5)) },
    onEvent: (event, model) => events.push(`${event} ${model}`),
  });
  const use = async (id: string) => (await models.lease(id)).release();
  return { models, events, use };
};

it("the least recently used model makes room", async () => {
  const { models, events, use } = await open(2);
  for (const id of ["a", "b", "a", "c", "a", "b"]) await use(id);
  expect(events).toEqual(["loaded a", "loaded b", "unloaded b", "loaded c", "unloaded c", "loaded b"]);
  expect(models.loadedCount).toBe(2);
  await models.close();
  expect(models.loadedCount).toBe(0);
});

it("a model in use stays, and who needs its room waits", async () => {
  const { models, events, use } = await open(1);
  const held = await models.lease("a");
  const other = use("b");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(events).toEqual(["loaded a"]);
  expect(held.pipeline.model.classNames).toHaveLength(3);
  await held.release();
  await other;
  expect(events).toEqual(["loaded a", "unloaded a", "loaded b"]);
  await models.close();
});

it("a broken model is loaded anew, but not taken from those that still use it", async () => {
  const { models, events } = await open(2);
  const [first, second] = [await models.lease("a"), await models.lease("a")];
  await first.release(true);
  const anew = await models.lease("a");
  expect(events).toEqual(["loaded a", "discarded a", "loaded a"]);
  expect(anew.pipeline).not.toBe(second.pipeline);
  const { samples, request } = second.pipeline.prepare({ seed: 1 });
  expect(await second.pipeline.decodeTogether(request.plan, samples)).toHaveLength(1);
  await second.release();
  await anew.release();
  await models.close();
});

it("a request without a model's name gets the first one of its kind, or is told what there is", async () => {
  const models = await Models.open(folders, { batch: 4 });
  expect(models.choose(undefined, "images").id).toBe("a");
  expect(models.choose("b", "images").id).toBe("b");
  expect(() => models.choose(undefined, "videos")).toThrow(
    "body: model: must be one that makes videos, and there is none here; there are a (images), b (images), c (images)",
  );
  expect(() => models.choose("b", "videos")).toThrow(/none here/);
  expect(() => models.choose("x", "images")).toThrow('body: model: must be one of a, b, c, got "x"');
  expect(() => models.get("x")).toThrow('model: must be one of a, b, c, got "x"');
});

it("folders that cannot be served are refused by name", async () => {
  const refused = (given: readonly string[], memory?: number) =>
    expect(Models.open(given, { batch: 4, memory })).rejects;
  await refused([folders[0]!, join(folder, "x", "..", "a")]).toThrow(/have the same, "a"; rename/);
  await refused([join(folder, "nothing")]).toThrow(/nothing/);
  await refused([folders[0]!], 1000).toThrow(/--memory must hold at least one model: .* takes \d+ MiB/);
});
