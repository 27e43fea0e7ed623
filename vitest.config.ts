import { defineConfig } from "vitest/config";
import { softwareAdapter } from "./test/webgpu/software-adapter.ts";

// One process per file keeps native sessions apart; two at once is what a 2-core machine carries.
// The limits of time only end what hangs: a busy machine may be ten times slower than a quiet one.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    env: softwareAdapter(),
  },
});
