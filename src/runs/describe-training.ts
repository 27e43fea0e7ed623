/** What a training's folder shows to whoever watches it, from outside of the process that trains. */
import { basename, join } from "node:path";
import { isFolderLocked } from "../core/node/folder-lock.ts";
import { isWholeModel } from "../pipelines/node/model-folder.ts";
import { describeRun, type RunState } from "../training/run-folder.ts";

/** A training as its folder shows it. */
export interface TrainingState {
  /** Whether a process trains there now. */
  readonly isTraining: boolean;
  /** The runs that have begun: of a model its tokenizer's and its transformer's, of a classifier its own. */
  readonly stages: readonly TrainingStage[];
  /** The model folder, once it is whole; else null. */
  readonly model: string | null;
}

/** One run of a training. */
export interface TrainingStage extends RunState {
  /** Of its folder: "tokenizer", "transformer", "decoder". */
  readonly name: string;
}

/**
 * Looks at a folder in which something trains, or trained.
 *
 * @param folder  as `train --out` was given, or one of the run folders in it
 * @returns null where no training has begun
 */
export async function describeTraining(folder: string): Promise<TrainingState | null> {
  const places = [
    ...["tokenizer", "transformer", "decoder"].map((name) => ({ name, path: join(folder, name) })),
    { name: basename(folder), path: folder },
  ];
  const stages: TrainingStage[] = [];
  for (const { name, path } of places) {
    const run = await describeRun(path);
    if (run) stages.push({ name, ...run });
  }
  if (stages.length === 0) return null;
  const model = join(folder, "model");
  return {
    isTraining: await isFolderLocked(folder),
    stages,
    model: (await isWholeModel(model)) ? model : null,
  };
}
