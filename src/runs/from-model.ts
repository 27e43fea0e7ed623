/**
 * The configuration of a training that goes on from a model with other images: its tokenizer as it is, its transformer
 * continued, its classes those of the data. What it leaves open is chosen for a few hundred images and a quarter of an
 * hour on two cores: augmentation, images held out, and a learning rate that changes much in few steps.
 */
import { basename, resolve } from "node:path";
import { requireInput } from "../core/errors.ts";
import { differences, isBlock } from "../core/node/differences.ts";
import { sizeOf } from "../core/tensor.ts";
import { show } from "../core/validate.ts";
import { tokenGrid } from "../models/tokenizer/config.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { readModel } from "../pipelines/node/model-folder.ts";
import type { TrainConfig } from "../training/config.ts";
import {
  type ConfigOptions,
  type LoadedConfig,
  merge,
  type Raw,
  readConfigFile,
  resolveConfig,
} from "../training/read-config.ts";

/** What a training goes on with, and what changes it. */
export interface FromModelOptions extends ConfigOptions {
  /** A configuration file, where there is one: what it says counts before what is chosen here. */
  readonly config?: string;
  /** `data.source`: a folder of images or videos, or a drawn dataset. Needed where there is no file. */
  readonly data?: string;
}

/**
 * The configuration of a training that goes on from the model of a folder.
 *
 * Its images may be of another size (`data.resolution`) than the model's: convolutions take any, and the transformer's
 * positions are interpolated.
 *
 * @throws InputError when the folder is no model; when neither a file nor data are given; when the file or `--set` asks for
 *   another tokenizer, transformer or number of frames than the model's; as `loadConfig`
 */
export async function configFromModel(folder: string, options: FromModelOptions): Promise<LoadedConfig> {
  const { config: file, data, ...changes } = options;
  requireInput(
    file !== undefined || data !== undefined,
    `--data: must name the images where --from is given without a configuration, got nothing; ` +
      `give a folder with one sub-folder of images per class, e.g. --from ${folder} --data images/`,
  );
  const model = await readModel(folder);
  const given = file === undefined ? {} : await readConfigFile(file);
  const named = data === undefined ? {} : { name: nameOf(data), data: { source: data } };
  const start = { tokenizer: { init: folder, training: { steps: 0 } }, transformer: { init: folder } };
  // Given beside a file, `--data` counts before what the file says, as it does without --from.
  const fromData = file !== undefined && data !== undefined ? [`data.source=${JSON.stringify(data)}`] : [];
  const resolved = (chosen: Raw): LoadedConfig =>
    resolveConfig(
      isBlock(given) ? [named, given, start].reduce<Raw>(merge, chosen) : given,
      file ?? `--from ${folder}`,
      { ...changes, set: [...fromData, ...(changes.set ?? [])] },
    );
  const own = settingsOf(model);
  // Before the file is read as a whole: settings of two kinds of network together are no settings of either.
  if (isBlock(given)) requireAsItIs(folder, own, merge(own, given));
  const { config } = resolved(own);
  const { resolution: _size, ...askedCoder } = config.tokenizer.model;
  const { resolution: _own, ...coder } = model.tokenizer.config;
  requireAsItIs(
    folder,
    { ...own, tokenizer: { model: coder } },
    { tokenizer: { model: askedCoder }, transformer: { model: config.transformer.model } },
  );
  return resolved(merge(own, choicesFor(config)));
}

/** A name for the run: that of the folder of data. */
const nameOf = (data: string): string => basename(resolve(data)).replace(/[^\w.-]+/g, "-") || "mine";

/** The blocks of a configuration that say what its networks are. */
interface Networks {
  readonly tokenizer?: unknown;
  readonly transformer?: unknown;
}

/** Refuses other networks than the model's. */
function requireAsItIs(folder: string, own: Networks, asked: Networks): void {
  const modelOf = (block: unknown) => (isBlock(block) ? block.model : block);
  const told = (["tokenizer", "transformer"] as const)
    .flatMap((part) => differences(modelOf(own[part]), modelOf(asked[part]), `${part}.model`))
    .map(({ key, was, now }) => `${key} is ${show(was)}, asked for ${show(now)}`);
  requireInput(
    told.length === 0,
    `--from: the model ${folder} is gone on with as it is, but another one is asked for: ${told.join("; ")}; ` +
      "leave these out, or train without --from",
  );
}

/** The model's own settings. */
function settingsOf({ tokenizer, transformer, plan, completionPlan }: GenerativeModel): Raw {
  const { resolution, frames, ...coder } = tokenizer.config;
  const { grid: _grid, codebookSize: _codes, classes: _classes, ...shape } = transformer.config;
  return {
    data: { resolution, ...(frames !== undefined && { frames }), count: null },
    tokenizer: { model: coder },
    transformer: { model: shape },
    decoding: plan,
    completionDecoding: completionPlan,
  };
}

/** What is chosen for few images and little time, by the size of the images. */
function choicesFor({ data: { resolution }, tokenizer }: TrainConfig): Raw {
  const tokens = sizeOf(tokenGrid(tokenizer.model));
  return {
    data: { randomFlip: true, augment: { shift: Math.round(resolution / 16) } },
    transformer: {
      training: {
        steps: 800,
        // About as many tokens a step, however many an image has.
        batchSize: Math.max(4, Math.min(16, Math.round(1024 / tokens))),
        optimiser: "muon",
        learningRate: 0.0015,
        warmupSteps: 20,
        schedule: { finalFraction: 0.05 },
        weightDecay: 0.1,
        labelSmoothing: 0.0001,
        lambda: { start: 0.3, end: 0 },
        emaDecay: 0.98,
        checkpointEvery: 100,
        sampleEvery: 200,
        heldOut: { every: 50, patience: 200 },
      },
    },
  };
}
