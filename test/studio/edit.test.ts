/** Compare and Edit, in a real browser: two plans of one seed; a part made again, and every other pixel as it was. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boxMask, imageRecordOf, openImagePipeline } from "../../src/browser.ts";
import { readModel } from "../../src/index.ts";
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

/** Pixels of the image that is edited, as [height, width, RGB]. */
async function canvas(page: Page): Promise<{ width: number; height: number; rgb: number[] }> {
  return page.locator('[data-test="canvas"]').evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
    return { width, height, rgb: Array.from(data).filter((_, i) => i % 4 !== 3) };
  });
}

/** The pixels of a box that differ between two images, and whether any does outside of it. */
function changes(
  before: Awaited<ReturnType<typeof canvas>>,
  after: typeof before,
  box: [x: number, y: number, side: number],
) {
  const [x0, y0, side] = box;
  let [inside, outside] = [0, 0];
  for (let i = 0; i < before.rgb.length; i++) {
    if (before.rgb[i] === after.rgb[i]) continue;
    const [x, y] = [Math.floor(i / 3) % before.width, Math.floor(i / 3 / before.width)];
    if (x >= x0 && x < x0 + side && y >= y0 && y < y0 + side) inside++;
    else outside++;
  }
  return { inside, outside };
}

describe.skipIf(!hasChromium)("the studio", () => {
  let studio: Studio;
  let page: Page;
  let complaints: string[];
  let dropped: Buffer;
  /** Of the edit, as it was saved, and as Node makes it. */
  let edited: { png: Buffer; tokens: Int32Array };

  beforeAll(async () => {
    studio = await openStudio();
    ({ page, complaints } = await openPage(studio.browser, `${studio.served.url}#count=2`));
    await untilDecoded(page);
    await untilReady(page);
  });
  afterAll(async () => {
    await studio?.close();
  });

  it("compares the baseline decode with the plan, and says what differs", async () => {
    await page.getByRole("link", { name: "Compare" }).click();
    await page.getByRole("button", { name: /^Compare/ }).click();
    const difference = page.locator('[data-test="difference"]');
    await difference.waitFor();
    const text = (await difference.textContent())!;
    const [, count, of] = /(\d+) of (\d+) tokens differ/.exec(text)!.map(Number);
    expect(of).toBe(2 * 64);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(128);
    // 5.55 G of the baseline decode, whose head only runs where tokens are masked, against 0.73 G, as magnets plan says.
    expect(text).toMatch(/takes 7\.60 times fewer multiply-adds/);
  });

  it("finds no difference between a plan and itself", async () => {
    await page.getByRole("combobox", { name: "Left plan" }).selectOption("yours");
    await page.getByRole("button", { name: /^Compare/ }).click();
    await page.getByText("0 of 128 tokens differ").waitFor();
  });

  it("edits an image that is dropped in: the marked tokens change, every other pixel stays", async () => {
    await page.getByRole("link", { name: "Edit" }).click();
    dropped = await sharp(join(root, "docs/images/samples.png"))
      .extract({ left: 0, top: 0, width: 64, height: 64 })
      .png()
      .toBuffer();
    await drop(page, "piece.png", "image/png", dropped);
    const before = await canvas(page);
    expect([before.width, before.height]).toEqual([64, 64]);
    expect(differing(before.rgb, await rgbOf(dropped))).toBe(0);
    // By keyboard: the token in row 3 and column 4, and those around it.
    await page.getByLabel("Brush").selectOption("3");
    await page.locator('[data-test="pad"]').focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Space"]) {
      await page.keyboard.press(key);
    }
    expect(await page.locator('[data-test="marked"]').textContent()).toBe("9 of 64 tokens marked");
    await page.getByRole("button", { name: /^Make it again/ }).click();
    await untilDecoded(page);
    const after = await canvas(page);
    const { inside, outside } = changes(before, after, [16, 8, 24]);
    expect(outside).toBe(0);
    expect(inside).toBeGreaterThan(100);
  });

  it("makes what the same arithmetic makes in Node of the same image, mask and seed", async () => {
    const png = await saved(page, "Save PNG");
    const { given, seed, plan, class: asked } = imageRecordOf(png)!;
    expect(given!.filter((id) => id === -1)).toHaveLength(9);
    const runner = await wasmRunner();
    const pipeline = await openImagePipeline(await readModel(join(root, "models/sprites")), { runner });
    const image = { width: 64, height: 64, pixels: await rgbOf(dropped) };
    const mask = boxMask(image, { x: 16, y: 8, width: 24, height: 24 });
    const { images, tokens } = await pipeline.edit({ image, mask, class: asked!, seed, plan });
    const [known] = await pipeline.encode([image]);
    edited = { png, tokens: tokens[0]! };
    await pipeline.dispose();
    await runner.close();
    expect(given!.filter((id, n) => id !== -1 && id !== known![n])).toEqual([]);
    expect(differing(await rgbOf(png), images[0]!.pixels)).toBe(0);
  });

  it("keeps a version, extends the canvas, and leaves the old part as it was", async () => {
    await page.getByRole("button", { name: "Keep this version" }).click();
    const before = await canvas(page);
    await page.getByRole("button", { name: "Right", exact: true }).click();
    const wider = await canvas(page);
    expect([wider.width, wider.height]).toEqual([96, 64]);
    expect(await page.locator('[data-test="marked"]').textContent()).toBe("32 of 64 tokens marked");
    await page.getByRole("button", { name: /^Make it again/ }).click();
    await untilDecoded(page);
    const after = await canvas(page);
    const left = (rgb: number[], width: number) => rgb.filter((_, i) => Math.floor(i / 3) % width < 64);
    expect(differing(left(after.rgb, 96), before.rgb)).toBe(0);
    expect(differing(after.rgb, wider.rgb)).toBeGreaterThan(1000);
    await page.getByRole("button", { name: "Undo" }).click();
    expect((await canvas(page)).width).toBe(64);
  });

  it("refuses what is no image in one sentence", async () => {
    await drop(page, "broken.png", "image/png", Buffer.from("not a png"));
    const notice = page.locator('[data-test="notice"]');
    await notice.waitFor();
    expect(await notice.getAttribute("role")).toBe("alert");
    expect(await notice.textContent()).toMatch(/no PNG image; give a PNG file/);
    await drop(page, "broken.jpg", "image/jpeg", Buffer.from("not a jpeg"));
    await page
      .getByText("broken.jpg: the browser cannot read it as an image; give a PNG, JPEG or WebP")
      .waitFor();
  });

  it("restores an edit from its PNG: given tokens, mask, seed and plan", async () => {
    await drop(page, "edited.png", "image/png", edited.png);
    await page.getByText("Restored from edited.png").waitFor();
    await page.getByRole("link", { name: "Generate" }).and(page.locator("[aria-current=page]")).waitFor();
    await untilDecoded(page);
    expect(differing((await copied(page)).tokens, edited.tokens)).toBe(0);
  });

  it("without a complaint on its console", () => {
    expect(complaints).toEqual([]);
  });
});

const rgbOf = async (png: Buffer): Promise<Uint8Array> =>
  new Uint8Array(await sharp(png).removeAlpha().raw().toBuffer());
