/**
 * How the studio is built: the page and its worker as two entries of one build, so that what both use is loaded once, and
 * ONNX Runtime's own files beside them, as they are: the runtime starts threads from its own address, which a bundle would
 * take away.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Under `ort/` in what is built: per device the module, and what it loads itself. */
const runtimeFiles = [
  "ort.wasm.min.mjs",
  "ort-wasm-simd-threaded.mjs",
  "ort-wasm-simd-threaded.wasm",
  "ort.webgpu.min.mjs",
  "ort-wasm-simd-threaded.asyncify.mjs",
  "ort-wasm-simd-threaded.asyncify.wasm",
];
const runtimeFile = (name: string) => readFile(here(`../node_modules/onnxruntime-web/dist/${name}`));

/** Puts the runtime's files into `ort/`. */
const runtime = (): Plugin => ({
  name: "studio-runtime",
  async generateBundle() {
    for (const name of runtimeFiles) {
      this.emitFile({ type: "asset", fileName: `ort/${name}`, source: await runtimeFile(name) });
    }
  },
});

/** `import address from "studio:engine"` is the address of the worker's entry, a chunk of the same build. */
const engine = (): Plugin => ({
  name: "studio-engine",
  resolveId: (id) => (id === "studio:engine" ? "\0studio:engine" : null),
  load(id) {
    if (id !== "\0studio:engine") return null;
    const chunk = this.emitFile({ type: "chunk", id: here("engine/worker.ts"), name: "engine" });
    return `export default import.meta.ROLLUP_FILE_URL_${chunk};`;
  },
});

/** `isolate.js`: a service worker rules over its own folder, so it stands at the top, and its name stays. */
const isolation = (): Plugin => ({
  name: "studio-isolation",
  buildStart() {
    this.emitFile({ type: "chunk", id: here("isolation/worker.ts"), fileName: "isolate.js" });
  },
});

export default defineConfig({
  root: here("."),
  base: "./", // any folder of any host
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [runtime(), engine(), isolation()],
  build: {
    outDir: here("../dist/studio/page"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false, // its helper asks for a document, which the worker has not
    chunkSizeWarningLimit: 1000,
  },
});
