/** A host that sets no headers, in a real browser: the page isolates itself, and threads are there. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, openPage, openStudio, type Studio, untilDecoded } from "./studio.ts";

describe.skipIf(!hasChromium)("served without headers", () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await openStudio({ isIsolated: false });
  }, 120_000);
  afterAll(async () => {
    await studio?.close();
  });

  it("becomes isolated by one reload, and stays so", async () => {
    const { page, context, complaints } = await openPage(studio.browser, studio.served.url);
    await page.waitForFunction("crossOriginIsolated", undefined, { timeout: 200_000 });
    await untilDecoded(page);
    expect(await page.locator('[data-test="where"]').textContent()).toMatch(/\d threads \(WebAssembly\)/);
    expect(studio.served.asked.filter((path) => path === "/")).toHaveLength(2);
    const again = await context.newPage();
    await again.goto(studio.served.url);
    expect(await again.evaluate("crossOriginIsolated")).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("without service workers computes with one thread and says so", async () => {
    const context = await studio.browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto(studio.served.url);
    await untilDecoded(page);
    expect(await page.evaluate("crossOriginIsolated")).toBe(false);
    expect(await page.locator('[data-test="notice"]').textContent()).toMatch(/one thread/);
    expect(await page.locator('[data-test="where"]').textContent()).toMatch(/one thread/);
    await context.close();
  });
});
