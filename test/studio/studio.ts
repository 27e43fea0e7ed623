/** The studio as a visitor has it: built, served, and opened in the Chromium of the machine. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { listModels } from "../../src/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Debian's and Ubuntu's places; another one by CHROMIUM. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Whether there is a browser to test in; tests are skipped, and shown as skipped, where there is none. */
export const hasChromium = chromiumPath !== undefined;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export interface ServeOptions {
  /** Send the headers that let the page use threads; default true. */
  readonly isIsolated?: boolean;
  /** Answers some addresses in its own way: bytes to send, a status, or null for what is there. */
  readonly answer?: (path: string) => Uint8Array | number | null | Promise<Uint8Array | number | null>;
}

export interface Served {
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Builds the studio into a folder of its own. */
export async function buildStudio(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "magnets-studio-"));
  await build({
    configFile: join(root, "studio/vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder, emptyOutDir: true },
  });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Serves what was built, with the models of this repository. */
export async function serve(
  folder: string,
  { isIsolated = true, answer }: ServeOptions = {},
): Promise<Served> {
  const list = Buffer.from(JSON.stringify(await listModels(join(root, "models"))));
  const asked: string[] = [];
  async function bytesAt(path: string): Promise<Uint8Array | number> {
    const own = (await answer?.(path)) ?? null;
    if (own !== null) return own;
    if (path === "/models/index.json") return list;
    if (path === "/runs/index.json") return Buffer.from('{"runs":[]}');
    const file = path.startsWith("/models/")
      ? join(root, path)
      : join(folder, path === "/" ? "index.html" : path);
    return readFile(file).catch(() => 404);
  }
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    asked.push(path);
    const bytes = await bytesAt(path);
    response.setHeader("connection", "close");
    if (isIsolated) {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
    }
    if (typeof bytes === "number") return response.writeHead(bytes).end("not here");
    response.writeHead(200, {
      "content-type": types[extname(path) || ".html"] ?? "application/octet-stream",
      "content-length": bytes.length,
    });
    response.end(bytes);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
  /** Whether the page may install a service worker; default true. */
  readonly hasServiceWorkers?: boolean;
  /** Offer WebGPU by its software adapter. */
  readonly hasWebgpu?: boolean;
}

/** A browser of its own; what it keeps goes with it. */
export async function startBrowser({
  hasWebgpu = false,
}: Pick<OpenOptions, "hasWebgpu"> = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath!,
    args: [
      "--no-sandbox",
      ...(hasWebgpu
        ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"]
        : []),
    ],
  });
}

/** The studio on a host, and a browser to visit it with. */
export interface Studio {
  /** Where it was built. */
  readonly folder: string;
  readonly served: Served;
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Builds the studio, serves it and starts a browser. */
export async function openStudio({
  hasWebgpu,
  ...hosting
}: ServeOptions & Pick<OpenOptions, "hasWebgpu"> = {}): Promise<Studio> {
  const { folder, remove } = await buildStudio();
  const served = await serve(folder, hosting);
  const browser = await startBrowser({ hasWebgpu });
  return {
    ...{ folder, served, browser },
    async close() {
      await browser.close();
      await served.close();
      await remove();
    },
  };
}

/** A page of a new visitor, with whatever it complains of on its console. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, height = 900, theme = "light", hasServiceWorkers = true }: OpenOptions = {},
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    serviceWorkers: hasServiceWorkers ? "allow" : "block",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.setDefaultTimeout(250_000); // the machine may be busy with other things
  await page.goto(url);
  return { page, context, complaints };
}

/** Waits until the page shows what it was asked for. */
export async function untilDecoded(page: Page): Promise<void> {
  await page.locator('.stage-side[aria-busy="false"] [data-test="took"]').waitFor();
}

/** Waits until nothing runs, images of classes and measuring included. */
export async function untilReady(page: Page): Promise<void> {
  await page.locator('[data-test="status"]', { hasText: /^Ready$/ }).waitFor();
}

/** What the page copies of the selected image: all that makes it again, and its tokens. */
export async function copied(
  page: Page,
): Promise<{ seed: string; class: string; plan: object; tokens: number[] }> {
  await page.getByRole("button", { name: "Copy seed and plan" }).click();
  await page.getByText("Copied: seed, plan and tokens").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Close this message" }).click();
  return JSON.parse(text);
}

/** Drops a file onto the page. */
export async function drop(page: Page, name: string, type: string, bytes: Uint8Array): Promise<void> {
  const file = { name, type, text: Buffer.from(bytes).toString("base64") };
  const dataTransfer = await page.evaluateHandle(({ name, type, text }) => {
    const transfer = new DataTransfer();
    const content = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([content], name, { type }));
    return transfer;
  }, file);
  await page.dispatchEvent("main", "drop", { dataTransfer });
}

/** Clicks what saves a file; its bytes. */
export async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path());
}

/** How many tokens of two grids differ. */
export const differing = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).filter((id, n) => id !== b[n]).length;
