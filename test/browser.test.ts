/**
 * The browser's entry as a page gets it: bundled by Vite with no help for Node's modules, a model fetched from a server,
 * an image made by onnxruntime-web. What runs the bundle here is Node, whose own ways the bundle does not know.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web";
import { build, createLogger } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Browser from "../src/browser.ts";
import golden from "./golden/unchanged.json" with { type: "json" };

const root = new URL("..", import.meta.url).pathname;
let folder: string;
let text: string;
let browser: typeof Browser;
const complaints: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-browser-"));
  const say = (message: string) => void complaints.push(message);
  await build({
    configFile: false,
    root: folder,
    logLevel: "silent",
    customLogger: { ...createLogger("silent"), warn: say, warnOnce: say, error: say },
    build: {
      outDir: join(folder, "dist"),
      lib: { entry: join(root, "src/browser.ts"), formats: ["es"], fileName: () => "browser.mjs" },
      rollupOptions: { external: [] },
    },
  });
  const pieces = (await readdir(join(folder, "dist"))).map((name) => join(folder, "dist", name));
  text = (await Promise.all(pieces.map((piece) => readFile(piece, "utf8")))).join("\n");
  browser = await import(pathToFileURL(join(folder, "dist/browser.mjs")).href);
});
afterAll(() => rm(folder, { recursive: true }));

describe("the bundle", () => {
  it("holds all it needs, and nothing of Node", () => {
    expect(complaints).toEqual([]);
    expect(text).not.toMatch(/["'`]node:|__vite-browser-external|onnxruntime-node|\bfrom\s*["'][^."']/);
  });

  it("stays small: what a page loads before the first image, besides the runtime and the model", () => {
    expect(text.length).toBeLessThan(450_000);
  });
});

describe("a model from a server", () => {
  let server: Server;
  let address: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      readFile(join(root, request.url!)).then(
        (bytes) =>
          response.writeHead(200, { "content-length": bytes.length, connection: "close" }).end(bytes),
        () => response.writeHead(404, { connection: "close" }).end("not here"),
      );
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it("makes the images that Node's processor makes", async () => {
    const shares: number[] = [];
    const model = await browser.fetchModel(`${address}/models/sprites/`, {
      onProgress: ({ loadedBytes, totalBytes }) => {
        if (totalBytes !== null) shares.push(loadedBytes / totalBytes);
      },
    });
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    ort.env.wasm.numThreads = 1;
    const runner = await browser.createWebRunner({ ort });
    const pipeline = await browser.openImagePipeline(model, { runner });
    const { images, tokens } = await pipeline.generate({ classes: ["cat", "rocket"], seed: 7 });
    expect([images[0]!.width, images[0]!.pixels.length]).toEqual([64, 64 * 64 * 3]);
    const expected = golden.images.find(({ name }) => name === "default")!.tokens;
    // The two processors' kernels round apart; a token whose two best codes are nearly equal may then change.
    const other = expected[0]!.split(" ").map(Number);
    const isSame = [...tokens[0]!].map((id, n) => id === other[n]);
    expect(isSame.filter(Boolean).length / isSame.length).toBeGreaterThan(0.9);
    await pipeline.dispose();
    await runner.close();
  });

  it("says which file is not there, or is something else", async () => {
    await expect(browser.fetchModel(`${address}/models`)).rejects.toThrow(
      `${address}/models/model_index.json: must be a file that the server gives, got status 404 Not Found; check the ` +
        "address of the model folder",
    );
    await expect(browser.fetchModel("http://127.0.0.1:9/models")).rejects.toThrow(
      /model_index\.json: cannot be fetched \(.*\); check the address/,
    );
    const startPage = createServer((_, response) => response.end("<!doctype html>"));
    await new Promise<void>((listening) => startPage.listen(0, "127.0.0.1", listening));
    const at = `http://127.0.0.1:${(startPage.address() as AddressInfo).port}`;
    await expect(browser.fetchModel(at)).rejects.toThrow(/model_index\.json: not valid JSON/);
    startPage.close();
  });

  it("comes by what fetches, whose own words about a file stand as they are", async () => {
    const asked: string[] = [];
    const model = await browser.fetchModel(`${address}/models/sprites`, {
      fetch: (file, init) => {
        asked.push(file.slice(`${address}/models/sprites/`.length));
        return fetch(file, init);
      },
    });
    expect(model.classNames).toContain("cat");
    expect(asked.sort()).toEqual([
      "generation_config.json",
      "model_index.json",
      "tokenizer/config.json",
      "tokenizer/model.safetensors",
      "transformer/config.json",
      "transformer/model.safetensors",
    ]);
    const refusing = browser.fetchModel("/models/sprites", {
      fetch: async (file) => {
        throw new browser.InputError(`${file}: is not what was listed`);
      },
    });
    await expect(refusing).rejects.toThrow(/^\/models\/sprites\/model_index\.json: is not what was listed$/);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const onProgress = () => stop.abort(reason);
    await expect(
      browser.fetchModel(`${address}/models/sprites`, { signal: stop.signal, onProgress }),
    ).rejects.toBe(reason);
  });
});
