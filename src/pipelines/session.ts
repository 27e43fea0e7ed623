/**
 * A model loaded into a runner: images to tokens and back, and series of images decoded in batches. What the image and the
 * video pipeline have in common; people call those.
 *
 * B images of one batch, N grid tokens.
 */
import { z } from "zod";
import { InputError, requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { sizeOf, tensor } from "../core/tensor.ts";
import { parse } from "../core/validate.ts";
import { fromPlanes, type Image, type Raster, spaceOf, toPlanes } from "../data/source.ts";
import { type DecodeOptions, decode } from "../decoding/decode.ts";
import { printModelSchedule } from "../decoding/model-schedule.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import { loadTokenizer, type Tokenizer } from "../models/tokenizer/codec.ts";
import { pixelSpace } from "../models/tokenizer/config.ts";
import { maskId, nullClass } from "../models/transformer/config.ts";
import { modelFacts, transformerFacts } from "../models/transformer/facts.ts";
import { type Precision, requirePrecision } from "../models/transformer/precision.ts";
import { createPredictor, loadTransformer } from "../models/transformer/predictor.ts";
import { stepCost } from "../planning/cost.ts";
import type { Runner } from "../runtime/runner.ts";
import type { MeasurementStore } from "./calibration.ts";
import { type Deadlines, openDeadlines, type TimedPlan } from "./deadlines.ts";
import type { GenerativeModel } from "./model.ts";
import { type RequestSubject, type ResolvedRequest, resolveRequest } from "./request.ts";
import type { PreparedRequest, Sample } from "./samples.ts";
import { stretchWithin, workOfAMoment } from "./stretches.ts";

/** Where and how a pipeline computes. */
export interface SessionOptions {
  /**
   * What computes this model and no other: it holds the weights of one. It stays the caller's to close, unless `close` does
   * that.
   */
  readonly runner: Runner;
  /**
   * What the transformer's linear layers compute with; default "fp32". "int8", on the CPU only, is faster, and near to
   * the same images.
   */
  readonly precision?: Precision;
  /** Keeps what deadlines need to know of this device; default: nothing is kept. */
  readonly measurements?: MeasurementStore;
  /** Bytes that this process could still get, for batches of size "auto"; default 2 GiB. */
  readonly availableMemory?: () => number;
  /** Milliseconds of a clock that only goes forward; default `performance.now`. */
  readonly now?: () => number;
  /** Called once when the session was disposed of, or could not be opened. */
  readonly close?: () => Promise<void>;
}

/** What somebody who waits for a decode can do. */
export interface DecodeHooks {
  /** Checked at every step or stretch of steps, some tenths of a second; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called, and awaited, after every step; where several small ones run at once, when they are done. */
  readonly onStep?: (progress: GenerateProgress) => void | Promise<void>;
}

/** What is known after a decode step. */
const hooksSchema = z.looseObject({
  signal: z.instanceof(AbortSignal).optional().meta({ allowed: "an AbortSignal" }),
  onStep: z
    .custom<DecodeHooks["onStep"]>((value) => value === undefined || typeof value === "function")
    .optional()
    .meta({ allowed: "a function" }),
});

/**
 * The hooks of a call apart from what it asks.
 *
 * @throws InputError for options that are no object, and hooks that are none
 */
export function withoutHooks<Options extends DecodeHooks>(
  where: string,
  options: Options,
): { readonly hooks: DecodeHooks; readonly asked: Omit<Options, keyof DecodeHooks> } {
  parse(hooksSchema, options, where);
  const { signal, onStep, ...asked } = options;
  return { hooks: { signal, onStep }, asked };
}

/** What a step of a decode tells: how far it is, and what it guesses so far. */
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
  /** [B, N] the step of the plan that decoded each token, from 0; -1 for one that was given, -2 for one still masked. */
  readonly decodedAtStep: Int32Array;
  /** Multiply-adds so far, over all images. */
  readonly multiplyAdds: number;
  /** Decodes `tokens`; costs one run of the tokenizer's decoder. */
  preview(): Promise<Image[]>;
}

/** What a decode cost. */
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
    /** The model schedule that was planned when it began. */
    readonly planned: string;
  };
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

