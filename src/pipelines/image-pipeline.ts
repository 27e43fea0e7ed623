/**
 * From a model folder to pictures: the one call that most people need.
 *
 * B pictures of one batch, N grid tokens, S side of a picture in pixels.
 */
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { keyFromSeed } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { fromPlanes, type Picture, type Raster, toPlanes } from "../data/source.ts";
import { decode } from "../decoding/decode.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import { loadTokenizer } from "../models/tokenizer/codec.ts";
import { tokenGrid } from "../models/tokenizer/config.ts";
import { gridTokens, maskId } from "../models/transformer/config.ts";
import { type Precision, requirePrecision } from "../models/transformer/precision.ts";
import { createPredictor, loadTransformer } from "../models/transformer/predictor.ts";
import { createNodeRunner } from "../runtime/node.ts";
import type { Device, Runner } from "../runtime/runner.ts";
import { fittingBatchSize, modelPlanMemory } from "./batch-size.ts";
import { classIds } from "./classes.ts";
import { type PixelMask, tokenMask } from "./mask.ts";
import { type GenerativeModel, modelFacts, modelPlanCost, planFor, readModel } from "./model.ts";

export interface PipelineOptions {
  /** Where to compute; "cpu" unless told. */
  readonly device?: Device;
  /** CPU threads; all cores unless told. */
  readonly threads?: number;
  /**
   * What the transformer's linear layers compute with; "fp32" unless told. "int8", on the CPU only, is faster, and
   * near to the same pictures.
   */
  readonly precision?: Precision;
  /** A runner to compute with, which stays the caller's to close; `device` and `threads` are then its own. */
  readonly runner?: Runner;
}

export interface GenerateOptions {
  /** Names or numbers that take turns over the pictures, or "all"; null or left out: no condition. */
  readonly classes?: readonly (string | number)[] | null;
  /** Pictures, 1 unless told. */
  readonly count?: number;
  /** 0 unless told. Picture i of a seed is the same whatever count and batch size are. */
  readonly seed?: Seed;
  /** What differs from the model's default plan, or its model sizes as text: "8x3,4x3,2x3,1x3". */
  readonly plan?: PlanInput | string;
  /** K; spread evenly over the sub-models unless the plan says otherwise. */
  readonly steps?: number;
  /** s of logits = cond + s (cond - uncond); 0 is the conditional pass alone. */
  readonly guidanceScale?: number;
  readonly choiceTemperature?: number;
  /** A constant; schedules go into `plan`. */
  readonly tokenTemperature?: number;
  /** [N], or [count, N]: start tokens, the mask id (see {@link ImagePipeline.maskId}) where a token is wanted. */
  readonly startTokens?: Int32Array;
  /**
   * Pictures decoded together, 16 unless told; changes memory and speed, never a picture. "auto": as many as fit into
   * `memoryBudget`, at most 64.
   */
  readonly batchSize?: number | "auto";
  /**
   * Bytes that generating may take at its peak beyond the loaded model, for batches of size "auto": half of what the
   * process could still get unless told. Kept by an estimate that measured peaks on the CPU stay below.
   */
  readonly memoryBudget?: number;
  /** Checked at every step; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called, and awaited, after every step. */
  readonly onStep?: (progress: GenerateProgress) => void | Promise<void>;
}

export interface GenerateProgress {
  /** Steps done, over all batches, and steps in all. */
  readonly step: number;
  readonly total: number;
  /** The sub-model that ran. */
  readonly factor: number;
  /** Index of the batch's first picture. */
  readonly firstPicture: number;
  /** [B, N] with this step's guess at every masked position. */
  readonly tokens: Int32Array;
  /** Multiply-adds so far, over all pictures. */
  readonly multiplyAdds: number;
  /** Decodes `tokens`; costs one run of the tokenizer's decoder. */
  preview(): Promise<Picture[]>;
}

