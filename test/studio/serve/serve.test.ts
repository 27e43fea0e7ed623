/** The studio's server over HTTP: what it hands out, what it does not, and the folder that other hosts serve. */
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withFolderLocked } from "../../../src/core/node/folder-lock.ts";
import { parseModelList } from "../../../src/pipelines/model-list.ts";
import { openRunFolder } from "../../../src/training/run-folder.ts";
import type { RunList } from "../../../studio/run-list.ts";
import { type RunningStudio, startStudio, writeStudio } from "../../../studio/serve/index.ts";

const sprites = fileURLToPath(new URL("../../../models/sprites", import.meta.url));
let folder: string;
let page: string;
let studio: RunningStudio;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-serve-"));
  page = join(folder, "page");
  await mkdir(join(page, "ort"), { recursive: true });
  await writeFile(join(page, "index.html"), "<!doctype html><title>studio</title>");
  await writeFile(join(page, "ort/runtime.mjs"), "export {};");
  await cp(sprites, join(folder, "models/sprites"), { recursive: true });
  await writeFile(join(folder, "models/sprites/private.txt"), "not in the list");
  await writeFile(join(folder, "secret.txt"), "beside the models");
  await mkdir(join(folder, "runs"));
  studio = await startStudio({ folders: [join(folder, "models"), join(folder, "runs")], page, ...here });
});
afterAll(async () => {
  await studio?.stop();
  await rm(folder, { recursive: true });
});

