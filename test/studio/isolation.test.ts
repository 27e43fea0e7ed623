/** A host that sets no headers, in a real browser: the page isolates itself, and threads are there. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  buildStudio,
  hasChromium,
  openPage,
  type Served,
  serve,
  startBrowser,
  untilDecoded,
} from "./studio.ts";

describe.skipIf(!hasChromium)("served without headers", () => {
  let built: Awaited<ReturnType<typeof buildStudio>>;
  let served: Served;
  let browser: Browser;
  beforeAll(async () => {
    built = await buildStudio();
    served = await serve(built.folder, { isIsolated: false });
    browser = await startBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await built?.remove();
  });

  it("becomes isolated by one reload, and stays so", { timeout: 120_000 }, async () => {
    const { page, context, complaints } = await openPage(browser, served.url);
    await page.waitForFunction("crossOriginIsolated", undefined, { timeout: 60_000 });
    await untilDecoded(page);
    expect(await page.locator('[data-test="where"]').textContent()).toMatch(/\d threads \(WebAssembly\)/);
    expect(served.asked.filter((path) => path === "/")).toHaveLength(2);
    const again = await context.newPage();
    await again.goto(served.url);
    expect(await again.evaluate("crossOriginIsolated")).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("without service workers computes with one thread and says so", { timeout: 120_000 }, async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto(served.url);
    await untilDecoded(page);
    expect(await page.evaluate("crossOriginIsolated")).toBe(false);
    expect(await page.locator('[data-test="notice"]').textContent()).toMatch(/one thread/);
    expect(await page.locator('[data-test="where"]').textContent()).toMatch(/one thread/);
    await context.close();
  });
});
