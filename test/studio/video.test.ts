/** Video, in a real browser: generated, gone on with from a file, and saved. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openVideoPipeline, type Runner } from "../../src/browser.ts";
import { encodeAnimation, readModel, type VideoPipeline } from "../../src/index.ts";
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
} from "./studio.ts";

const root = new URL("../..", import.meta.url).pathname;
/** Four steps of half of the model: the test is of the page, not of the plan. */
const plan = { modelSchedule: [{ factor: 2, steps: 4 }], steps: 4 };

describe.skipIf(!hasChromium)("the studio's videos", () => {
  let studio: Studio;
  let page: Page;
  let complaints: string[];
  let runner: Runner;
  let pipeline: VideoPipeline;

  beforeAll(async () => {
    runner = await wasmRunner();
    pipeline = await openVideoPipeline(await readModel(join(root, "models/motions")), { runner });
    studio = await openStudio();
    const hash = new URLSearchParams({
      view: "video",
      class: "cat bounce",
      seed: "3",
      plan: JSON.stringify(plan),
    });
    ({ page, complaints } = await openPage(studio.browser, `${studio.served.url}#${hash}`));
    await untilDecoded(page);
  });
  afterAll(async () => {
    await pipeline?.dispose();
    await runner?.close();
    await studio?.close();
  });

  it("are those that the same arithmetic makes in Node", async () => {
    const { tokens } = await pipeline.generate({ classes: ["cat bounce"], seed: 3, plan });
    const here = await copied(page);
    expect(here.class).toBe("cat bounce");
    expect(here.tokens).toHaveLength(512);
    expect(differing(here.tokens, tokens[0]!)).toBe(0);
  });

  it("play, and stop at a frame", async () => {
    const frame = page.getByRole("slider", { name: "Frame" });
    const first = await frame.inputValue();
    await expect.poll(() => frame.inputValue()).not.toBe(first);
    await page.getByRole("button", { name: "Pause" }).click();
    const stopped = await frame.inputValue();
    await page.waitForTimeout(400);
    expect(await frame.inputValue()).toBe(stopped);
    await expect.poll(() => page.locator(".film-frame").count()).toBe(16);
  });

  it("are saved as an animated WebP of all frames", async () => {
    const { pages, width, pageHeight } = await sharp(await saved(page, "Save WebP"), {
      animated: true,
    }).metadata();
    expect([pages, width, pageHeight]).toEqual([16, 64, 64]);
  });

  it("go on from a video that is dropped in: the given frames stay, the others are Node's", async () => {
    const { videos } = await pipeline.generate({ classes: ["cat orbit"], seed: 5, plan });
    const dropped = await encodeAnimation(videos[0]!, { format: "webp", frameRate: 8 });
    const given = { ...videos[0]!, pixels: await frames(Buffer.from(dropped)) };
    const { tokens } = await pipeline.predict({ videos: [given], given: 3, seed: 1 });

    await drop(page, "cat.webp", "image/webp", dropped);
    await page.getByText("cat.webp, 16 frames").waitFor();
    await page.locator("#given").fill("3");
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: /^Predict/ }).click();
    await page.getByText("Completed: cat.webp").waitFor();
    expect(await page.locator(".film-frame.is-given").count()).toBe(3);
    const here = await copied(page);
    expect(differing(here.tokens, tokens[0]!)).toBe(0);
    // The given frames are shown as they came.
    const shown = await page
      .locator(".film-frame canvas")
      .nth(2)
      .evaluate((canvas) => {
        const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, 64, 64);
        return Array.from(data).filter((_, i) => i % 4 !== 3);
      });
    expect(differing(shown, given.pixels.subarray(2 * 64 * 64 * 3, 3 * 64 * 64 * 3))).toBe(0);
  });

  it("refuse what is no video in one sentence", async () => {
    await drop(page, "broken.mp4", "video/mp4", Buffer.from("no video"));
    await page
      .getByText(/broken\.mp4: the browser cannot play it \(.*\); give a GIF, WebP, MP4 or WebM/)
      .waitFor();
  });

  it("without a complaint on the page's console", () => {
    expect(complaints).toEqual([]);
  });
});

/** RGB of all frames of an animation. */
async function frames(bytes: Buffer): Promise<Uint8Array> {
  return new Uint8Array(await sharp(bytes, { animated: true }).removeAlpha().raw().toBuffer());
}