const here = { port: 0, host: "127.0.0.1" };
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${studio.url}${path}`, { headers });
const weights = "models/sprites/tokenizer/model.safetensors";

/** The status of a path as it stands: `fetch` would tidy it up. */
const statusOf = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: studio.port, path }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    asked.on("error", reject);
    asked.end();
  });

describe("the page", () => {
  it("comes isolated, and may ask nobody but its own host", async () => {
    const response = await get("");
    expect(await response.text()).toContain("<title>studio</title>");
    expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(response.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'self';/);
    expect((await get("ort/runtime.mjs")).headers.get("content-type")).toMatch(/^text\/javascript/);
  });

  it("is only read", async () => {
    const response = await fetch(studio.url, { method: "POST", body: "x" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("the models", () => {
  it("are listed with the digests of their files, which are what is sent", async () => {
    const { models } = parseModelList(await (await get("models/index.json")).json(), "list");
    expect(models.map(({ name, makes, resolution }) => [name, makes, resolution])).toEqual([
      ["sprites", "image", 64],
    ]);
    const { bytes, sha256 } = models[0]!.files["tokenizer/model.safetensors"]!;
    const response = await get(weights);
    const sent = Buffer.from(await response.arrayBuffer());
    const digest = createHash("sha256").update(sent);
    expect(sent.length).toBe(bytes);
    expect(response.headers.get("repr-digest")).toBe(`sha-256=:${digest.copy().digest("base64")}:`);
    expect(digest.digest("hex")).toBe(sha256);
  });

  it("are sent in parts, and not again where the browser has them", async () => {
    const whole = await readFile(join(sprites, "tokenizer/model.safetensors"));
    const part = await get(weights, { range: "bytes=100-199" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 100-199/${whole.length}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 200))).toBe(true);
    const etag = part.headers.get("etag")!;
    expect((await get(weights, { range: `bytes=${whole.length}-` })).status).toBe(416);
    expect((await get(weights, { "if-none-match": etag })).status).toBe(304);
    expect((await get(weights, { range: "bytes=0-9", "if-range": etag })).status).toBe(206);
    const other = await get(weights, { range: "bytes=0-9", "if-range": '"of another version"' });
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, whole.length]);
  });

  it("are listed by their new digest once a file has changed", async () => {
    const listOf = async () => parseModelList(await (await get("models/index.json")).json(), "list");
    const before = (await listOf()).models[0]!.files["generation_config.json"]!.sha256;
    const path = join(folder, "models/sprites/generation_config.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, `${text}\n`);
    const after = (await listOf()).models[0]!.files["generation_config.json"]!.sha256;
    expect(after).toBe(createHash("sha256").update(`${text}\n`).digest("hex"));
    expect(after).not.toBe(before);
    await writeFile(path, text);
  });

  it.each([
    "/models/sprites/private.txt",
    "/models/sprites/README.md",
    "/models/sprites/../../secret.txt",
    "/models/../secret.txt",
    "/models/sprites/%2e%2e/%2e%2e/secret.txt",
    "/models/sprites/..%2f..%2fsecret.txt",
    "/models/sprites/tokenizer%5cconfig.json",
    "/models/sprites/constructor",
    "/../secret.txt",
    "//etc/passwd",
    "/models//etc/passwd",
    "/runs/../secret.txt",
  ])("%s is not among them", async (path) => {
    expect(await statusOf(path)).toBe(404);
  });
});

describe("the trainings", () => {
  const list = async (): Promise<RunList> => (await get("runs/index.json")).json() as Promise<RunList>;

  it("appear when they begin, grow, and are told as going on while somebody trains", async () => {
    expect(await list()).toEqual({ runs: [] });
    const out = join(folder, "runs/letters");
    const config = { transformer: { training: { steps: 40 } }, tokenizer: { training: { steps: 20 } } };
    await withFolderLocked(out, async () => {
      const run = await openRunFolder(join(out, "transformer"), config);
      await run.log({ step: 10, loss: 2.5 });
      await run.saveSample(10, new Uint8Array([1, 2, 3]));
      const { runs } = await list();
      expect(runs).toMatchObject([
        {
          name: "letters",
          isTraining: true,
          stages: [
            {
              name: "transformer",
              steps: 40,
              metrics: { url: "runs/letters/transformer/metrics.jsonl" },
              samples: [{ step: 10, url: "runs/letters/transformer/samples/10.png" }],
            },
          ],
        },
      ]);
      const { metrics, samples } = runs[0]!.stages[0]!;
      await run.log({ step: 20, loss: 1.5 });
      const tail = await get(metrics!.url, { range: `bytes=${metrics!.bytes}-` });
      expect([tail.status, await tail.text()]).toEqual([206, '{"step":20,"loss":1.5}\n']);
      const sample = await get(samples[0]!.url);
      expect([sample.headers.get("content-type"), (await sample.arrayBuffer()).byteLength]).toEqual([
        "image/png",
        3,
      ]);
    });
    expect((await list()).runs[0]!.isTraining).toBe(false);
    const before = (await list()).runs[0]!.stages[0]!.metrics!.id;
    await openRunFolder(join(out, "transformer"), config, { resume: true }); // drops what no checkpoint holds
    const after = (await list()).runs[0]!.stages[0]!.metrics!;
    expect([after.bytes, after.id === before]).toEqual([0, false]);
  });

  it.each([
    "/runs/letters/transformer/samples/11.png",
    "/runs/letters/transformer/config.json",
    "/runs/letters/none/metrics.jsonl",
    "/runs/none/transformer/metrics.jsonl",
  ])("%s is not among them", async (path) => {
    expect(await statusOf(path)).toBe(404);
  });
});

describe("what it is given", () => {
  it("must be there, and hold something", async () => {
    const start = (path: string) => startStudio({ folders: [path], page, ...here });
    await expect(start(join(folder, "nowhere"))).rejects.toThrow(/nowhere: is no folder; check the path/);
    await expect(start(page)).rejects.toThrow(/holds no model and no training; give a model folder/);
    await expect(startStudio({ folders: [sprites], page: folder, ...here })).rejects.toThrow(
      /page is not built yet; npm run build:page/,
    );
    await expect(
      startStudio({ folders: [sprites], page, host: "127.0.0.1", port: studio.port }),
    ).rejects.toThrow(/cannot listen on port \d+ of 127\.0\.0\.1: it is taken; choose another one, or 0/);
  });

  it("may be of a newer format: named, it is refused; among others, left out with the reason", async () => {
    const models = join(folder, "mixed");
    await cp(sprites, join(models, "old"), { recursive: true });
    await cp(sprites, join(models, "new"), { recursive: true });
    const path = join(models, "new/model_index.json");
    await writeFile(
      path,
      JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), sampler: "learned" }),
    );
    await expect(startStudio({ folders: [join(models, "new")], page, ...here })).rejects.toThrow(
      /new\/model_index/,
    );
    const { found, stop } = await startStudio({ folders: [models], page, ...here });
    await stop();
    expect(found.models.map(({ listed }) => listed.name)).toEqual(["old"]);
    expect(found.refused).toEqual([expect.stringMatching(/new\/model_index\.json/)]);
  });

  it("may bear one name twice", async () => {
    const { found, stop } = await startStudio({ folders: [sprites, join(folder, "models")], page, ...here });
    await stop();
    expect(found.models.map(({ listed }) => listed.name)).toEqual(["sprites", "sprites-2"]);
  });
});

describe("a folder for any host", () => {
  it("holds the page, the list and the models, and replaces an earlier one only", async () => {
    const out = join(folder, "site");
    await writeStudio({ folders: [sprites], page, out });
    await writeStudio({ folders: [sprites], page, out });
    const { models } = parseModelList(
      JSON.parse(await readFile(join(out, "models/index.json"), "utf8")),
      out,
    );
    for (const [path, { bytes, sha256 }] of Object.entries(models[0]!.files)) {
      const written = await readFile(join(out, "models/sprites", path));
      expect([written.length, createHash("sha256").update(written).digest("hex")]).toEqual([bytes, sha256]);
    }
    expect(JSON.parse(await readFile(join(out, "runs/index.json"), "utf8"))).toEqual({ runs: [] });
    expect((await stat(join(out, "ort/runtime.mjs"))).isFile()).toBe(true);
    expect((await stat(out)).mode & 0o777).toBe((await stat(join(folder, "models"))).mode & 0o777);
    await expect(writeStudio({ folders: [sprites], page, out: join(folder, "models") })).rejects.toThrow(
      /models: holds something else than a studio/,
    );
    await expect(writeStudio({ folders: [join(folder, "runs")], page, out })).rejects.toThrow(
      /holds no model; a static studio needs one/,
    );
  });
});
