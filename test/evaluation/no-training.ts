import type { ClassifierFolder } from "../../src/evaluation/features/classifier-folder.ts";

/** What a classifier of random weights says of its training. */
export const noTraining: ClassifierFolder["training"] = {
  command: "none",
  source: "noise",
  images: 2,
  steps: 1,
  randomFlip: true,
  shift: 0,
  isDegraded: false,
};
