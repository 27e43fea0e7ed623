/**
 * The package as a user gets it: packed, installed into an empty project outside the repository, imported, required,
 * called by its name, and type-checked with the compiler's strictest view of its declarations.
 *
 * It is installed without install scripts, as docs/install.md advises: onnxruntime-node's would download CUDA files.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const typescript = join(root, "node_modules/typescript/bin/tsc");
const nodeTypes = join(root, "node_modules/@types");

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
/** `magnets`, `magnets/train` and so on. */
const entries = Object.keys(manifest.exports).map((path) => path.replace(/^\./, "magnets"));

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "magnets-package-"));
  await run("npm", ["run", "build"], root);
  await run("npm", ["pack", "--pack-destination", project], root);
  const [tarball] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const quietly = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...quietly, `./${tarball}`]);
}, 300_000);

afterAll(() => rm(project, { recursive: true, force: true }));

describe("the installed package", () => {
  it.each(entries)("%s can be imported and required, with the same exports", async (entry) => {
    const imported = await node(`console.log(Object.keys(await import("${entry}")).sort().join())`, "module");
    const required = await node(`console.log(Object.keys(require("${entry}")).sort().join())`, "commonjs");
    expect(imported.split(",").length).toBeGreaterThan(3);
    expect(required).toBe(imported);
  });

  it("makes an image", async () => {
    const program = `
      import { openPipeline } from "magnets";
      const pipeline = await openPipeline("node_modules/magnets/models/sprites");
      const { images } = await pipeline.generate({ classes: ["cat"], count: 1, seed: 1 });
      console.log(images.length, images[0].width, images[0].height, images[0].pixels.length);
      await pipeline.dispose();`;
    expect(await node(program, "module")).toBe(`1 64 64 ${64 * 64 * 3}`);
  });

  it("brings the command", async () => {
    const help = await run("npx", ["--no-install", "magnets", "--help"]);
    expect(help).toMatch(/^Usage: magnets/);
    const model = "node_modules/magnets/models/sprites";
    expect(await run("npx", ["--no-install", "magnets", "info", model])).toMatch(/classes +house/);
  });

  it("brings the studio, which is served until Ctrl-C", async () => {
    const command = "node_modules/magnets/dist/cli/main.js";
    const arguments_ = [command, "studio", "--port", "0", "--no-open", "--json"];
    const child = spawn(process.execPath, arguments_, { cwd: project, env: userEnvironment() });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [line] = await once(child.stdout, "data");
    const { url, models } = JSON.parse(String(line));
    expect(models).toEqual(["motions", "scenes", "sprites"]);
    const page = await (await fetch(url)).text();
    const [script] = /assets\/[\w-]+\.js/.exec(page)!;
    expect((await fetch(`${url}${script}`)).headers.get("content-type")).toMatch(/^text\/javascript/);
    expect((await fetch(`${url}ort/ort-wasm-simd-threaded.wasm`, { method: "HEAD" })).status).toBe(200);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it("brings magnets/browser as one file, for pages without a build", async () => {
    const names = await node(
      `console.log(Object.keys(await import("./node_modules/magnets/dist/browser/magnets.js")).join())`,
      "module",
    );
    expect(names).toContain("fetchModel");
  });
});

describe("its declarations", () => {
  const importing = (names: readonly string[]) =>
    names.map((entry, index) => `export * as entry${index} from "${entry}";`).join("\n");
  const nodeEntries = entries.filter((entry) => entry !== "magnets/browser"); // a page has the DOM types
  const program = `
    import { openPipeline, type Image } from "magnets";
    export async function firstImage(folder: string): Promise<Image> {
      await using pipeline = await openPipeline(folder);
      if ("frames" in pipeline) throw new Error("a model of videos");
      const { images } = await pipeline.generate({ classes: ["cat"], count: 1, seed: 1 });
      return images[0]!;
    }`;
  const aborting = `${program}
    export async function stopped(folder: string): Promise<void> {
      const stop = new AbortController();
      const pipeline = await openPipeline(folder);
      await pipeline.generate({ classes: ["cat"], signal: stop.signal });
      await pipeline.generate({
        classes: ["cat"],
        // @ts-expect-error a number is no signal
        signal: 5,
      });
      if (stop.signal.aborted) new URL("https://example.org/").searchParams.get("x");
    }`;

  it.each([
    ["with neither DOM nor Node types", ["--lib", "ES2022", "--types", ""], nodeEntries, program],
    ["with DOM types", ["--lib", "ES2022,DOM", "--types", ""], entries, aborting],
    [
      "with Node types",
      ["--lib", "ES2022", "--types", "node", "--typeRoots", nodeTypes],
      nodeEntries,
      aborting,
    ],
    ["with both", ["--lib", "ES2022,DOM", "--types", "node", "--typeRoots", nodeTypes], entries, aborting],
  ])("compile %s", async (_, types, imported, text) => {
    const options = ["--module", "nodenext", ...types];
    expect(await compile("use.ts", importing(imported) + text, options)).toBe("");
  });

  it("compile for a bundler", async () => {
    const how = ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "ES2022,DOM", "--types", ""];
    expect(await compile("use.ts", importing(entries) + aborting, how)).toBe("");
  });

  it("compile in a CommonJS file, which Node lets require ES modules", async () => {
    const options = ["--module", "nodenext", "--lib", "ES2022,DOM", "--types", ""];
    expect(await compile("use.cts", importing(entries) + aborting, options)).toBe("");
  });
});

const write = (name: string, text: string) => writeFile(join(project, name), text);

/** What a program prints; `type` is how Node reads it. */
async function node(program: string, type: "module" | "commonjs"): Promise<string> {
  const name = type === "module" ? "program.mjs" : "program.cjs";
  await write(name, program);
  return (await run(process.execPath, [name])).trim();
}

/** What the compiler finds wrong, libraries included; nothing where all is well. */
async function compile(name: string, text: string, options: readonly string[]): Promise<string> {
  await write(name, text);
  const strictly = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "ES2022"];
  try {
    return await run(process.execPath, [typescript, ...strictly, ...options, name]);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Runs a program to its end, in the user's project; what it writes to its standard output. */
async function run(program: string, args: readonly string[], folder = project): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: folder, env: userEnvironment() });
  return stdout;
}

/** The environment without what `npm test` and vitest set for themselves. */
function userEnvironment(): NodeJS.ProcessEnv {
  const theirs =
    /^(npm_(lifecycle|package|command|config_local_prefix|config_ignore_scripts)|VITEST|NODE_ENV|NODE_OPTIONS)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !theirs.test(name)));
}
