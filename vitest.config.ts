import { defineConfig } from "vitest/config";
import { softwareAdapter } from "./test/webgpu/software-adapter.ts";

// One process per file keeps native sessions apart; two at once is what a 2-core machine carries.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: softwareAdapter(),
  },
});
