/** Tests that need a graphics adapter: listed as skipped where there is none. */
import { describe } from "vitest";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";

/** Why there is no adapter; undefined where there is one. It is looked for once in each test file. */
export const noWebgpu: Error | undefined = await createNodeRunner({ device: "webgpu" }).then(
  async (runner) => {
    await runner.close();
    return undefined;
  },
  (error: Error) => error,
);

/** `describe`, or where no adapter is, a skip that says what is missing. */
export function describeOnGpu(name: string, tests: () => void): void {
  if (noWebgpu) describe.skip(`${name} (needs a graphics adapter; README.md names one in software)`, tests);
  else describe(name, tests);
}