/** What a step of a batch tells. */
export interface BatchProgress {
  /** Steps done, and steps in all; with an entropy rule, at most so many in all. */
  readonly step: number;
  readonly total: number;
  /** The sub-model that ran. */
  readonly factor: number;
  /** Images of this step's guesses for some rows of the batch; costs one run of the tokenizer's decoder. */
  preview(rows: readonly number[]): Promise<Image[]>;
}

/** What somebody who waits for a batch can do. */
export interface BatchHooks {
  /** Checked at every step or stretch of steps, some tenths of a second; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called, and awaited, after every step; where several small ones run at once, when they are done. */
  readonly onStep?: (progress: BatchProgress) => void | Promise<void>;
}

/** What became of a sample. */
export interface DecodedSample {
  /** The image of its tokens. */
  readonly image: Image;
  /** [N] */
  readonly tokens: Int32Array;
}

/**
 * Loads a model into a runner.
 *
 * @throws InputError when the device lacks the precision, and what loading throws; the runner is then closed by `close`
 */
export async function openSession(model: GenerativeModel, options: SessionOptions): Promise<Session> {
  const { runner, precision = "fp32", close = async () => {} } = options;
  let tokenizer: Tokenizer | undefined;
  try {
    requirePrecision(precision, runner.device);
    tokenizer = await loadTokenizer(runner, model.tokenizer.config, model.tokenizer.tensors);
    const { config, tensors } = model.transformer;
    const transformer = await loadTransformer(runner, config, tensors, { precision });
    return new Session(model, tokenizer, transformer, options);
  } catch (error) {
    // The first failure is the one to tell.
    await tokenizer?.dispose().catch(() => {});
    await close().catch(() => {});
    throw error;
  }
}

