/** The training view in a real browser, over the server and a run folder that grows, is cut short, and is reloaded. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRunFolder, type RunFolder } from "../../src/training/run-folder.ts";
import { type RunningStudio, startStudio } from "../../studio/serve/index.ts";
import { buildStudio, hasChromium, openPage, startBrowser } from "./studio.ts";

const config = {
  tokenizer: { training: { steps: 20 } },
  transformer: { training: { steps: 100 } },
};
const png = (size: number): Promise<Buffer> =>
  sharp({ create: { width: size, height: size, channels: 3, background: "#884422" } })
    .png()
    .toBuffer();

describe.skipIf(!hasChromium)("the training view", () => {
  let built: Awaited<ReturnType<typeof buildStudio>>;
  let folder: string;
  let studio: RunningStudio;
  let browser: Browser;
  let page: Page;
  let run: RunFolder;
  const state = () => page.locator('[data-test="training-state"]').textContent();
  const figures = (name: string) => page.locator(`[data-test="figures-${name}"]`).textContent();
  const serve = (port: number) =>
    startStudio({ folders: [join(folder, "runs")], page: built.folder, host: "127.0.0.1", port });
  const line = (step: number, loss: number) =>
    run.log({
      step,
      loss: 2 * loss,
      "loss.p1": loss,
      "loss.p8": loss + 1,
      imagesPerSecond: 3,
      seconds: step,
    });

  beforeAll(async () => {
    built = await buildStudio();
    folder = await mkdtemp(join(tmpdir(), "magnets-training-view-"));
    await mkdir(join(folder, "runs"));
    studio = await serve(0);
    browser = await startBrowser();
    ({ page } = await openPage(browser, studio.url));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await studio?.stop();
    await rm(folder, { recursive: true });
    await built?.remove();
  });

  it("opens by itself where there are no models, and waits for a training", async () => {
    await page.getByRole("heading", { name: "No training has begun" }).waitFor();
    expect(page.url()).toContain("#view=training");
  });

  it("shows one that begins meanwhile, and its figures as they come", async () => {
    run = await openRunFolder(join(folder, "runs/letters/transformer"), config);
    await line(10, 4);
    await expect.poll(state, { timeout: 200_000 }).toMatch(/^Stopped at step 10 of 100/); // nobody holds its lock
    expect(await figures("loss")).toBe("whole model 41/8 5");
    expect(await page.locator(".chart-plot canvas").count()).toBeGreaterThanOrEqual(2);
    await line(20, 3);
    await expect.poll(() => figures("loss"), { timeout: 200_000 }).toBe("whole model 31/8 4");
    const chart = page.getByRole("img", { name: /^Loss up to step 20: whole model 3, 1\/8 4$/ });
    expect(await chart.count()).toBe(1);
  });

  it("shows samples over time: the newest, until somebody goes back", async () => {
    await run.saveSample(10, await png(8));
    await run.saveSample(20, await png(16));
    const sample = page.locator('[data-test="sample"]');
    await expect.poll(() => sample.getAttribute("alt"), { timeout: 200_000 }).toBe("Samples after step 20");
    await page.locator("#sample-step").press("ArrowLeft");
    await expect.poll(() => sample.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(8);
    await run.saveSample(30, await png(24));
    await expect.poll(() => page.locator("#sample-step").getAttribute("max"), { timeout: 200_000 }).toBe("2");
    expect(await sample.getAttribute("alt")).toBe("Samples after step 10");
    await page.locator("#sample-step").press("End");
    await expect.poll(() => sample.getAttribute("alt")).toBe("Samples after step 30");
  });

  it("shows what is chosen, and after a reload the same again", async () => {
    await openRunFolder(join(folder, "runs/letters/tokenizer"), config);
    const other = await openRunFolder(join(folder, "runs/numbers/transformer"), config);
    await other.log({ step: 100, loss: 0.25 });
    await page.locator("option", { hasText: "numbers" }).waitFor({ state: "attached", timeout: 200_000 });
    await page.getByLabel("Training").selectOption("letters");
    await page.getByRole("button", { name: "transformer" }).click();
    await expect.poll(state).toMatch(/^Stopped at step 20 of 100/);
    await page.reload();
    await expect.poll(state, { timeout: 200_000 }).toMatch(/^Stopped at step 20 of 100/);
    await expect.poll(() => figures("loss")).toBe("whole model 31/8 4");
    await page.getByLabel("Training").selectOption("numbers");
    await expect.poll(state).toBe("Finished: 100 steps");
    await page.getByLabel("Training").selectOption("letters");
    await page.getByRole("button", { name: "transformer" }).click();
  });

  it("forgets lines that a resumed training dropped", async () => {
    run = await openRunFolder(join(folder, "runs/letters/transformer"), config, { resume: true });
    await line(10, 7); // no checkpoint was written, so it began again
    await expect.poll(() => figures("loss"), { timeout: 200_000 }).toBe("whole model 71/8 8");
    await expect.poll(state).toMatch(/^Stopped at step 10 of 100/);
  });

  it("says that the server is gone, keeps what it has, and goes on when it is back", async () => {
    const { port } = studio;
    await studio.stop();
    await page
      .getByRole("alert")
      .filter({ hasText: "The server does not answer" })
      .waitFor({ timeout: 200_000 });
    expect(await figures("loss")).toBe("whole model 71/8 8");
    await line(20, 6);
    studio = await serve(port);
    await expect.poll(() => figures("loss"), { timeout: 200_000 }).toBe("whole model 61/8 7");
    expect(await page.getByRole("alert").count()).toBe(0);
  });
});