export interface Generated {
  readonly images: readonly Picture[];
  /** [N] per picture. */
  readonly tokens: readonly Int32Array[];
  readonly seed: Seed;
  readonly plan: DecodePlan;
  readonly stats: GenerateStats;
}

export interface GenerateStats {
  /** Wall time, the tokenizer's decoder included. */
  readonly seconds: number;
  /** Of the transformer, over all pictures. */
  readonly multiplyAdds: number;
  /** Those of the flat decode: full size and every position at every step, no cache, same steps and guidance. */
  readonly multiplyAddsFlat: number;
  /** Flat over plan. */
  readonly ratio: number;
  /** Pictures decoded together, the last ones perhaps fewer. */
  readonly batchSize: number;
}

export interface EditOptions extends Omit<GenerateOptions, "startTokens" | "classes"> {
  /** Of the model's size. */
  readonly image: Raster;
  /** Of the model's size; set where the picture shall be made anew. */
  readonly mask: PixelMask;
  /** What to draw there; left out: no condition. */
  readonly class?: string | number;
}

export interface ImagePipeline extends AsyncDisposable {
  readonly model: GenerativeModel;
  /** The id of a masked token in `startTokens`. */
  readonly maskId: number;
  /** Side of its pictures, in pixels. */
  readonly resolution: number;
  readonly precision: Precision;
  /**
   * Makes new pictures.
   *
   * @throws InputError for an unknown class, a plan that does not fit the model, a bad count, seed or start, a memory
   *   budget that holds no picture
   */
  generate(options?: GenerateOptions): Promise<Generated>;
  /** Makes the masked part of a picture anew, in `count` versions. Unmasked tokens stay as they are. */
  edit(options: EditOptions): Promise<Generated>;
  /** The token ids of pictures of the model's size, [N] each. */
  encode(pictures: readonly Raster[]): Promise<Int32Array[]>;
  /** The pictures of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
  /** Frees what the pipeline holds, and its runner unless that was given. Safe to call twice. */
  dispose(): Promise<void>;
}

export const ImagePipeline = {
  /**
   * Opens a model folder.
   *
   * @throws InputError when the folder is not a whole model, or the device is not there or lacks the precision
   * @example
   * const pipeline = await ImagePipeline.fromPretrained("models/sprites");
   * const { images } = await pipeline.generate({ classes: ["cat"], count: 4, seed: 7 });
   * await pipeline.dispose();
   */
  async fromPretrained(folder: string, options: PipelineOptions = {}): Promise<ImagePipeline> {
    requirePrecision(options.precision ?? "fp32", (options.runner ?? options).device); // before anything is opened
    if (options.runner) return openImagePipeline(await readModel(folder), options);
    // The runner's thread starts while the files are read.
    const opening = createNodeRunner(options);
    const [runner, model] = await Promise.allSettled([opening, readModel(folder)]);
    if (runner.status === "rejected") throw runner.reason;
    if (model.status === "rejected") {
      await runner.value.close();
      throw model.reason;
    }
    return pipelineWith(model.value, runner.value, options.precision, () => runner.value.close());
  },
};

/** A pipeline over a model that is in memory, e.g. one in training. */
export async function openImagePipeline(
  model: GenerativeModel,
  { device, threads, precision, runner: given }: PipelineOptions = {},
): Promise<ImagePipeline> {
  requirePrecision(precision ?? "fp32", (given ?? { device }).device);
  if (given) return pipelineWith(model, given, precision, async () => {});
  const runner = await createNodeRunner({ device, threads });
  return pipelineWith(model, runner, precision, () => runner.close());
}