export class Session {
  readonly model: GenerativeModel;
  readonly tokenizer: Tokenizer;
  readonly precision: Precision;
  /** The id of a masked token. */
  readonly maskId: number;
  readonly #transformer: Awaited<ReturnType<typeof loadTransformer>>;
  readonly #options: SessionOptions;
  readonly #deadlines: Deadlines;
  readonly #now: () => number;
  /** Calls in progress. */
  readonly #calls = new Set<Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  constructor(
    model: GenerativeModel,
    tokenizer: Tokenizer,
    transformer: Awaited<ReturnType<typeof loadTransformer>>,
    options: SessionOptions,
  ) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.precision = transformer.precision;
    this.maskId = maskId(model.transformer.config);
    this.#transformer = transformer;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#deadlines = openDeadlines(model, {
      measurements: options.measurements,
      now: this.#now,
      decodeTokens: async (batch, plan, hooks) => {
        const classRow = nullClass(model.transformer.config);
        const samples = Array.from({ length: batch }, (_, index) => ({
          ...{ seed: 0, index, classRow },
          ...{ start: null, condition: null },
        }));
        await this.#decodeBatch(samples, { plan, ...hooks });
      },
      makeImages: async (batch) => {
        const size = sizeOf(tokenizer.grid);
        await this.#rastersOf(Array.from({ length: batch }, () => new Int32Array(size)));
      },
    });
  }

  /**
   * What is asked of this model, known and costed; see {@link resolveRequest}.
   *
   * @throws InputError naming the option that is wrong, and after `dispose`
   */
  resolve(options: RequestSubject): ResolvedRequest {
    this.requireOpen();
    return resolveRequest(options, this.model, this.#options.availableMemory);
  }

  /**
   * The token ids of images of the model's size, [N] each.
   *
   * @throws InputError for images of another size
   */
  encode(images: readonly Raster[]): Promise<Int32Array[]> {
    return this.#call(async () => {
      const space = pixelSpace(this.model.tokenizer.config);
      for (const image of images) {
        requireInput(
          spaceOf(image).join() === space.join(),
          `encode: images must be of ${space.join(" x ")} pixels for this model, got ${spaceOf(image).join(" x ")}`,
        );
      }
      const { data } = await this.tokenizer.encode(toPlanes(images));
      return split(data, sizeOf(this.tokenizer.grid));
    });
  }

  /**
   * The images of token ids, [N] each.
   *
   * @throws InputError for another number of ids, or ids that are no codes
   */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]> {
    return this.#call(async () => {
      const size = sizeOf(this.tokenizer.grid);
      const { codebookSize } = this.tokenizer;
      for (const [i, ids] of tokens.entries()) {
        const wrong = ids.find((id) => id < 0 || id >= codebookSize);
        requireInput(
          ids.length === size && wrong === undefined,
          `decodeTokens: image ${i} needs ${size} ids in 0..${codebookSize - 1}, got ${wrong ?? `${ids.length} ids`}`,
        );
      }
      return this.#rastersOf(tokens);
    });
  }

  /**
   * Decodes a request, batch after batch.
   *
   * @throws InputError for a deadline that no plan can keep, saying the least one; the signal's reason
   */
  decode(prepared: PreparedRequest, hooks: DecodeHooks = {}): Promise<Decoded> {
    return this.#call(() => this.#decodeRequest(prepared, hooks));
  }

  /**
   * Decodes samples as one batch: those of one request or of several, with seeds and classes of their own.
   *
   * @param plan     that of all of them
   * @param samples  with equally many masked tokens; one alone where the plan has an entropy rule
   * @returns one for every sample, in order, each the same as alone
   * @throws the signal's reason
   */
  decodeTogether(
    plan: DecodePlan,
    samples: readonly Sample[],
    { signal, onStep }: BatchHooks = {},
  ): Promise<DecodedSample[]> {
    return this.#call(async () => {
      const size = sizeOf(this.tokenizer.grid);
      const classRows = samples.map(({ classRow }) => classRow);
      const grids = await this.#decodeBatch(samples, {
        plan,
        batchesToCome: 0,
        isWatched: signal !== undefined || onStep !== undefined,
        signal,
        onStep: ({ done, total, factor, tokens }) =>
          onStep?.({
            step: done,
            total,
            factor,
            preview: (rows) => {
              const grids = rows.map((row) => tokens.subarray(row * size, (row + 1) * size));
              return this.#imagesOf(
                grids,
                rows.map((row) => classRows[row]!),
              );
            },
          }),
      });
      const images = await this.#imagesOf(grids, classRows);
      return images.map((image, i) => ({ image, tokens: grids[i]! }));
    });
  }

  /**
   * The plan that a deadline begins with, without decoding by it, and what it is predicted to take.
   *
   * @throws InputError for a deadline that no plan can keep, saying the least one, and as {@link resolve}
   */
  planInTime(options: RequestSubject & DecodeHooks & { deadlineMs: number }): Promise<TimedPlan> {
    return this.#call(async () => {
      const { asked, hooks } = withoutHooks("planInTime", options);
      const { deadlineMs } = asked;
      const { signal } = hooks;
      const { plan, classRows } = this.resolve(asked);
      return this.#deadlines.plan({ deadlineMs, count: classRows.length, decodePlan: plan, signal });
    });
  }

  /** Waits for calls in progress, then frees what the session holds. Later calls are refused. Safe to call twice. */
  dispose(): Promise<void> {
    this.#disposal ??= (async () => {
      await Promise.allSettled(this.#calls);
      await this.#transformer.dispose();
      await this.tokenizer.dispose();
      await this.#options.close?.();
    })();
    return this.#disposal;
  }

  /** @throws InputError after `dispose` */
  requireOpen(): void {
    if (this.#disposal) throw new InputError("this pipeline was disposed; open the model again");
  }

  /** Does work that `dispose` waits for. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.requireOpen();
    const running = work();
    this.#calls.add(running);
    try {
      return await running;
    } finally {
      this.#calls.delete(running);
    }
  }

  async #decodeRequest(
    { request, samples, show }: PreparedRequest,
    { signal, onStep }: DecodeHooks,
  ): Promise<Decoded> {
    const { classRows, seed, firstIndex, batchSize, deadlineMs, maskedTokens } = request;
    const count = classRows.length;
    const size = sizeOf(this.tokenizer.grid);
    const inTime =
      deadlineMs === null
        ? null
        : await this.#deadlines.begin({ deadlineMs, count, decodePlan: request.plan, maskedTokens, signal });
    const started = this.#now();
    const seconds = () => (this.#now() - started) / 1000;
    let plan = inTime?.plan ?? request.plan;
    const keep = inTime?.keep(seconds);
    const replan = keep && ((before: DecodePlan, step: number) => (plan = keep(before, step)));

    const facts = transformerFacts(this.model.transformer.config);
    const ran = { steps: 0, multiplyAdds: 0, baselineMultiplyAdds: 0 };
    const tokens: Int32Array[] = [];
    const images: Image[] = [];
    for (let first = 0; first < count; first += batchSize) {
      const last = Math.min(count, first + batchSize);
      const own = classRows.slice(first, last);
      const shown = (images: readonly Image[]) => images.map((image, i) => show(image, first + i));
      const batchesLeft = Math.ceil((count - last) / batchSize);
      const grids = await this.#decodeBatch(samples.slice(first, last), {
        plan,
        batchesToCome: batchesLeft,
        isWatched: signal !== undefined || onStep !== undefined,
        signal,
        replan,
        onStep: async (step) => {
          const cost = stepCost(facts, step);
          ran.steps++;
          ran.multiplyAdds += own.length * (cost.conditionalMultiplyAdds + cost.unconditionalMultiplyAdds);
          ran.baselineMultiplyAdds += own.length * cost.baselineMultiplyAdds;
          await onStep?.({
            step: ran.steps,
            total: ran.steps + (step.total - step.done) + batchesLeft * request.cost.steps.length,
            factor: step.factor,
            firstIndex: firstIndex + first,
            tokens: step.tokens,
            decodedAtStep: step.decodedAtStep,
            multiplyAdds: ran.multiplyAdds,
            preview: async () => shown(await this.#imagesOf(split(step.tokens, size), own)),
          });
        },
      });
      tokens.push(...grids);
      images.push(...shown(await this.#imagesOf(grids, own)));
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

  /** Decodes one batch: [N] ids for every sample. */
  async #decodeBatch(
    samples: readonly Sample[],
    {
      batchesToCome,
      isWatched = true,
      ...options
    }: Pick<DecodeOptions, "plan" | "signal" | "onStep" | "replan"> & {
      /** Batches of the same kind that follow; left out: every step is to run by itself. */
      readonly batchesToCome?: number;
      /** Whether somebody may act between steps. */
      readonly isWatched?: boolean;
    },
  ): Promise<Int32Array[]> {
    const { config } = this.model.transformer;
    const facts = transformerFacts(config);
    const predictor = createPredictor(
      this.#transformer,
      samples.map(({ classRow }) => classRow),
    );
    try {
      const { tokens } = await decode({
        ...options,
        model: modelFacts(config),
        maskId: this.maskId,
        seed: samples.map(({ seed }) => seed),
        sampleIndexes: samples.map(({ index }) => index),
        start: this.#joined(samples.map(({ start }) => start)),
        condition: this.#joined(samples.map(({ condition }) => condition)),
        gridShape: config.grid,
        predict: predictor.predict,
        ...(batchesToCome !== undefined && {
          stretches: {
            predict: predictor.predictStretch,
            length: (left) => {
              const most = isWatched ? workOfAMoment / samples.length : Number.POSITIVE_INFINITY;
              const steps = left.steps.slice(0, stretchWithin(most, left.steps, facts));
              const isOne = steps.length > 1 && predictor.paysAtOnce({ ...left, steps }, batchesToCome);
              return isOne ? steps.length : 0;
            },
          },
        }),
      });
      return split(tokens, sizeOf(config.grid));
    } finally {
      await predictor.dispose();
    }
  }

  /** [B, N] from [N] of each sample, masked where a sample has none; undefined where no sample has any. */
  #joined(grids: readonly (Int32Array | null)[]): Int32Array | undefined {
    if (grids.every((grid) => grid === null)) return undefined;
    const size = sizeOf(this.tokenizer.grid);
    const all = new Int32Array(grids.length * size).fill(this.maskId);
    for (const [i, grid] of grids.entries()) if (grid) all.set(grid, i * size);
    return all;
  }

  /** Pixels of token grids. */
  async #rastersOf(tokens: readonly Int32Array[]): Promise<Raster[]> {
    const size = sizeOf(this.tokenizer.grid);
    const all = new Int32Array(tokens.length * size);
    for (const [i, ids] of tokens.entries()) all.set(ids, i * size);
    const planes = await this.tokenizer.decode(tensor("int32", [tokens.length, ...this.tokenizer.grid], all));
    return tokens.map((_, i) => fromPlanes(planes, i));
  }

  async #imagesOf(tokens: readonly Int32Array[], classRows: readonly number[]): Promise<Image[]> {
    const rasters = await this.#rastersOf(tokens);
    // The rows beyond the classes are those of the null class and of tasks.
    const classIdOf = (row: number) => (row < this.model.classNames.length ? row : null);
    return rasters.map((raster, i) => ({ ...raster, classId: classIdOf(classRows[i]!) }));
  }
}

function split(all: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
}
