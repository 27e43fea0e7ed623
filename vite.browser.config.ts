/** `magnets/browser` with all that it needs as one file, for pages that bundle nothing: `dist/browser/magnets.js`. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("src"),
  build: {
    outDir: here("dist/browser"),
    emptyOutDir: true,
    target: "es2022",
    lib: { entry: here("src/browser.ts"), formats: ["es"], fileName: () => "magnets.js" },
    rolldownOptions: { output: { codeSplitting: false } },
  },
});
