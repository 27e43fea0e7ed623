/** Trains the tiny job in a process of its own, to be killed: `run-tiny-job.ts FOLDER STEPS`. */
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import { train } from "../../src/training/loop.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { tinyJob } from "./tiny-job.ts";

const [path, steps] = process.argv.slice(2) as [string, string];
const folder = await openRunFolder(path, {}, { resume: true });
const runner = await createNodeRunner({ threads: 1 });
await train(runner, folder, tinyJob({ steps: Number(steps) }), {
  onProgress: ({ step }) => process.stdout.write(`${step}\n`),
});
