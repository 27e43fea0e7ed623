/**
 * A model in a runner: images to tokens and back, and whole series of images decoded in batches. What the image and
 * the video pipeline have in common; people call those.
 *
 * B images of one batch, N grid tokens.
 */
import { requireInput } from "../core/errors.ts";
import { keyFromSeed, type Seed } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { fromPlanes, type Image, type Raster, spaceOf, toPlanes } from "../data/source.ts";
import { type DecodeOptions, decode } from "../decoding/decode.ts";
import { type DecodePlan, type PlanInput, printModelSchedule } from "../decoding/plan.ts";
import { resolvePlan } from "../decoding/resolve-plan.ts";
import { loadTokenizer, type Tokenizer } from "../models/tokenizer/codec.ts";
import { pixelSpace } from "../models/tokenizer/config.ts";
import { gridTokens, maskId, nullClass, type Task } from "../models/transformer/config.ts";
import { arithmeticOf, type Precision, requirePrecision } from "../models/transformer/precision.ts";
import { createPredictor, loadTransformer } from "../models/transformer/predictor.ts";
import { stepCost } from "../planning/cost.ts";
import { describeProcessor } from "../runtime/node/machine.ts";
import { createNodeRunner } from "../runtime/node/runner.ts";
import { runtimeVersion } from "../runtime/node/runtime-version.ts";
import type { Device, Runner } from "../runtime/runner.ts";
import { fittingBatchSize, modelPlanMemory } from "./batch-size.ts";
import { openDeadlines, type TimedPlan } from "./deadlines.ts";
import { type GenerativeModel, modelFacts, planFor, readModel, transformerFacts } from "./model.ts";

export interface PipelineOptions {
  /** Where to compute; "cpu" unless told. */
  readonly device?: Device;
  /** CPU threads; all cores unless told. */
  readonly threads?: number;
  /**
   * What the transformer's linear layers compute with; "fp32" unless told. "int8", on the CPU only, is faster, and
   * near to the same images.
   */
  readonly precision?: Precision;
  /** Keeps what deadlines need to know of this device, between processes; null, the default: nowhere. */
  readonly calibrationFolder?: string | null;
  /** A runner to compute with, which stays the caller's to close; `device` and `threads` are then its own. */
  readonly runner?: Runner;
}

/** What every way of making images can choose. */
export interface DecodeChoices {
  /** 0 unless told. Image i of a seed is the same whatever count and batch size are. */
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
  /**
   * Index of the first image in the seed's series, 0 unless told: images 100 to 199 are the same whether they are
   * made after the first hundred or by themselves. Classes take turns by that index.
   */
  readonly firstIndex?: number;
  /**
   * Images decoded together, 16 unless told; changes memory and speed, never an image. "auto": as many as fit into
   * `memoryBudget`, at most 64. By a plan with an entropy rule each is decoded alone, whatever is asked for.
   */
  readonly batchSize?: number | "auto";
  /**
   * Bytes that generating may take at its peak beyond the loaded model, for batches of size "auto": half of what the
   * process could still get unless told. Kept by an estimate that measured peaks on the CPU stay below.
   */
  readonly memoryBudget?: number;
  /**
   * Milliseconds within which the images shall be there: from the first decode step to their pixels, the tokenizer's
   * decoder included, but not what comes before, which happens once per batch size (calibrating, compiling). The plan is
   * then chosen by what this device is predicted to do in that time: among the model's measured plans, or where the
   * options change its default plan, among sizes for that. It shrinks while it runs where time runs out faster. All
   * images are decoded together.
   */
  readonly deadlineMs?: number;
  /** Checked at every step; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called, and awaited, after every step. */
  readonly onStep?: (progress: GenerateProgress) => void | Promise<void>;
}

export interface GenerateProgress {
  /** Steps done, over all batches, and steps in all; with an entropy rule, at most so many in all. */
  readonly step: number;
  readonly total: number;
  /** The sub-model that ran. */
  readonly factor: number;
  /** Index of the batch's first image in the seed's series. */
  readonly firstIndex: number;
  /** [B, N] with this step's guess at every masked position. */
  readonly tokens: Int32Array;
  /** Multiply-adds so far, over all images. */
  readonly multiplyAdds: number;
  /** Decodes `tokens`; costs one run of the tokenizer's decoder. */
  preview(): Promise<Image[]>;
}

