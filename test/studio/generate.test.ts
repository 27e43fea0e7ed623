/** Generate, in a real browser: the tokens of Node, a link and a PNG that bring them back, and a page that asks for nothing more. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openImagePipeline } from "../../src/browser.ts";
import { ImagePipeline, readModel } from "../../src/index.ts";
import { wasmRunner } from "./node-wasm.ts";
import {
  copied,
  differing,
  drop,
  hasChromium,
  openPage,
  openStudio,
  type Studio,
  saved,
  untilDecoded,
  untilReady,
} from "./studio.ts";

const root = new URL("../..", import.meta.url).pathname;

describe.skipIf(!hasChromium)("the studio generates", () => {
  let studio: Studio;
  let page: Page;
  const complaints: string[][] = [];

  /** A page of a visitor who was never here. */
  async function open(hash = ""): Promise<Page> {
    const opened = await openPage(studio.browser, `${studio.served.url}${hash}`);
    complaints.push(opened.complaints);
    return opened.page;
  }

  beforeAll(async () => {
    studio = await openStudio();
    page = await open();
    await untilDecoded(page);
    await untilReady(page);
  });
  afterAll(async () => {
    await studio?.close();
  });

  it("the images that Node makes: exactly by the same arithmetic, and on the CPU but for rounding", async () => {
    const asked = { classes: ["cat"], count: 4, seed: 7 };
    const runner = await wasmRunner();
    const model = await readModel(join(root, "models/sprites"));
    const same = await openImagePipeline(model, { runner });
    const wasm = (await same.generate(asked)).tokens[0]!;
    await same.dispose();
    await runner.close();
    const native = await ImagePipeline.fromPretrained(join(root, "models/sprites"));
    const cpu = (await native.generate(asked)).tokens[0]!;
    await native.dispose();
    const here = await copied(page);
    expect([here.class, here.seed]).toEqual(["cat", "7"]);
    expect(here.tokens).toHaveLength(64);
    expect(differing(here.tokens, wasm)).toBe(0);
    // The two builds' kernels round apart; a token whose two best codes are nearly equal may then be the other one.
    expect(differing(here.tokens, cpu)).toBeLessThanOrEqual(2);
  });

  it("by two threads, which it says", async () => {
    expect(await page.locator('[data-test="where"]').textContent()).toMatch(/processor, \d+ threads/);
  });

  it("with an image of every class", async () => {
    await page.locator(".class-tile canvas").nth(11).waitFor();
    expect(await page.locator(".class-tile canvas").count()).toBe(12);
    await untilReady(page);
  });

  it("and says what this will take here", async () => {
    await page.locator('[data-test="expected"]', { hasText: /^\d+(\.\d)? m?s$/ }).waitFor();
  });

  it("step by step, and goes back through them", async () => {
    await page.locator("#scrub").fill("3");
    await expect.poll(() => page.locator("#scrub").getAttribute("aria-valuetext")).toBe("after step 3 of 16");
    // After three steps few tokens are decoded; the others are veiled.
    const veiled = await page
      .locator(".stage-tile .overlay canvas")
      .first()
      .evaluate((canvas) => {
        const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, 8, 8);
        return data.filter((value, i) => i % 4 === 3 && value > 0).length;
      });
    // Of 64 tokens in the Halton order of 16 steps, ceil(64 acos(3/16) / (pi/2)) = 57 are still masked after the third.
    expect(veiled).toBe(57);
    await page.locator("#scrub").fill("16");
    await expect.poll(() => page.locator(".stage-tile .overlay").count()).toBe(0);
  });

  it("by the plan that is dragged, and remembers it in its address", async () => {
    await page.getByRole("slider", { name: "Step 1 of 16" }).focus();
    await page.keyboard.press("ArrowUp");
    await expect.poll(() => page.locator(".dial-plan").textContent()).toContain("4x1 8x3 1x12");
    await expect
      .poll(() => decodeURIComponent(page.url()))
      .toContain('{"factor":4,"steps":1},{"factor":8,"steps":3}');
    await page.locator("#seed").fill("12345678901234567890");
    await page.keyboard.press("Tab");
    await page.locator("#count").fill("2");
    await page.keyboard.press("Tab");
    await expect.poll(() => page.url()).toContain("seed=12345678901234567890");
    await page.keyboard.press("g");
    await page.locator('.stage[data-count="2"]').waitFor();
    await untilDecoded(page);
    await untilReady(page);
  });

  it("the same tokens from its link", async () => {
    const here = await copied(page);
    const again = await open(new URL(page.url()).hash);
    await untilDecoded(again);
    expect(await copied(again)).toEqual(here);
    await again.context().close();
  });

  it("the same tokens from a PNG that it saved, dropped onto a page that never saw it", async () => {
    await page.getByRole("button", { name: "Select image 2" }).click();
    const here = await copied(page);
    const png = await saved(page, "Save PNG");
    const again = await open("#class=house&seed=1");
    await untilDecoded(again);
    await drop(again, "cat.png", "image/png", png);
    await again.getByText("Restored from cat.png").waitFor();
    await again.locator('.stage[data-count="1"]').waitFor();
    await untilDecoded(again);
    const restored = await copied(again);
    expect(restored).toEqual(here);
    expect(restored.plan).toEqual(here.plan);
    await again.context().close();
  });

  it("by the keyboard: N draws a new seed, Escape cancels", async () => {
    const before = await page.locator("#seed").inputValue();
    await page.locator("body").press("n");
    await expect.poll(() => page.locator("#seed").inputValue()).not.toBe(before);
    await page.locator("body").press("Escape");
    await untilReady(page);
    await page.locator("body").press("g");
    await untilDecoded(page);
  });

  it("and asks for nothing once it is loaded", async () => {
    await untilReady(page);
    const asked: string[] = [];
    page.on("request", (request) => void asked.push(request.url()));
    await page.locator("#budget").fill("0");
    await page.locator("body").press("n");
    await untilDecoded(page);
    await untilReady(page);
    await saved(page, "Save PNG");
    expect(asked.filter((url) => !url.startsWith("blob:"))).toEqual([]);
  });

  it("from files that it keeps: a second visit asks for no weights", async () => {
    studio.served.asked.length = 0;
    await page.reload();
    await untilDecoded(page);
    expect(studio.served.asked).toContain("/models/index.json");
    expect(studio.served.asked.filter((path) => path.endsWith(".safetensors"))).toEqual([]);
  });

  it("without a complaint on its console", () => {
    expect(complaints.flat()).toEqual([]);
  });

  it("with at most 150 KB of script, compressed, besides the runtime and the model", async () => {
    // What the visit above asked for: all scripts but the charts of trainings, which come when they are first seen.
    const names = [...new Set(studio.served.asked)].filter((path) => /^\/assets\/.*\.js$/.test(path));
    const sizes = await Promise.all(
      names.map(async (name) => gzipSync(await readFile(join(studio.folder, name))).length),
    );
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);
  });
});
