/** What the training of a tokenizer's decoder alone brings to the training loop. */
import { foldIn, integerAt, type Key } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import { comparisonSheet } from "../data/image/sheet.ts";
import { fromPlanes, type ImageSource, toPlanes } from "../data/source.ts";
import { countMultiplyAdds, encode } from "../graph/index.ts";
import { initialise } from "../models/parameters.ts";
import { loadTokenizer } from "../models/tokenizer/codec.ts";
import { type TokenizerConfig, tokenGrid } from "../models/tokenizer/config.ts";
import { codebookName } from "../models/tokenizer/quantizer.ts";
import type { Runner } from "../runtime/runner.ts";
import {
  coloursGraph,
  type DecoderTraining,
  decoderParameters,
  decoderStepGraph,
  decoderStepParameters,
} from "./decoder-step.ts";
import { discriminatorParameters } from "./discriminator.ts";
import type { TrainingJob } from "./loop.ts";
import { averagedWeights, getState } from "./optimiser-state.ts";
import type { LossWeights } from "./reconstruction-loss.ts";

/** [3, ...] the mean colours of an image that a decoder keeps. */
export function coloursShape(config: TokenizerConfig): number[] {
  const [, ...shape] = coloursGraph(config).outputs.get("colours")!.shape as [string, ...number[]];
  return shape;
}

/** Computes mean colours: `of` images as planes [B, 3, ...space]. `close` it when done. */
export async function openColours(runner: Runner, config: TokenizerConfig) {
  const program = await runner.load(encode(coloursGraph(config)));
  return {
    async of(pixels: HostTensor<"float32">): Promise<HostTensor<"float32">> {
      const { colours } = await runner.run(program, { pixels }, { colours: "host" });
      return colours as HostTensor<"float32">;
    },
    close: () => runner.unload(program),
  };
}

/** The tokens that a decoder learns from, [n, ...grid] each: row i of `real` is image i of the source. */
export interface DecoderTokens {
  readonly real: HostTensor<"int32">;
  /** What the transformer made. */
  readonly made: HostTensor<"int32">;
  /** [n, 3, ...] the mean colours of what the decoder made of that before. */
  readonly colours: HostTensor<"float32">;
}

export interface DecoderJobOptions {
  readonly runner: Runner;
  readonly config: TokenizerConfig;
  readonly training: DecoderTraining;
  /** Of the reconstruction, as in the tokenizer's training. */
  readonly lossWeights: LossWeights;
  /** The whole tokenizer that it starts from. */
  readonly tokenizer: Readonly<Record<string, HostTensor>>;
  readonly tokens: DecoderTokens;
  readonly source: Pick<ImageSource, "read">;
  readonly key: Key;
}

/** How many images a sheet of samples shows: by the decoder that it started from, and by that of now. */
const shownImages = 16;

/** A row of the tokens. */
type Row = readonly [kind: "real" | "made", row: number];

/**
 * The job: random images, and as many random grids of tokens that the transformer made. The discriminator starts anew; only
 * the decoder is worth keeping.
 */
export function decoderJob(options: DecoderJobOptions): TrainingJob {
  const { runner, config, training, lossWeights, tokenizer, tokens, source, key } = options;
  const specs = decoderStepParameters(config);
  const graph = decoderStepGraph(config, training, lossWeights, tokenizer[codebookName] ?? null);
  const multiplyAdds = countMultiplyAdds(graph);
  const [weightsKey, batchKey] = [0, 1].map((purpose) => foldIn(key, purpose)) as [Key, Key];
  const size = sizeOf(tokenGrid(config));
  const count = tokens.real.dims[0]!;

  return {
    name: "decoder",
    schedule: training,
    specs,
    graphAt: () => graph,
    outputs: ["squaredError", "acrossBorders", "withinTokens", "discriminatorLoss"],
    async initialise() {
      const own = decoderParameters(config).map(({ name }) => [name, tokenizer[name]!] as const);
      const fresh = initialise(discriminatorParameters(config), weightsKey);
      return { ...fresh, ...(Object.fromEntries(own) as Record<string, HostTensor<"float32">>) };
    },
    async batch(step) {
      const { batchSize } = training;
      const chosen = Array.from(
        { length: 2 * batchSize },
        (_, i): Row => [i < batchSize ? "real" : "made", integerAt(foldIn(batchKey, step), i, count)],
      );
      const images = await Promise.all(chosen.slice(0, batchSize).map(([, row]) => source.read(row)));
      const colours = coloursAt(chosen.slice(batchSize).map(([, row]) => row));
      return { feeds: { pixels: toPlanes(images), ids: tokensAt(chosen), colours }, multiplyAdds };
    },
    metrics: (outputs) => ({
      psnr: -10 * Math.log10(Number(outputs.squaredError!.data[0])),
      borderContrast:
        Number(outputs.acrossBorders!.data[0]) / Math.max(1e-9, Number(outputs.withinTokens!.data[0])),
      discriminatorLoss: Number(outputs.discriminatorLoss!.data[0]),
    }),
    async sample() {
      const tuned = { ...tokenizer, ...averagedWeights(await getState(runner, specs)) };
      const ids = tokensAt(Array.from({ length: shownImages }, (_, i) => ["made", i % count]));
      return comparisonSheet(await imagesOf(ids, tokenizer), await imagesOf(ids, tuned));
    },
  };

  function tokensAt(rows: readonly Row[]): HostTensor<"int32"> {
    const ids = new Int32Array(rows.length * size);
    for (const [at, [kind, row]] of rows.entries()) {
      ids.set(tokens[kind].data.subarray(row * size, (row + 1) * size), at * size);
    }
    return tensor("int32", [rows.length, ...tokenGrid(config)], ids);
  }

  function coloursAt(rows: readonly number[]): HostTensor<"float32"> {
    const { dims, data } = tokens.colours;
    const own = dims.slice(1);
    const all = new Float32Array(rows.length * sizeOf(own));
    for (const [at, row] of rows.entries()) {
      all.set(data.subarray(row * sizeOf(own), (row + 1) * sizeOf(own)), at * sizeOf(own));
    }
    return tensor("float32", [rows.length, ...own], all);
  }

  async function imagesOf(ids: HostTensor<"int32">, weights: DecoderJobOptions["tokenizer"]) {
    const loaded = await loadTokenizer(runner, config, weights);
    const pixels = await loaded.decode(ids);
    await loaded.dispose();
    return Array.from({ length: ids.dims[0]! }, (_, i) => fromPlanes(pixels, i));
  }
}
