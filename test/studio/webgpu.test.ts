/** The graphics card, by Chromium's software adapter: measured once and remembered, used where it was faster. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copied, differing, hasChromium, openPage, openStudio, type Studio, untilDecoded } from "./studio.ts";

/** The page gives a card a minute; an adapter in software on a busy machine may need more, which decides nothing here. */
function waitLonger(): void {
  const set = window.setTimeout.bind(window);
  window.setTimeout = ((run: () => void, ms = 0) =>
    set(run, ms >= 60_000 ? 10 * ms : ms)) as typeof setTimeout;
}

const remembered = (page: Page) =>
  page.evaluate(() => JSON.parse(localStorage.getItem("magnets.device.sprites") ?? "null"));
/** Two steps of the smallest sub-model: a software adapter is slow. */
const quick = new URLSearchParams({
  class: "cat",
  count: "1",
  plan: JSON.stringify({ steps: 2, modelSchedule: [{ factor: 8, steps: 2 }] }),
});

describe.skipIf(!hasChromium)("the studio on the graphics card", () => {
  let studio: Studio;
  let page: Page;
  let tokens: number[];

  beforeAll(async () => {
    studio = await openStudio({ hasWebgpu: true });
    ({ page } = await openPage(studio.browser, "about:blank"));
    await page.addInitScript(waitLonger);
    await page.goto(`${studio.served.url}#${quick}`);
    await untilDecoded(page);
    tokens = (await copied(page)).tokens;
  });
  afterAll(async () => {
    await studio?.close();
  });

  it("is measured against the processor once, and the faster one is remembered", async () => {
    await expect.poll(() => remembered(page), { timeout: 250_000 }).not.toBeNull();
    const { fastest, wasmSeconds, webgpuSeconds } = await remembered(page);
    expect(wasmSeconds).toBeGreaterThan(0);
    expect(webgpuSeconds).toBeGreaterThan(0);
    expect(fastest).toBe(webgpuSeconds < wasmSeconds ? "webgpu" : "wasm");
    const where = page.locator('[data-test="where"]');
    await expect
      .poll(() => where.textContent())
      .toMatch(fastest === "webgpu" ? /graphics card/ : /processor/);
  });

  it("computes where it is remembered as the faster one, with the same tokens but for rounding", async () => {
    await page.evaluate(() => {
      localStorage.setItem(
        "magnets.device.sprites",
        '{"fastest":"webgpu","wasmSeconds":2,"webgpuSeconds":1}',
      );
    });
    await page.goto("about:blank");
    await page.goto(`${studio.served.url}#${quick}`);
    await untilDecoded(page);
    expect(await page.locator('[data-test="where"]').textContent()).toBe(
      "Computing on the graphics card (WebGPU)",
    );
    const here = await copied(page);
    expect(here.tokens).toHaveLength(64);
    expect(differing(here.tokens, tokens)).toBeLessThanOrEqual(6);
  });
});
