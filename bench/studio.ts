/**
 * How soon does the studio show an image? Time from the start of a browser's visit, the model kept from an earlier one, until the
 * decode is seen and until the image is finished, each visit by a fresh browser process; and the bytes of script, compressed,
 * that a visit loads beside the model and ONNX Runtime. Needs Chromium (another place by CHROMIUM).
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { table } from "../cli/output/table.ts";
import { type Bench, median } from "./bench.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** One visit. */
interface Visit {
  /** Until a decode is to be seen. */
  readonly seen: number;
  /** Until its image is finished. */
  readonly finished: number;
  /** Of the scripts it loaded, those of ONNX Runtime apart. */
  readonly scriptBytes: number;
}

export const benchStudio: Bench = async ({ say, isQuick }) => {
  say("building the page");
  await promisify(execFile)("npm", ["run", "build:page"]);
  const profile = await mkdtemp(join(tmpdir(), "bench-studio-"));
  const command = ["--import", "tsx", "cli/main.ts", "studio", "models/sprites", "--no-open", "--port", "0"];
  const studio = spawn(process.execPath, [...command, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await addressOf(studio);
    await visit(url, profile); // the model is kept from here on
    const visits: Visit[] = [];
    for (let run = 0; run < (isQuick ? 1 : 5); run++) visits.push(await visit(url, profile));
    const rows = visits.map(({ seen, finished }, i) => [
      i + 1,
      Number(seen.toFixed(2)),
      Number(finished.toFixed(2)),
    ]);
    say(table(["visit", "decode seen, s", "image finished, s"], rows));
    const scriptBytes = Math.max(...visits.map((one) => one.scriptBytes));
    say(`scripts of a visit, compressed: ${(scriptBytes / 1000).toFixed(1)} kB`);
    return {
      seconds: median(visits.map(({ finished }) => finished)),
      secondsSeen: median(visits.map(({ seen }) => seen)),
      scriptBytes,
    };
  } finally {
    studio.kill();
    await rm(profile, { recursive: true, force: true });
  }
};

/** Where the studio is, once it tells. */
async function addressOf(studio: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface(studio.stdout!), "line")) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

async function visit(url: string, profile: string): Promise<Visit> {
  const browser = await chromium.launchPersistentContext(profile, { executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const scripts = new Map<string, Promise<number>>(); // page and worker share some
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (!/\/assets\/[^/]*\.js$/.test(pathname)) return;
      scripts.set(
        pathname,
        response.body().then((body) => gzipSync(body).length),
      );
    });
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    await page.goto(`${url}#view=generate&model=sprites&class=cat&seed=7&count=1`);
    const [seen, finished] = await Promise.all([
      page.locator("canvas").first().waitFor({ timeout: 60_000 }).then(since),
      page.getByRole("button", { name: "Save PNG" }).first().waitFor({ timeout: 60_000 }).then(since),
    ]);
    const sizes = await Promise.all(scripts.values());
    return { seen, finished, scriptBytes: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await browser.close();
  }
}
