/**
 * The screenshots of docs/studio.md: every view at three widths, in both themes.
 *
 *   npm run magnets -- studio models runs/mine --no-open
 *   npx tsx scripts/studio-screenshots.ts http://localhost:8321/ out/screenshots
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import sharp from "sharp";

const [url = "http://localhost:8321/", out = "out/screenshots", only = ""] = process.argv.slice(2);

/** The link of each view, and what it does before it is shown. */
const shots: Readonly<Record<string, readonly [link: string, prepare: (page: Page) => Promise<void>]>> = {
  generate: ["view=generate&model=sprites&class=cat&seed=7&count=4", decoded],
  watch: [
    "view=generate&model=sprites&class=house&seed=5&count=4",
    async (page) => {
      await decoded(page);
      await page.locator(".class-tile canvas").nth(11).waitFor();
      await page.getByLabel("Colour tokens by").selectOption({ index: 1 });
      await page.locator("#scrub").fill("8");
    },
  ],
  compare: [
    "view=compare&model=sprites&class=rocket&seed=3&count=1",
    async (page) => {
      await ready(page);
      await page.getByRole("button", { name: /^Compare/ }).click();
      await page.locator('[data-test="difference"]').waitFor();
    },
  ],
  edit: [
    "view=generate&model=sprites&class=boat&seed=5&count=1",
    async (page) => {
      await decoded(page);
      await page.getByRole("navigation").getByRole("link", { name: "Edit" }).click();
      await page.getByRole("button", { name: "Take the generated one" }).click();
      const { x, y, width, height } = (await page.locator(".edit-window").boundingBox())!;
      const at = (column: number, row: number) =>
        page.mouse.move(x + width * column, y + height * row, { steps: 8 });
      await at(0.3, 0.3);
      await page.mouse.down();
      for (const row of [0.3, 0.42, 0.54, 0.66]) for (const column of [0.3, 0.7]) await at(column, row);
      await page.mouse.up();
      await page.getByRole("button", { name: /^Make it again/ }).click();
      await page.locator(".version-row canvas").nth(3).waitFor();
      await ready(page);
    },
  ],
  video: ["view=video&seed=2&count=1", decoded],
  training: [
    "view=training&run=drawings&stage=tokenizer",
    async (page) => {
      await page.locator(".chart-plot canvas").first().waitFor();
      await page.locator('[data-test="sample"]').waitFor();
    },
  ],
};
const looks = [
  { width: 1280, height: 860, colorScheme: "light" },
  { width: 1280, height: 860, colorScheme: "dark" },
  { width: 768, height: 1000, colorScheme: "light" },
  { width: 768, height: 1000, colorScheme: "dark" },
  { width: 360, height: 740, colorScheme: "light" },
  { width: 360, height: 740, colorScheme: "dark" },
] as const;

async function decoded(page: Page): Promise<void> {
  await page.locator('.stage-side[aria-busy="false"] [data-test="took"]').waitFor();
  await ready(page);
}

async function ready(page: Page): Promise<void> {
  await page.locator('[data-test="status"]', { hasText: /^Ready$/ }).waitFor();
}

await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const context = await browser.newContext();
for (const [name, [link, prepare]] of Object.entries(shots)) {
  if (only && !name.includes(only)) continue;
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  await page.setViewportSize(looks[0]);
  await page.goto(`${url}#${link}`);
  await prepare(page);
  for (const { width, height, colorScheme } of looks) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(1000); // charts follow their new width
    const path = join(out, `${name}-${width}-${colorScheme}.webp`);
    const png = await page.screenshot();
    await sharp(png).webp({ quality: 80, effort: 6 }).toFile(path);
    process.stdout.write(`${path}\n`);
  }
  await page.close();
}
await browser.close();
