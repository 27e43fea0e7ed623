/** Every view, in both themes, wide and at 360 px: no violation that axe finds, nothing beyond the edge, all by the keyboard. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { type RunningStudio, startStudio } from "../../studio/serve/index.ts";
import { buildStudio, hasChromium, openPage, startBrowser, untilDecoded, untilReady } from "./studio.ts";

const root = new URL("../..", import.meta.url).pathname;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(!hasChromium)("every view", () => {
  let built: Awaited<ReturnType<typeof buildStudio>>;
  let folder: string;
  let studio: RunningStudio;
  let browser: Browser;

  beforeAll(async () => {
    built = await buildStudio();
    folder = await mkdtemp(join(tmpdir(), "magnets-accessibility-"));
    const run = await openRunFolder(join(folder, "letters/transformer"), {
      transformer: { training: { steps: 100 } },
    });
    for (const step of [10, 20]) {
      await run.log({ step, "loss.p1": 2, "loss.p8": 3, "heldOut.p1": 2.5, imagesPerSecond: 3 });
      const image = sharp({ create: { width: 64, height: 64, channels: 3, background: "#888" } });
      await run.saveSample(step, await image.png().toBuffer());
    }
    studio = await startStudio({
      folders: [join(root, "models/sprites"), join(root, "models/motions"), folder],
      ...{ page: built.folder, host: "127.0.0.1", port: 0 },
    });
    browser = await startBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await studio?.stop();
    await rm(folder, { recursive: true });
    await built?.remove();
  });

  /** Shows a view with all that it shows. */
  async function show(page: Page, title: string): Promise<void> {
    await page.getByRole("navigation").getByRole("link", { name: title }).click();
    if (title === "Training") await page.locator(".chart-plot canvas").first().waitFor();
    else if (title === "Compare") {
      await page.getByRole("button", { name: /^Compare/ }).click();
      await page.locator('[data-test="difference"]').waitFor();
    } else if (title === "Edit") {
      await page.getByRole("button", { name: "Take the generated one" }).click();
      await page.getByRole("button", { name: "Take the generated one" }).waitFor({ state: "detached" });
    } else await untilDecoded(page);
    if (title !== "Training") await untilReady(page);
    for (const summary of await page.locator("details:not([open]) > summary").all()) await summary.click();
  }

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;
    expect(passes.length).toBeGreaterThan(15);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
    );
  }

  const titles = ["Generate", "Compare", "Edit", "Video", "Training"];
  const looks = [
    { colorScheme: "light", width: 1280, height: 900 },
    { colorScheme: "dark", width: 360, height: 740 },
  ] as const;

  describe("by eye and ear", () => {
    let page: Page;
    beforeAll(async () => {
      ({ page } = await openPage(browser, studio.url));
    });
    afterAll(() => page?.context().close());

    it.each(titles)("%s has no violation, and nothing beyond the edge", async (title) => {
      await page.setViewportSize(looks[0]);
      await show(page, title);
      for (const { colorScheme, ...size } of looks) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(size);
        expect(await violations(page), colorScheme).toEqual([]);
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        expect(scrollWidth, `${size.width} px`).toBeLessThanOrEqual(clientWidth);
      }
    });
  });

  it("is reached and used by the keyboard alone", async () => {
    const { page, context } = await openPage(browser, studio.url);
    await untilDecoded(page);
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        const outline = element ? getComputedStyle(element).outlineStyle : "none";
        return { text: element?.textContent?.trim() ?? "", outline };
      });
    const seen: string[] = [];
    for (let i = 0; i < titles.length; i++) {
      await page.keyboard.press("Tab");
      const { text, outline } = await focused();
      seen.push(text);
      expect(outline).not.toBe("none");
    }
    expect(seen).toEqual(titles);
    await page.keyboard.press("Enter");
    await page.locator(".chart-plot canvas").first().waitFor();
    expect(page.url()).toContain("view=training");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    // From the tabs through what is chosen to the samples, and back in time.
    await page.locator("#sample-step").focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByAltText("Samples after step 10").waitFor();
    await context.close();
  });
});