export interface GenerateStats {
  /** Wall time, the tokenizer's decoder included. */
  readonly seconds: number;
  /** Of the transformer, over all images, for the steps that ran. */
  readonly multiplyAdds: number;
  /** Those of the baseline decode: full size and every position at every step, no cache, same steps and guidance. */
  readonly baselineMultiplyAdds: number;
  /** Baseline over plan. */
  readonly ratio: number;
  /** Images decoded together, the last ones perhaps fewer. */
  readonly batchSize: number;
  /** Of a decode with a deadline. */
  readonly deadline?: {
    readonly milliseconds: number;
    readonly isKept: boolean;
    /** The model sizes that were planned when it began. */
    readonly planned: string;
  };
}

/** What a plan is asked for: everything that would be asked of the decode. */
export interface PlanInTimeOptions extends DecodeChoices {
  readonly deadlineMs: number;
  /** Images, decoded together; 1 unless told. */
  readonly count?: number;
  /** "generate" unless told. */
  readonly task?: "generate" | Task;
}

/** A series of images to decode. */
export interface DecodeJob extends DecodeChoices {
  readonly decodePlan: DecodePlan;
  /** One id of the class table per image: a class, the null class, or a task. */
  readonly ids: readonly number[];
  /** [images, N] start tokens, each with as many masked ones; all masked unless given. */
  readonly start?: Int32Array;
  /** [images, N] what the model sees at masked places: the mask id, or a token to refine. */
  readonly condition?: Int32Array;
}

/** Decoded images, with what made them. */
export interface Decoded {
  readonly images: readonly Image[];
  /** [N] per image. */
  readonly tokens: readonly Int32Array[];
  readonly seed: Seed;
  /** As it ran: where a deadline shrank it, decoding by it without one gives the same tokens. */
  readonly plan: DecodePlan;
  readonly stats: GenerateStats;
}

