/** What the training of a tokenizer's decoder alone brings to the training loop. */
import { foldIn, integerAt, type Key } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import { comparisonSheet } from "../data/image/sheet.ts";
import { fromPlanes, type ImageSource, toPlanes } from "../data/source.ts";
import { countMultiplyAdds, encode } from "../graph/index.ts";
import { initialise } from "../models/parameters.ts";
import { loadTokenizer } from "../models/tokenizer/codec.ts";
import type { TokenizerConfig } from "../models/tokenizer/config.ts";
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
import { type LossWeights, reconstructionMetrics } from "./reconstruction-loss.ts";

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
      const chosen = Array.from({ length: 2 * batchSize }, (_, i) =>
        integerAt(foldIn(batchKey, step), i, count),
      );
      const [real, made] = [chosen.slice(0, batchSize), chosen.slice(batchSize)];
      const pixels = toPlanes(await Promise.all(real.map((row) => source.read(row))));
      const known = rowsAt(tokens.real, real);
      const ids = new Int32Array([...known.data, ...rowsAt(tokens.made, made).data]);
      return {
        feeds: {
          pixels,
          ids: tensor("int32", [chosen.length, ...known.dims.slice(1)], ids),
          colours: rowsAt(tokens.colours, made),
        },
        multiplyAdds,
      };
    },
    metrics: (outputs) => ({
      ...reconstructionMetrics(outputs),
      discriminatorLoss: Number(outputs.discriminatorLoss!.data[0]),
    }),
    async sample() {
      const tuned = { ...tokenizer, ...averagedWeights(await getState(runner, specs)) };
      const ids = rowsAt(
        tokens.made,
        Array.from({ length: shownImages }, (_, i) => i % count),
      );
      return comparisonSheet(await imagesOf(ids, tokenizer), await imagesOf(ids, tuned));
    },
  };

  async function imagesOf(ids: HostTensor<"int32">, weights: DecoderJobOptions["tokenizer"]) {
    const loaded = await loadTokenizer(runner, config, weights);
    const pixels = await loaded.decode(ids);
    await loaded.dispose();
    return Array.from({ length: ids.dims[0]! }, (_, i) => fromPlanes(pixels, i));
  }
}

/** Some rows of a tensor, in the order asked for. */
function rowsAt<T extends "float32" | "int32">(
  { dtype, dims, data }: HostTensor<T>,
  rows: readonly number[],
): HostTensor<T> {
  const own = dims.slice(1);
  const size = sizeOf(own);
  const all = new (data.constructor as Float32ArrayConstructor)(rows.length * size);
  for (const [at, row] of rows.entries()) all.set(data.subarray(row * size, (row + 1) * size), at * size);
  return tensor<T>(dtype, [rows.length, ...own], all as HostTensor["data"] as HostTensor<T>["data"]);
}
