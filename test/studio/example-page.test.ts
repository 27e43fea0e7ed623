/** The example page, in a folder as a host of files has it: no build, no headers, no server of ours. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, openPage, type Served, serve, startBrowser } from "./studio.ts";

const root = new URL("../..", import.meta.url).pathname;

describe.skipIf(!hasChromium)("the example page", () => {
  let folder: string;
  let served: Served;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "magnets-page-"));
    await build({
      configFile: join(root, "vite.browser.config.ts"),
      logLevel: "error",
      build: { outDir: join(folder, "magnets"), emptyOutDir: true },
    });
    // What docs/studio.md says: the three folders, of which `serve` has the models itself.
    const runtime = join(root, "node_modules/onnxruntime-web/dist");
    for (const name of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
      await cp(join(runtime, name), join(folder, "onnxruntime-web", name));
    }
    await cp(join(root, "examples/07-page.html"), join(folder, "index.html"));
    served = await serve(folder, { isIsolated: false });
  }, 120_000);
  afterAll(async () => {
    await served?.close();
    await rm(folder, { recursive: true });
  });

  it("makes images, and asks nobody else", async () => {
    const browser = await startBrowser();
    const { page, complaints } = await openPage(browser, "about:blank");
    const hosts = new Set<string>();
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) hosts.add(new URL(request.url()).origin);
    });
    await page.goto(served.url);
    await page
      .getByRole("status")
      .filter({ hasText: /^4 images$/ })
      .waitFor();
    // An image of something has many colours; a canvas that nothing was put into has one.
    const colours = await page.locator("canvas").evaluateAll((canvases) =>
      canvases.map((canvas) => {
        const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, 64, 64);
        return new Set(new Uint32Array(data.buffer)).size;
      }),
    );
    expect(colours).toHaveLength(4);
    for (const count of colours) expect(count).toBeGreaterThan(100);
    expect([...hosts]).toEqual([new URL(served.url).origin]);
    expect(complaints).toEqual([]);
    await browser.close();
  });
});
