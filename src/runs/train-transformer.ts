/** The training of a nested transformer on token ids, with sheets of what it makes on the way. */
import { nounOf } from "../core/nouns.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { imageSheet } from "../data/image/sheet.ts";
import { frameOf, type Raster, type Video } from "../data/source.ts";
import type { TokenDataset } from "../data/tokens.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { prepareRequest } from "../pipelines/samples.ts";
import { openSession } from "../pipelines/session.ts";
import { factsOf } from "../runtime/device.ts";
import type { Runner } from "../runtime/runner.ts";
import { type TrainConfig, transformerConfigOf } from "../training/config.ts";
import { describeSplit, heldOutOf, type SplitTokens, splitTokens } from "../training/held-out.ts";
import { type LoopOptions, train } from "../training/loop.ts";
import { averagedWeights, getState } from "../training/optimiser-state.ts";
import type { RunFolder } from "../training/run-folder.ts";
import { transformerJob } from "../training/transformer-job.ts";
import type { Tensors } from "../weights/node/safetensors-file.ts";
import { startingFrom } from "./initial-weights.ts";
import { heldOutKey } from "./training-images.ts";

export interface TrainTransformerOptions extends LoopOptions {
  readonly config: TrainConfig;
  readonly runner: Runner;
  /** Of the run; its newest checkpoint is gone on from. */
  readonly folder: RunFolder;
  /** Weights of the tokenizer that made the token ids. */
  readonly tokenizer: Tensors;
  readonly dataset: TokenDataset;
  /** Weights to start from; null: random ones. */
  readonly initial: Tensors | null;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
}

/** A trained model; where images were held out, which those were. */
export interface TrainedTransformer {
  readonly model: GenerativeModel;
  readonly split: SplitTokens | null;
}

/**
 * Trains until the last step, or until the loss on held-out images, where the configuration has them, no longer falls.
 *
 * @returns the model of the averaged weights: the last ones, or those of the lowest loss on held-out images
 * @throws InputError when images are to be held out and a class has fewer than two; as {@link train}
 */
export async function trainTransformer(options: TrainTransformerOptions): Promise<TrainedTransformer> {
  const { config, runner, folder, tokenizer, dataset, initial, onMessage: say = () => {} } = options;
  const { training } = config.transformer;
  const model = transformerConfigOf(config, dataset.classNames.length);
  const modelWith = (tensors: Tensors): GenerativeModel => ({
    tokenizer: { config: config.tokenizer.model, tensors: tokenizer },
    transformer: { config: model, tensors },
    classNames: dataset.classNames,
    plan: config.decoding,
    completionPlan: config.completionDecoding,
  });
  const specs = transformerParameters(model);
  const { heldOut } = training;
  const split = heldOut ? splitTokens(dataset, heldOut.share, heldOutKey(config.seed)) : null;
  if (split) say(describeSplit(split, nounOf(config.tokenizer.model)));
  const job = transformerJob({
    config: model,
    training,
    dataset: split?.training ?? dataset,
    key: foldIn(keyFromSeed(config.seed), 2),
    sample: async () => sampleSheet(modelWith(averagedWeights(await getState(runner, specs))), runner),
    ...(heldOut && {
      heldOut: heldOutOf(
        model,
        { ...training, heldOut },
        split!.heldOut,
        foldIn(keyFromSeed(config.seed), 7),
      ),
    }),
  });
  const state = await train(runner, folder, startingFrom(job, initial), {
    ...options,
    stepsPerRun: factsOf(runner.device).stepsPerRun,
  });
  if (!heldOut || training.steps === 0) return { model: modelWith(averagedWeights(state)), split };
  const { step, loss, weights } = await folder.readBest();
  say(
    `transformer: kept are the weights of step ${step}, whose loss on held-out images was the lowest: ${loss.toFixed(3)}`,
  );
  return { model: modelWith(weights), split };
}

/** How many frames of a video a sheet shows. */
const shownFrames = 8;

/** Images of the first classes by the model's own plan, always the same seed: eight each, or one video's frames. */
async function sampleSheet(model: GenerativeModel, runner: Runner): Promise<Uint8Array> {
  const session = await openSession(model, { runner });
  const isVideo = model.tokenizer.config.frames !== undefined;
  const rows = Math.max(1, Math.min(8, model.classNames.length));
  const count = isVideo ? rows : 8 * rows;
  // Of many classes, some from everywhere in the list.
  const classId = (row: number) => Math.floor((row * model.classNames.length) / rows);
  const classes = Array.from({ length: count }, (_, i) => classId(isVideo ? i : Math.floor(i / 8)));
  const request = session.resolve({ count, classes: model.classNames.length > 0 ? classes : null });
  const { images } = await session.decode(prepareRequest(request));
  await session.dispose();
  return imageSheet(isVideo ? images.flatMap((video) => framesOf(video as Video)) : images, {
    columns: 8,
    scale: 2,
  });
}

/** Frames evenly spread over a video. */
function framesOf(video: Video): Raster[] {
  return Array.from({ length: shownFrames }, (_, i) =>
    frameOf(video, Math.round((i * (video.frames - 1)) / (shownFrames - 1))),
  );
}
