/** What an image tokenizer brings to the training loop. */
import { foldIn, integerAt, type Key, uniformAt } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import { comparisonSheet } from "../data/image/sheet.ts";
import { fromPlanes, type ImageSource, toPlanes } from "../data/source.ts";
import { imageBatches, randomBatch } from "../data/views.ts";
import { countMultiplyAdds, encode } from "../graph/index.ts";
import { initialise } from "../models/parameters.ts";
import { latentsGraph, loadTokenizer, tokenizerParameters } from "../models/tokenizer/codec.ts";
import { codebookSize, type TokenizerConfig, tokenGrid } from "../models/tokenizer/config.ts";
import { codebookName } from "../models/tokenizer/quantizer.ts";
import type { Runner } from "../runtime/runner.ts";
import { fitCodebook } from "./codebook-fit.ts";
import { countUse, emptyUse, restartDeadCodes, usedShare } from "./codebook-restart.ts";
import type { TrainingJob } from "./loop.ts";
import { averagedWeights, getState } from "./optimiser-state.ts";
import { reconstructionMetrics } from "./reconstruction-loss.ts";
import { type TokenizerTraining, tokenizerStepGraph } from "./tokenizer-step.ts";

export interface TokenizerJobOptions {
  readonly runner: Runner;
  readonly config: TokenizerConfig;
  readonly training: TokenizerTraining;
  readonly source: ImageSource;
  /** Images 0..count-1 of the source train. */
  readonly count: number;
  /** Mirror half of the images. */
  readonly randomFlip: boolean;
  readonly key: Key;
}

/** Codes are restarted often while the codebook forms, then every so many steps, and left alone at the end. */
const restart = { early: 25, until: 200, later: 100, share: 0.8 };

/** How many latents the first codebook is fitted to, for each of its codes. */
const latentsPerCode = 200;

/** How many images a sheet of samples shows. */
const shownImages = 16;

/** The job: random batches of images; k-means fits the first codebook and restarts keep it alive. */
export function tokenizerJob(options: TokenizerJobOptions): TrainingJob {
  const { runner, config, training, source, count, key } = options;
  const specs = tokenizerParameters(config);
  const graph = tokenizerStepGraph(config, training);
  const multiplyAdds = countMultiplyAdds(graph);
  const isLearned = config.quantizer.kind === "vq";
  const isDue = (step: number): boolean =>
    (step + 1) % (step < restart.until ? restart.early : restart.later) === 0;
  const use = emptyUse(codebookSize(config));
  let share = 1;
  const [weightsKey, batchKey, restartKey, fitKey, nudgeKey] = [0, 1, 2, 3, 4].map((purpose) =>
    foldIn(key, purpose),
  ) as [Key, Key, Key, Key, Key];

  return {
    name: "tokenizer",
    schedule: training,
    specs,
    graphAt: () => graph,
    outputs: ["squaredError", "acrossBorders", "withinTokens", "ids", ...(isLearned ? ["latents"] : [])],
    async initialise(signal) {
      const weights = initialise(specs, weightsKey);
      if (!isLearned) return weights;
      const latents = await firstLatents(options, weights);
      weights[codebookName] = await fitCodebook(runner, latents, codebookSize(config), fitKey, { signal });
      return weights;
    },
    async batch(step) {
      const { pixels } = await randomBatch(source, {
        count,
        size: training.batchSize,
        randomFlip: options.randomFlip,
        key: foldIn(batchKey, step),
      });
      const isPerturbed = training.perturbation.images > 0;
      const nudges = isPerturbed && tokenNudges(config, training, foldIn(nudgeKey, step));
      return { feeds: { pixels, ...(nudges && { nudges }) }, multiplyAdds };
    },
    changesState: (step) => isLearned && isDue(step),
    async afterStep(step, outputs) {
      countUse(use, outputs.ids!.data as Int32Array);
      if (!isDue(step)) return;
      share = usedShare(use);
      if (isLearned && step < training.steps * restart.share) {
        await restartDeadCodes(runner, use, outputs.latents!, foldIn(restartKey, step));
      }
      use.counts.fill(0);
    },
    metrics: (outputs) => ({
      ...reconstructionMetrics(outputs),
      codebookUse: share,
    }),
    async sample() {
      const tokenizer = await loadTokenizer(runner, config, averagedWeights(await getState(runner, specs)));
      const images = await Promise.all(Array.from({ length: shownImages }, (_, i) => source.read(i % count)));
      const decoded = await tokenizer.decode(await tokenizer.encode(toPlanes(images)));
      await tokenizer.dispose();
      return comparisonSheet(
        images,
        images.map((_, i) => fromPlanes(decoded, i)),
      );
    },
    extra: {
      save: () => ({
        "use/counts": tensor("int32", [use.counts.length], Int32Array.from(use.counts)),
        "use/share": tensor("float64", [1], Float64Array.of(share)),
      }),
      load(tensors) {
        use.counts.set(tensors["use/counts"]!.data as Int32Array);
        share = Number(tensors["use/share"]!.data[0]);
      },
    },
  };
}

/**
 * What a step moves its tokens by, [B·tokens, d]: of a share of the images a share of the tokens, each by one level of
 * one channel. A pure function of the key.
 */
export function tokenNudges(
  config: TokenizerConfig,
  { batchSize, perturbation }: Pick<TokenizerTraining, "batchSize" | "perturbation">,
  key: Key,
): HostTensor<"float32"> {
  const tokens = sizeOf(tokenGrid(config));
  const width = config.latentWidth;
  const data = new Float32Array(batchSize * tokens * width);
  for (let b = 0; b < batchSize; b++) {
    const own = foldIn(key, b);
    if (uniformAt(own, 0) >= perturbation.images) continue;
    for (let n = 0; n < tokens; n++) {
      if (uniformAt(own, 1 + 2 * n) >= perturbation.tokens) continue;
      const way = integerAt(own, 2 + 2 * n, 2 * width);
      data[(b * tokens + n) * width + (way >> 1)] = way % 2 === 0 ? 1 : -1;
    }
  }
  return tensor("float32", [batchSize * tokens, width], data);
}

/** Latents [R, d] of the first images under untrained weights. */
async function firstLatents(
  { runner, config, source, count, training }: TokenizerJobOptions,
  weights: Readonly<Record<string, HostTensor<"float32">>>,
): Promise<HostTensor<"float32">> {
  const grid = tokenGrid(config);
  const perImage = sizeOf(grid) * config.latentWidth;
  const images = Math.ceil((latentsPerCode * codebookSize(config)) / sizeOf(grid));
  const program = await runner.load(encode(latentsGraph(config)));
  const feeds = Object.fromEntries(
    program.inputs.filter(({ name }) => name !== "pixels").map(({ name }) => [name, weights[name]!]),
  );
  const all = new Float32Array(images * perImage);
  const batches = { count: images, size: training.batchSize };
  let at = 0;
  for await (const batch of imageBatches((index) => source.read(index % count), batches)) {
    const { latents } = await runner.run(program, { ...feeds, pixels: toPlanes(batch) }, { latents: "host" });
    all.set(latents!.data as Float32Array, at);
    at += batch.length * perImage;
  }
  await runner.unload(program);
  return tensor("float32", [all.length / config.latentWidth, config.latentWidth], all);
}