/** @param close  what to do with the runner in the end, also when opening fails */
async function pipelineWith(
  model: GenerativeModel,
  runner: Runner,
  precision: Precision | undefined,
  close: () => Promise<void>,
): Promise<ImagePipeline> {
  const opened: { dispose(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const part of opened.splice(0).reverse()) await part.dispose();
    await close();
  };
  try {
    const tokenizer = await loadTokenizer(runner, model.tokenizer.config, model.tokenizer.tensors);
    opened.push(tokenizer);
    const { config, tensors } = model.transformer;
    const transformer = await loadTransformer(runner, config, tensors, precision && { precision });
    opened.push(transformer);
    return pipelineOver(model, tokenizer, transformer, closeAll);
  } catch (error) {
    await closeAll().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

function pipelineOver(
  model: GenerativeModel,
  tokenizer: Awaited<ReturnType<typeof loadTokenizer>>,
  transformer: Awaited<ReturnType<typeof loadTransformer>>,
  closeAll: () => Promise<void>,
): ImagePipeline {
  const config = model.transformer.config;
  const tokensPerPicture = gridTokens(config);
  const masked = maskId(config);
  const { resolution } = model.tokenizer.config;
  const grid = tokenGrid(model.tokenizer.config);
  let closing: Promise<void> | undefined;

  async function encode(pictures: readonly Raster[]): Promise<Int32Array[]> {
    for (const { width, height } of pictures) {
      requireInput(
        width === resolution && height === resolution,
        `encode: pictures must be ${resolution} x ${resolution} pixels for this model, got ${width} x ${height}`,
      );
    }
    const { data } = await tokenizer.encode(toPlanes(pictures));
    return split(data, tokensPerPicture);
  }

  async function decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]> {
    const all = new Int32Array(tokens.length * tokensPerPicture);
    for (const [i, ids] of tokens.entries()) {
      const wrong = ids.find((id) => id < 0 || id >= config.codebookSize);
      requireInput(
        ids.length === tokensPerPicture && wrong === undefined,
        `decodeTokens: picture ${i} needs ${tokensPerPicture} ids in 0..${config.codebookSize - 1}, got ` +
          `${wrong ?? `${ids.length} ids`}`,
      );
      all.set(ids, i * tokensPerPicture);
    }
    const planes = await tokenizer.decode(tensor("int32", [tokens.length, ...grid], all));
    return tokens.map((_, i) => fromPlanes(planes, i));
  }

  const picturesOf = async (tokens: readonly Int32Array[], labels: readonly number[]): Promise<Picture[]> =>
    (await decodeTokens(tokens)).map((raster, i) => ({ ...raster, label: labels[i]! }));

  async function generate(options: GenerateOptions = {}): Promise<Generated> {
    const { count = 1, seed = 0, batchSize: asked = 16, memoryBudget, signal } = options;
    requirePositive("count", count);
    if (asked !== "auto") requirePositive("batchSize", asked, ' or "auto"');
    if (memoryBudget !== undefined) requireBudget(memoryBudget, asked);
    keyFromSeed(seed);
    const plan = planFor(model, planInput(options));
    const labels = classIds(options.classes ?? null, model.classNames, count);
    const start = startOf(options.startTokens, count, tokensPerPicture);
    const wanted = start && maskedCount(start, tokensPerPicture, masked);
    const cost = modelPlanCost(config, plan, wanted);
    const batchSize =
      asked === "auto" ? fittingBatchSize(modelPlanMemory(model, plan, wanted), count, memoryBudget) : asked;
    const batches = Math.ceil(count / batchSize);
    const started = performance.now();

    const tokens: Int32Array[] = [];
    const images: Picture[] = [];
    for (let first = 0; first < count; first += batchSize) {
      const size = Math.min(batchSize, count - first);
      const own = labels.slice(first, first + size);
      const predictor = createPredictor(transformer, own);
      let spent = cost.multiplyAdds * first;
      try {
        const result = await decode({
          plan,
          model: modelFacts(config),
          maskId: masked,
          seed,
          sampleIndexes: Array.from({ length: size }, (_, i) => first + i),
          start: start?.slice(first * tokensPerPicture, (first + size) * tokensPerPicture),
          gridShape: config.grid,
          predict: predictor.predict,
          signal,
          onStep: async ({ done, total, factor, tokens }) => {
            const step = cost.steps[done - 1]!;
            spent += size * (step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds);
            await options.onStep?.({
              step: (first / batchSize) * total + done,
              total: total * batches,
              factor,
              firstPicture: first,
              tokens,
              multiplyAdds: spent,
              preview: () => picturesOf(split(tokens, tokensPerPicture), own),
            });
          },
        });
        const grids = split(result.tokens, tokensPerPicture);
        tokens.push(...grids);
        images.push(...(await picturesOf(grids, own)));
      } finally {
        await predictor.dispose();
      }
    }
    return {
      images,
      tokens,
      seed,
      plan,
      stats: {
        seconds: (performance.now() - started) / 1000,
        multiplyAdds: cost.multiplyAdds * count,
        multiplyAddsFlat: cost.multiplyAddsFlat * count,
        ratio: cost.ratio,
        batchSize,
      },
    };
  }

  async function edit({ image, mask, class: asked, ...options }: EditOptions): Promise<Generated> {
    const isWanted = tokenMask(mask, resolution, grid);
    const [known] = await encode([image]);
    const startTokens = known!.map((id, i) => (isWanted[i] ? masked : id));
    return generate({ ...options, startTokens, classes: asked === undefined ? null : [asked] });
  }

  const dispose = (): Promise<void> => {
    closing ??= closeAll();
    return closing;
  };
  return {
    model,
    maskId: masked,
    resolution,
    precision: transformer.precision,
    generate,
    edit,
    encode,
    decodeTokens,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** The named options as parts of a plan; a name goes before the same thing inside `plan`. */
function planInput({
  plan = {},
  steps,
  guidanceScale,
  choiceTemperature,
  tokenTemperature,
}: GenerateOptions): PlanInput {
  const given: PlanInput = typeof plan === "string" ? { sizes: plan } : plan;
  return {
    ...given,
    ...(steps !== undefined && { steps }),
    ...(guidanceScale !== undefined && { guidance: { ...given.guidance, scale: guidanceScale } }),
    ...(choiceTemperature !== undefined && { choiceTemperature }),
    ...(tokenTemperature !== undefined && {
      tokenTemperature: { kind: "constant", value: tokenTemperature } as const,
    }),
  };
}

/** [count, N] start tokens; one grid serves all pictures. */
function startOf(given: Int32Array | undefined, count: number, size: number): Int32Array | undefined {
  if (!given) return undefined;
  requireInput(
    given.length === size || given.length === count * size,
    `startTokens: must hold ${size} ids, or ${size} for each of ${count} pictures, got ${given.length}`,
  );
  if (given.length === count * size) return given;
  const all = new Int32Array(count * size);
  for (let i = 0; i < count; i++) all.set(given, i * size);
  return all;
}

/** N0, which must be the same for every picture: one cost and one list of steps hold for all. */
function maskedCount(start: Int32Array, size: number, masked: number): number {
  const counts = split(start, size).map((ids) => ids.filter((id) => id === masked).length);
  const other = counts.findIndex((count) => count !== counts[0]);
  requireInput(
    other === -1,
    `startTokens: every picture must have the same number of masked tokens, but picture 0 has ${counts[0]} and ` +
      `picture ${other} has ${counts[other]}; generate them apart`,
  );
  return counts[0]!;
}

function split(all: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
}

function requirePositive(name: string, value: number, also = ""): void {
  requireInput(
    Number.isSafeInteger(value) && value >= 1,
    `generate: ${name} must be a whole number of at least 1${also}, got ${value}`,
  );
}

function requireBudget(bytes: number, batchSize: number | "auto"): void {
  requireInput(bytes > 0, `generate: memoryBudget must be a number of bytes above 0, got ${bytes}`);
  requireInput(
    batchSize === "auto",
    `generate: memoryBudget is for batchSize "auto", got batchSize ${batchSize}; leave one of them out`,
  );
}
