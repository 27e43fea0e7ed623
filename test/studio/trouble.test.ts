/** What a page can meet: no threads, no storage, broken and newer files, another model's image, a sleeping tab, two tabs. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withImageRecord } from "../../src/browser.ts";
import { encodeImage } from "../../src/data/image/encode.ts";
import { defaultPlan } from "../../src/decoding/plan.ts";
import { listModels } from "../../src/index.ts";
import {
  buildStudio,
  chromiumPath,
  copied,
  drop,
  hasChromium,
  openPage,
  type ServeOptions,
  serve,
  startBrowser,
  untilDecoded,
} from "./studio.ts";

const root = new URL("../..", import.meta.url).pathname;
/** Two steps of the smallest sub-model: what is tested is the page. */
const quick = new URLSearchParams({
  class: "cat",
  seed: "7",
  count: "1",
  plan: JSON.stringify({ steps: 2, modelSchedule: [{ factor: 8, steps: 2 }] }),
});

describe.skipIf(!hasChromium)("the studio in trouble", () => {
  let built: Awaited<ReturnType<typeof buildStudio>>;
  let browser: Browser;
  beforeAll(async () => {
    built = await buildStudio();
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await built?.remove();
  });

  /** A visit to a server of its own. */
  async function visit(
    options: ServeOptions,
    work: (page: Page, url: string) => Promise<void>,
    { hash = quick.toString(), by = browser, host = "127.0.0.1", hasServiceWorkers = true } = {},
  ): Promise<void> {
    const served = await serve(built.folder, options);
    const url = served.url.replace("127.0.0.1", host);
    const { page, context } = await openPage(by, `${url}#${hash}`, { hasServiceWorkers });
    try {
      await work(page, url);
    } finally {
      await context.close();
      await served.close();
    }
  }

  const notice = async (page: Page): Promise<string> =>
    (await page.locator('[data-test="notice"] p').textContent())!;

  let tokens: number[];
  it("has none here: the tokens that the others are held against", async () => {
    await visit({}, async (page) => {
      await untilDecoded(page);
      tokens = (await copied(page)).tokens;
    });
    expect(tokens).toHaveLength(64);
  });

  it("without isolation, by headers or service worker, computes with one thread, says so, and makes the same tokens", async () => {
    await visit(
      { isIsolated: false },
      async (page) => {
        await untilDecoded(page);
        expect(await page.locator('[data-test="where"]').textContent()).toMatch(/one thread/);
        expect(await notice(page)).toMatch(
          /one thread: this page is not isolated.*magnets studio sends the headers/,
        );
        await page.getByRole("button", { name: "Close this message" }).click();
        expect((await copied(page)).tokens).toEqual(tokens);
      },
      { hasServiceWorkers: false },
    );
  });

  it("at an address that is not secure has neither storage nor threads, and works", async () => {
    const insecure = await chromium.launch({
      executablePath: chromiumPath!,
      args: ["--no-sandbox", "--host-resolver-rules=MAP studio.example 127.0.0.1"],
    });
    try {
      await visit(
        {},
        async (page) => {
          await untilDecoded(page);
          expect(await page.evaluate(() => [isSecureContext, "caches" in globalThis])).toEqual([
            false,
            false,
          ]);
          expect(await page.locator(".stage canvas").count()).toBe(1);
        },
        { by: insecure, host: "studio.example" },
      );
    } finally {
      await insecure.close();
    }
  });

  it("with a file that broke off says which, keeps nothing of it, and works when it is whole", async () => {
    const path = "/models/sprites/transformer/model.safetensors";
    const whole = await readFile(join(root, path));
    let isWhole = false;
    const answer: ServeOptions["answer"] = (asked) =>
      asked === path && !isWhole ? whole.subarray(0, whole.length - 1000) : null;
    await visit({ answer }, async (page) => {
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toMatch(
        /transformer\/model\.safetensors: is not the file of model "sprites" that the server lists/,
      );
      isWhole = true;
      await page.reload();
      await untilDecoded(page);
      expect((await copied(page)).tokens).toEqual(tokens);
    });
  });

  it("with a folder of a newer format names the file and what it does not know", async () => {
    const path = "transformer/config.json";
    const config = {
      ...JSON.parse(await readFile(join(root, "models/sprites", path), "utf8")),
      rotary: true,
    };
    const newer = Buffer.from(JSON.stringify(config));
    const list = await listModels(join(root, "models"));
    const sprites = list.models.find(({ name }) => name === "sprites")!;
    sprites.files[path] = { bytes: newer.length, sha256: createHash("sha256").update(newer).digest("hex") };
    const answer: ServeOptions["answer"] = (asked) =>
      asked === `/models/sprites/${path}`
        ? newer
        : asked === "/models/index.json"
          ? Buffer.from(JSON.stringify(list))
          : null;
    await visit({ answer }, async (page) => {
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toMatch(
        /sprites\/transformer\/config\.json: must have no other keys than .*"rotary"/,
      );
    });
  });

  it("without a list of models says what to do", async () => {
    await visit({ answer: (asked) => (asked === "/models/index.json" ? 500 : null) }, async (page) => {
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toMatch(
        /list of models could not be read.*answered 500.*Check that the server runs, then reload/,
      );
    });
  });

  it("given the image of a model that is not there names those that are", async () => {
    const image = { width: 64, height: 64, pixels: new Uint8Array(64 * 64 * 3) };
    const record = { model: "dragons", seed: 1, index: 0, class: "dragon", plan: defaultPlan };
    const png = withImageRecord(await encodeImage(image), record);
    await visit({}, async (page) => {
      await untilDecoded(page);
      await drop(page, "dragon.png", "image/png", png);
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toBe(
        'dragon.png: was made by model "dragons", which this server does not have; it has motions, sprites, scenes.',
      );
    });
  });

  it("given a link with a wrong plan says what is wrong with it, and shows the model's own", async () => {
    const hash = new URLSearchParams({
      class: "cat",
      count: "1",
      plan: JSON.stringify({ steps: 0 }),
    }).toString();
    await visit(
      {},
      async (page) => {
        await page.locator('[data-test="notice"]').waitFor();
        expect(await notice(page)).toMatch(/plan: steps: must be .*, got 0/);
        await page.locator(".stage canvas").first().waitFor();
      },
      { hash },
    );
  });

  it("given a link with several wrong values names all of them, and takes the others", async () => {
    const hash = new URLSearchParams({
      ...{ view: "nothing", class: "fish", seed: "x", count: "900" },
      plan: '{"steps":',
    }).toString();
    await visit(
      {},
      async (page) => {
        await untilDecoded(page);
        const text = await notice(page);
        for (const part of [
          /^Not taken from the link: /,
          /seed=x/,
          /count=900 \(1 to 16\)/,
          /plan/,
          /view=nothing/,
        ]) {
          expect(text).toMatch(part);
        }
        expect(await page.locator('.class-tile[aria-pressed="true"]').textContent()).toBe("fish");
      },
      { hash },
    );
  });

  it("given a link to a class that is not there says so and waits for another one, with its seed", async () => {
    await visit(
      {},
      async (page) => {
        await page.locator('[data-test="notice"]').waitFor();
        expect(await notice(page)).toMatch(/class=dragon \(sprites has no such class; choose one\)/);
        await page.waitForTimeout(1500);
        expect(await page.locator(".stage-tile").count()).toBe(0);
        await page.locator(".class-tile", { hasText: "cat" }).click();
        await untilDecoded(page);
        expect((await copied(page)).tokens).toEqual(tokens);
      },
      { hash: quick.toString().replace("cat", "dragon") },
    );
  });

  it("given a link to a model that is not there lets another one be chosen, and keeps class, seed and count", async () => {
    await visit(
      {},
      async (page) => {
        await page.locator('[data-test="notice"]').waitFor();
        expect(await notice(page)).toMatch(/no model of images called "dragons".*Choose one above/);
        await page.locator(".model select").selectOption("sprites");
        await untilDecoded(page);
        expect(await page.locator('[data-test="notice"]').count()).toBe(0);
        const fields = new URLSearchParams(new URL(page.url()).hash.slice(1));
        expect(["model", "class", "seed", "count"].map((name) => fields.get(name))).toEqual([
          ...["sprites", "fish", "5", "2"],
        ]);
      },
      { hash: "model=dragons&class=fish&seed=5&count=2" },
    );
  });

  it("keeps what is typed into the seed while it decodes, and takes it by Enter or refuses it", async () => {
    const plan = { steps: 250, modelSchedule: [{ factor: 1, steps: 250 }], cache: { enabled: false } };
    const hash = new URLSearchParams({ class: "cat", seed: "7", count: "16", plan: JSON.stringify(plan) });
    await visit(
      {},
      async (page) => {
        const seed = page.locator("#seed");
        await page.locator('.stage-side[aria-busy="true"] .stage-tile').first().waitFor();
        await seed.selectText();
        await seed.pressSequentially("123456", { delay: 200 });
        expect(await page.locator(".stage-side").getAttribute("aria-busy")).toBe("true");
        expect(await seed.inputValue()).toBe("123456");
        await page.keyboard.press("Enter");
        await expect.poll(() => page.url()).toContain("seed=123456&");
        await seed.selectText();
        await seed.pressSequentially("12x");
        await page.keyboard.press("Tab");
        await page.waitForTimeout(300);
        expect([await seed.inputValue(), await page.locator("#seed-wrong").count()]).toEqual(["12x", 1]);
        expect(page.url()).toContain("seed=123456&");
      },
      { hash: hash.toString() },
    );
  });

  it("without its server keeps working with what it has, says so in the view that cannot open, and opens it later", async () => {
    await visit({}, async (page) => {
      await untilDecoded(page);
      await page.context().setOffline(true);
      await page.getByRole("link", { name: "Video" }).click();
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toMatch(
        /^The server does not answer, so motions cannot be opened\. .*keeps working/,
      );
      expect(await notice(page)).not.toMatch(/reload/i);
      await page.getByRole("link", { name: "Generate" }).click();
      expect(await page.locator('[data-test="notice"]').count()).toBe(0);
      expect(await page.locator(".model select").inputValue()).toBe("sprites");
      await page.locator(".model select").selectOption("scenes");
      await page.locator('[data-test="notice"]').waitFor();
      await expect.poll(() => page.locator(".model select").inputValue()).toBe("sprites");
      await page.getByRole("button", { name: /^Generate/ }).click();
      await untilDecoded(page);
      await page.context().setOffline(false);
      await page.getByRole("link", { name: "Video" }).click();
      await page.locator(".film").waitFor();
      expect(await page.locator('[data-test="notice"]').count()).toBe(0);
    });
  });

  it("shows the images of classes that an earlier visit kept", async () => {
    await visit({}, async (page) => {
      await untilDecoded(page);
      const keys = () =>
        page.evaluate(async () =>
          (await (await caches.open("magnets-class-images")).keys()).map(({ url }) => url),
        );
      await expect.poll(async () => (await keys()).length, { timeout: 200_000 }).toBe(12);
      // One that no model made, so that it can only come from the storage.
      await page.evaluate(async () => {
        const cache = await caches.open("magnets-class-images");
        const key = (await cache.keys()).find(({ url }) => url.endsWith("class=fish"))!;
        const canvas = new OffscreenCanvas(64, 64);
        const context = canvas.getContext("2d")!;
        context.fillStyle = "rgb(1, 2, 3)";
        context.fillRect(0, 0, 64, 64);
        await cache.put(key, new Response(await canvas.convertToBlob({ type: "image/png" })));
      });
      await page.reload();
      const fish = page.locator(".class-tile", { hasText: "fish" }).locator("canvas");
      await fish.waitFor();
      const first = await fish.evaluate((canvas) => [
        ...(canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, 1, 1).data,
      ]);
      expect(first).toEqual([1, 2, 3, 255]);
    });
  });

  it("forgets what was wrong with a file when the next one is taken", async () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    await visit({}, async (page) => {
      await untilDecoded(page);
      await drop(page, "broken.json", "application/json", bytes('{"steps": 0}'));
      await page.locator('[data-test="notice"]').waitFor();
      expect(await notice(page)).toMatch(/^broken\.json: plan: steps: must be .* got 0/);
      await drop(
        page,
        "of-video.json",
        "application/json",
        bytes('{"model": "motions", "plan": {"steps": 4}}'),
      );
      await expect
        .poll(() => notice(page))
        .toMatch(/^of-video\.json: is the plan of motions, a model of videos/);
      const plan = { steps: 3, modelSchedule: [{ factor: 8, steps: 3 }] };
      await drop(page, "plan.json", "application/json", bytes(JSON.stringify(plan)));
      await page.locator('[data-test="notice"]').waitFor({ state: "detached" });
      expect(await page.locator(".dial-plan").textContent()).toContain("3 steps");
    });
  });

  it("falls back when the graphics card was faster once and is gone now, and says so", async () => {
    const answer: ServeOptions["answer"] = (asked) => (asked.startsWith("/ort/ort.webgpu") ? 404 : null);
    await visit({ answer }, async (page) => {
      await untilDecoded(page);
      await page.evaluate(() =>
        localStorage.setItem(
          "magnets.device.sprites",
          '{"fastest":"webgpu","wasmSeconds":1,"webgpuSeconds":0.5}',
        ),
      );
      await page.reload();
      await untilDecoded(page);
      expect(await notice(page)).toMatch(
        /Now computing on the processor, \d+ threads \(WebAssembly\): the graphics card \(WebGPU\) failed \(.+\)\./,
      );
      await page.getByRole("button", { name: "Close this message" }).click();
      expect((await copied(page)).tokens).toEqual(tokens);
    });
  });

  it("put to sleep in the middle of a decode goes on, and makes the same tokens", async () => {
    await visit({}, async (page) => {
      await untilDecoded(page);
      const devtools = await page.context().newCDPSession(page);
      await page.locator("#seed").fill("8");
      await page.locator("body").press("g");
      await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
      await new Promise((later) => setTimeout(later, 1500));
      await devtools.send("Page.setWebLifecycleState", { state: "active" });
      await page.locator("#seed").fill("7");
      await page.keyboard.press("Tab");
      await page.waitForTimeout(400);
      await untilDecoded(page);
      expect((await copied(page)).tokens).toEqual(tokens);
    });
  });

  it("in two tabs at once makes the same tokens in both", async () => {
    await visit({}, async (page, url) => {
      const other = await page.context().newPage();
      await other.goto(`${url}#${quick}`);
      await Promise.all([untilDecoded(page), untilDecoded(other)]);
      await other.bringToFront();
      expect((await copied(other)).tokens).toEqual(tokens);
      await page.bringToFront();
      expect((await copied(page)).tokens).toEqual(tokens);
    });
  });
});