export interface Generator {
  readonly model: GenerativeModel;
  readonly tokenizer: Tokenizer;
  readonly precision: Precision;
  /** The id of a masked token. */
  readonly maskId: number;
  /** The token ids of images of the model's size, [N] each. */
  encode(images: readonly Raster[]): Promise<Int32Array[]>;
  /** The images of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
  /**
   * Decodes a series.
   *
   * @throws InputError for a bad seed, first image, batch size or memory budget, or start tokens with differing numbers
   *   of masks
   */
  decode(job: DecodeJob): Promise<Decoded>;
  /**
   * The plan that a deadline begins with, without decoding by it.
   *
   * @throws InputError for a deadline that no plan can keep, saying the least one, and a task that the model lacks
   */
  planInTime(options: PlanInTimeOptions): Promise<TimedPlan>;
  /** Frees what it holds, and its runner unless that was given. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * Opens a model folder.
 *
 * @throws InputError when the folder is not a whole model, or the device is not there or lacks the precision
 */
export async function openGeneratorFrom(folder: string, options: PipelineOptions = {}): Promise<Generator> {
  requirePrecision(options.precision ?? "fp32", (options.runner ?? options).device); // before anything is opened
  if (options.runner) return openGenerator(await readModel(folder), options);
  // The runner's thread starts while the files are read.
  const opening = createNodeRunner(options);
  const [runner, model] = await Promise.allSettled([opening, readModel(folder)]);
  if (runner.status === "rejected") throw runner.reason;
  if (model.status === "rejected") {
    await runner.value.close();
    throw model.reason;
  }
  return generatorWith(model.value, runner.value, options, () => runner.value.close());
}

/** A generator over a model that is in memory, e.g. one in training. */
export async function openGenerator(
  model: GenerativeModel,
  options: PipelineOptions = {},
): Promise<Generator> {
  const { device, threads, precision, runner: given } = options;
  requirePrecision(precision ?? "fp32", (given ?? { device }).device);
  if (given) return generatorWith(model, given, options, async () => {});
  const runner = await createNodeRunner({ device, threads });
  return generatorWith(model, runner, options, () => runner.close());
}

/** @param close  what to do with the runner in the end, also when opening fails */
async function generatorWith(
  model: GenerativeModel,
  runner: Runner,
  options: PipelineOptions,
  close: () => Promise<void>,
): Promise<Generator> {
  const { precision } = options;
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
    return generatorOver(model, tokenizer, transformer, options, closeAll);
  } catch (error) {
    await closeAll().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

function generatorOver(
  model: GenerativeModel,
  tokenizer: Tokenizer,
  transformer: Awaited<ReturnType<typeof loadTransformer>>,
  { threads, calibrationFolder = null }: PipelineOptions,
  closeAll: () => Promise<void>,
): Generator {
  const config = model.transformer.config;
  const size = gridTokens(config);
  const masked = maskId(config);
  const space = pixelSpace(model.tokenizer.config);
  let closing: Promise<void> | undefined;

  async function encode(images: readonly Raster[]): Promise<Int32Array[]> {
    for (const image of images) {
      requireInput(
        spaceOf(image).join() === space.join(),
        `encode: images must be of ${space.join(" x ")} pixels for this model, got ${spaceOf(image).join(" x ")}`,
      );
    }
    const { data } = await tokenizer.encode(toPlanes(images));
    return split(data, size);
  }

  async function decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]> {
    const all = new Int32Array(tokens.length * size);
    for (const [i, ids] of tokens.entries()) {
      const wrong = ids.find((id) => id < 0 || id >= config.codebookSize);
      requireInput(
        ids.length === size && wrong === undefined,
        `decodeTokens: image ${i} needs ${size} ids in 0..${config.codebookSize - 1}, got ` +
          `${wrong ?? `${ids.length} ids`}`,
      );
      all.set(ids, i * size);
    }
    const planes = await tokenizer.decode(tensor("int32", [tokens.length, ...tokenizer.grid], all));
    return tokens.map((_, i) => fromPlanes(planes, i));
  }

  // The ids beyond the classes are those of the null class and of tasks.
  const classOf = (id: number): number | null => (id < model.classNames.length ? id : null);
  const imagesOf = async (tokens: readonly Int32Array[], ids: readonly number[]): Promise<Image[]> =>
    (await decodeTokens(tokens)).map((raster, i) => ({ ...raster, classId: classOf(ids[i]!) }));

  /** Decodes one batch. */
  async function decodeBatch(
    ids: readonly number[],
    options: Pick<DecodeOptions, "plan" | "seed" | "start" | "condition" | "signal" | "onStep" | "replan"> & {
      readonly first?: number;
    },
  ): Promise<Int32Array[]> {
    const { first = 0, ...rest } = options;
    const predictor = createPredictor(transformer, ids);
    try {
      const { tokens } = await decode({
        ...rest,
        model: modelFacts(config),
        maskId: masked,
        sampleIndexes: ids.map((_, i) => first + i),
        gridShape: config.grid,
        predict: predictor.predict,
      });
      return split(tokens, size);
    } finally {
      await predictor.dispose();
    }
  }

  const deadlines = openDeadlines(model, {
    folder: calibrationFolder,
    circumstances: {
      ...{ device: transformer.runner.device, precision: arithmeticOf(transformer.precision) },
      threads: threads ?? null,
      ...{ runtime: runtimeVersion(), machine: describeProcessor() },
    },
    async decodeTokens(batch, plan, { signal, onStep }) {
      await decodeBatch(Array<number>(batch).fill(nullClass(config)), { plan, seed: 0, signal, onStep });
    },
    async makeImages(batch) {
      const grids = Array.from({ length: batch }, () => new Int32Array(size));
      await imagesOf(grids, Array<number>(batch).fill(0));
    },
  });

  async function decodeSeries(job: DecodeJob): Promise<Decoded> {
    const { ids, start, condition, seed = 0, firstIndex = 0, signal, deadlineMs } = job;
    const { batchSize: asked = deadlineMs === undefined ? 16 : ids.length, memoryBudget } = job;
    if (deadlineMs !== undefined) requireForeseen(job.decodePlan);
    const count = ids.length;
    if (asked !== "auto") requirePositive("batchSize", asked, ' or "auto"');
    if (memoryBudget !== undefined) requireBudget(memoryBudget, asked);
    keyFromSeed(seed);
    requireInput(
      Number.isSafeInteger(firstIndex) && firstIndex >= 0,
      `generate: firstIndex must be a whole number of at least 0, got ${firstIndex}`,
    );
    const toFill = start && maskedCount(start, size, masked);
    const together = job.decodePlan.unmask ? 1 : undefined; // by entropies, each image has counts of its own
    const batchSize =
      asked === "auto"
        ? fittingBatchSize(modelPlanMemory(model, job.decodePlan, toFill), together ?? count, memoryBudget)
        : (together ?? asked);
    if (deadlineMs !== undefined) requireTogether(count, batchSize);
    const inTime =
      deadlineMs === undefined
        ? null
        : await deadlines.begin({
            deadlineMs,
            count,
            decodePlan: job.decodePlan,
            maskedTokens: toFill,
            signal,
          });
    let plan = inTime?.plan ?? job.decodePlan;
    const facts = transformerFacts(config);
    const planned = resolvePlan(plan, facts, toFill).steps.length;
    const batches = Math.ceil(count / batchSize);
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const keep = inTime?.keep(seconds);
    const replan = (before: DecodePlan, step: number) => {
      plan = keep!(before, step);
      return plan;
    };

    const ran = { steps: 0, multiplyAdds: 0, baselineMultiplyAdds: 0 };
    const tokens: Int32Array[] = [];
    const images: Image[] = [];
    for (let first = 0; first < count; first += batchSize) {
      const last = Math.min(count, first + batchSize);
      const own = ids.slice(first, last);
      const part = (all?: Int32Array) => all?.slice(first * size, last * size);
      const grids = await decodeBatch(own, {
        ...{
          plan,
          seed,
          first: firstIndex + first,
          start: part(start),
          condition: part(condition),
          signal,
        },
        ...(keep && { replan }),
        onStep: async (step) => {
          const { done, total, factor, tokens } = step;
          const cost = stepCost(facts, step);
          ran.steps++;
          ran.multiplyAdds += own.length * (cost.conditionalMultiplyAdds + cost.unconditionalMultiplyAdds);
          ran.baselineMultiplyAdds += own.length * cost.baselineMultiplyAdds;
          const batchesLeft = batches - 1 - first / batchSize;
          await job.onStep?.({
            step: ran.steps,
            total: ran.steps + (total - done) + planned * batchesLeft,
            factor,
            firstIndex: firstIndex + first,
            tokens,
            multiplyAdds: ran.multiplyAdds,
            preview: () => imagesOf(split(tokens, size), own),
          });
        },
      });
      tokens.push(...grids);
      images.push(...(await imagesOf(grids, own)));
    }
    const took = seconds();
    return {
      images,
      tokens,
      seed,
      plan,
      stats: {
        seconds: took,
        multiplyAdds: ran.multiplyAdds,
        baselineMultiplyAdds: ran.baselineMultiplyAdds,
        ratio: ran.baselineMultiplyAdds / ran.multiplyAdds,
        batchSize,
        ...(inTime && {
          deadline: {
            milliseconds: deadlineMs!,
            isKept: 1000 * took <= deadlineMs!,
            planned: printModelSchedule(inTime.plan.modelSchedule),
          },
        }),
      },
    };
  }

  return {
    model,
    tokenizer,
    precision: transformer.precision,
    maskId: masked,
    encode,
    decodeTokens,
    decode: decodeSeries,
    planInTime: async ({ deadlineMs, count = 1, task, signal, ...choices }) => {
      const decodePlan = planFor(model, planInput(choices), task);
      requireForeseen(decodePlan);
      return deadlines.plan({ deadlineMs, count, signal, decodePlan });
    },
    dispose: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** The named options as parts of a plan; a name goes before the same thing inside `plan`. */
export function planInput({
  plan = {},
  steps,
  guidanceScale,
  choiceTemperature,
  tokenTemperature,
}: DecodeChoices): PlanInput {
  const given: PlanInput = typeof plan === "string" ? { modelSchedule: plan } : plan;
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

/** N0, which must be the same for every image: one cost and one list of steps hold for all. */
function maskedCount(start: Int32Array, size: number, masked: number): number {
  const counts = split(start, size).map((ids) => ids.filter((id) => id === masked).length);
  const other = counts.findIndex((count) => count !== counts[0]);
  requireInput(
    other === -1,
    `startTokens: every image must have the same number of masked tokens, but image 0 has ${counts[0]} and ` +
      `image ${other} has ${counts[other]}; generate them apart`,
  );
  return counts[0]!;
}

export function split(all: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
}

export function requirePositive(name: string, value: number, also = ""): void {
  requireInput(
    Number.isSafeInteger(value) && value >= 1,
    `generate: ${name} must be a whole number of at least 1${also}, got ${value}`,
  );
}

function requireForeseen({ unmask }: DecodePlan): void {
  requireInput(
    !unmask,
    "generate: a deadline is kept by steps that are known beforehand, and with an entropy bound they are not; leave " +
      'out one of the two, the bound by unmask: { kind: "schedule" }',
  );
}

function requireTogether(count: number, batchSize: number): void {
  requireInput(
    count <= batchSize,
    `generate: with a deadline all images are decoded together, but ${count} do not fit into a batch of ${batchSize}; ` +
      "ask for fewer, or leave out the batch size",
  );
}

function requireBudget(bytes: number, batchSize: number | "auto"): void {
  requireInput(bytes > 0, `generate: memoryBudget must be a number of bytes above 0, got ${bytes}`);
  requireInput(
    batchSize === "auto",
    `generate: memoryBudget is for batchSize "auto", got batchSize ${batchSize}; leave one of them out`,
  );
}
