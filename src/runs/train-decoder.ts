/**
 * The training of a tokenizer's decoder alone, on tokens that the trained model makes: real images became most tokens
 * that it knew, and what a model makes is never quite like them.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isBlock } from "../core/node/differences.ts";
import { countOf, nounOf } from "../core/nouns.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { sizeOf, tensor } from "../core/tensor.ts";
import { classOf, toPlanes } from "../data/source.ts";
import { tokenGrid } from "../models/tokenizer/config.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { prepareRequest } from "../pipelines/samples.ts";
import { openSession } from "../pipelines/session.ts";
import { factsOf } from "../runtime/device.ts";
import type { Runner } from "../runtime/runner.ts";
import type { TrainConfig } from "../training/config.ts";
import { coloursShape, type DecoderTokens, decoderJob, openColours } from "../training/decoder-job.ts";
import { decoderParameters, decoderStepParameters } from "../training/decoder-step.ts";
import { train } from "../training/loop.ts";
import { averagedWeights, stateNames } from "../training/optimiser-state.ts";
import { openRunFolder } from "../training/run-folder.ts";
import { cachedTensors } from "../weights/node/cache.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { readJsonIfWhole } from "../weights/node/json-file.ts";
import type { ImageOptions, Images } from "./training-images.ts";

export interface TrainDecoderOptions extends ImageOptions {
  readonly config: TrainConfig;
  readonly runner: Runner;
  /** Go on with the run that the folder holds. */
  readonly resume?: boolean;
  /** What the decoder learns to reconstruct. */
  readonly images: Images;
  /** What makes the tokens; the decoder of its tokenizer is where the training starts. */
  readonly model: GenerativeModel;
}

/**
 * Trains in OUT/decoder until the last step. A run that is resumed for another transformer is begun again.
 *
 * @returns the model with its new decoder; encoder and codes are what they were
 * @throws as {@link train}
 */
export async function trainDecoder(options: TrainDecoderOptions): Promise<GenerativeModel> {
  const { config, out, runner, model, images, resume, onMessage: say = () => {} } = options;
  const { training } = config.decoder;
  const { config: tokenizer, tensors } = model.tokenizer;
  const noun = nounOf(tokenizer);
  const count = Math.min(training.images, images.count);
  say(
    `decoder: ${training.steps} steps on ${countOf(count, noun)} that the model makes, and as many real ones`,
  );
  const path = join(out, "decoder");
  const made = {
    tokenizer: tensorsDigest(tensors),
    transformer: tensorsDigest(model.transformer.tensors),
  };
  if (resume && (await isOfAnother(path, made))) {
    say(`decoder: begins again, since the model is not the one that ${path} began with`);
    await rm(path, { recursive: true });
  }
  const { seed, data, decoder, decoding } = config;
  const named = { seed, data: { ...data, source: images.name }, decoder, decoding, made };
  const folder = await openRunFolder(path, named, { resume });
  const tokens = await tokensOf(options, count, join(path, "tokens.safetensors"));
  const job = decoderJob({
    ...{ runner, config: tokenizer, training, tokenizer: tensors, tokens, source: images.source },
    lossWeights: config.tokenizer.training,
    key: foldIn(keyFromSeed(seed), 9),
  });
  const state = await train(runner, folder, job, {
    ...options,
    stepsPerRun: factsOf(runner.device).stepsPerRun,
  });
  await runner.drop(stateNames(decoderStepParameters(tokenizer)));
  const averaged = averagedWeights(state);
  const tuned = Object.fromEntries(decoderParameters(tokenizer).map(({ name }) => [name, averaged[name]!]));
  return { ...model, tokenizer: { config: tokenizer, tensors: { ...tensors, ...tuned } } };
}

/** Whether a run is there whose tokens were made by other weights. */
async function isOfAnother(path: string, made: Readonly<Record<string, string>>): Promise<boolean> {
  const config = await readJsonIfWhole(join(path, "config.json"));
  return isBlock(config) && JSON.stringify(config.made) !== JSON.stringify(made);
}

/** How many images are made at once. */
const batch = 64;

/** Seeds from here on make what decoders learn from: none that anybody looks at. */
const series = 2 ** 40;

/** The tokens of the first images, and those that the model makes of their classes; kept in a file. */
async function tokensOf(
  { runner, model, images, config, signal, onProgress }: TrainDecoderOptions,
  count: number,
  file: string,
): Promise<DecoderTokens> {
  const grid = tokenGrid(model.tokenizer.config);
  const dims = [count, ...grid];
  const coarse = coloursShape(model.tokenizer.config);
  const shapes = { real: dims, made: dims, colours: [count, ...coarse] };
  const tensors = await cachedTensors(file, shapes, async () => {
    const [real, made] = [new Int32Array(count * sizeOf(grid)), new Int32Array(count * sizeOf(grid))];
    const colours = new Float32Array(sizeOf(shapes.colours));
    const averaging = await openColours(runner, model.tokenizer.config);
    const session = await openSession(model, { runner });
    try {
      for (let first = 0; first < count; first += batch) {
        signal?.throwIfAborted();
        const number = Math.min(batch, count - first);
        const shown = await Promise.all(
          Array.from({ length: number }, (_, i) => images.source.read(first + i)),
        );
        const classes = model.classNames.length > 0 ? shown.map(classOf) : null;
        const request = session.resolve({
          ...{ count: number, firstIndex: first, seed: series + config.seed, batchSize: batch },
          // They take turns by the index in the series.
          classes: classes && shown.map((_, i) => classes[(i + number - (first % number)) % number]!),
        });
        const known = await session.encode(shown);
        const { tokens, images: decoded } = await session.decode(prepareRequest(request), { signal });
        colours.set((await averaging.of(toPlanes(decoded))).data, first * sizeOf(coarse));
        for (let i = 0; i < number; i++) {
          real.set(known[i]!, (first + i) * sizeOf(grid));
          made.set(tokens[i]!, (first + i) * sizeOf(grid));
        }
        onProgress?.({ job: "decoder's images", step: first + number, total: count, metrics: {} });
      }
    } finally {
      await session.dispose();
      await averaging.close();
    }
    return {
      real: tensor("int32", dims, real),
      made: tensor("int32", dims, made),
      colours: tensor("float32", shapes.colours, colours),
    };
  });
  return tensors as unknown as DecoderTokens;
}
