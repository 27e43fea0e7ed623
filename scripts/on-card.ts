/**
 * A tokenizer and a transformer trained within given seconds, n steps in one run, on any device of the runtime. A trial
 * of how the project trains on a card: `tsx scripts/on-card.ts WHAT key=value...`, WHAT one of
 *
 *     draw          drawn images into `pool`, part `part` of `parts`, from `seed`, until `count`
 *     speed         seconds a tokenizer step takes
 *     tokenizer     trains it for `seconds`, tries it, tokenises the pool, and tunes the decoder for `tuneSeconds`
 *     transformer   trains it for `seconds` on those tokens
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { foldIn, integerAt, type Key, uniformAt } from "../src/core/random.ts";
import { shapeOfPort, shapeValues } from "../src/core/shape-port.ts";
import { type HostTensor, sizeOf, tensor } from "../src/core/tensor.ts";
import { scenesSource, spritesSource } from "../src/data/drawn/node/draw.ts";
import { imageSheet } from "../src/data/image/sheet.ts";
import { fromPlanes, type ImageSource, type Raster } from "../src/data/source.ts";
import { borderContrast, decibels } from "../src/evaluation/metrics/image-metrics.ts";
import { type ConvolutionMethod, cast, encode, Graph, multiply, reshape } from "../src/graph/index.ts";
import { initialise, parameterInputs } from "../src/models/parameters.ts";
import { decoderGraph, tokenizerParameters } from "../src/models/tokenizer/codec.ts";
import {
  codebookSize,
  parseTokenizerConfig,
  type TokenizerConfig,
  tokenGrid,
} from "../src/models/tokenizer/config.ts";
import { encodePixels } from "../src/models/tokenizer/network.ts";
import { mapsToRows, quantize } from "../src/models/tokenizer/quantizer.ts";
import { gridTokens, transformerConfig } from "../src/models/transformer/config.ts";
import { transformerParameters } from "../src/models/transformer/parameters.ts";
import { nestedLoss } from "../src/training/nested-loss.ts";
import { learningRateAt, optimiserFeeds } from "../src/training/optimiser.ts";
import { averagedWeights, initialState, stateNames } from "../src/training/optimiser-state.ts";
import { resolveConfig } from "../src/training/read-config.ts";
import { tokenNudges } from "../src/training/tokenizer-job.ts";
import { decoderParameters, decoderStepGraph, tokenizerStepGraph } from "../src/training/tokenizer-step.ts";
import { maskedBatch, transformerStepGraph } from "../src/training/transformer-job.ts";
import { writeSafetensors } from "../src/weights/node/safetensors-file.ts";
import { loopModel } from "./loop-model.ts";

const [what, ...pairs] = process.argv.slice(2);
const given = Object.fromEntries(
  pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
);
const text = (name: string, or: string): string => given[name] ?? or;
const number = (name: string, or: number): number => Number(given[name] ?? or);

const device = text("device", "cpu");
const pool = text("pool", "pool");
const out = text("out", "out");
const state = text("state", "state"); // what one part leaves to the next, on the machine itself
const side = number("side", 128);
const area = side * side;
const key: Key = [number("key", 1), 22];
const chunkOf = 512;
for (const folder of [pool, out, state]) mkdirSync(folder, { recursive: true });
const began = performance.now();
const now = (): number => (performance.now() - began) / 1000;
const method = text("method", "kernel") as ConvolutionMethod;
const round = (x: number, digits = 4): number => Number(x.toFixed(digits));

function log(entry: Record<string, unknown>): void {
  const line = JSON.stringify({ what, at: round(now(), 1), ...entry });
  console.log(line);
  appendFileSync(join(out, "log.jsonl"), `${line}\n`);
}

// --- images -------------------------------------------------------------------------------------------------------

const drawnSource = (seed: string): ImageSource =>
  (text("source", "scenes") === "scenes" ? scenesSource : spritesSource)({ seed, resolution: side });

/** Images as planes of bytes [3, side, side]. */
interface Pool {
  readonly pixels: Uint8Array[];
  readonly labels: number[];
}

function toBytePlanes({ pixels, width, height }: Raster, into: Uint8Array, at: number): void {
  if (width !== side || height !== side) throw new Error(`an image of ${width}x${height}, wanted ${side}`);
  for (let i = 0; i < area; i++) {
    into[at + i] = pixels[3 * i]!;
    into[at + area + i] = pixels[3 * i + 1]!;
    into[at + 2 * area + i] = pixels[3 * i + 2]!;
  }
}

async function draw(): Promise<void> {
  const source = drawnSource(text("seed", "0"));
  const [part, parts, count] = [number("part", 0), number("parts", 1), number("count", 1024)];
  const until = number("until", Infinity); // seconds
  const size = Math.min(chunkOf, count);
  const prefix = text("prefix", "draw");
  for (let chunk = part; chunk * size < count && now() < until; chunk += parts) {
    const bytes = new Uint8Array(size * (3 * area + 1));
    const one = async (i: number): Promise<void> => {
      const image = await source.read(chunk * size + i);
      toBytePlanes(image, bytes, size + i * 3 * area);
      bytes[i] = image.classId ?? 0;
    };
    await Promise.all(Array.from({ length: size }, (_, i) => one(i)));
    const name = join(pool, `${prefix}-${String(chunk).padStart(5, "0")}.bin`);
    writeFileSync(`${name}.part`, bytes);
    renameSync(`${name}.part`, name);
  }
  log({ drawn: count, part });
}

const seen = new Set<string>();
/** Adds to the pool what has been drawn since. */
function refill(into: Pool, prefix = "draw-", limit = Infinity): void {
  for (const name of readdirSync(pool).sort()) {
    if (!name.startsWith(prefix) || !name.endsWith(".bin") || seen.has(name) || into.pixels.length >= limit)
      continue;
    seen.add(name);
    const bytes = readFileSync(join(pool, name));
    const size = bytes.length / (3 * area + 1);
    for (let i = 0; i < size; i++) {
      into.labels.push(bytes[i]!);
      into.pixels.push(bytes.subarray(size + i * 3 * area, size + (i + 1) * 3 * area));
    }
  }
}

async function unpackImages(path: string): Promise<Uint8Array[]> {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    parts.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return Promise.all(
    parts.map(async (part) => {
      let image = sharp(part).removeAlpha();
      if (side !== 128) image = image.resize(side, side);
      const data = await image.raw().toBuffer();
      const planes = new Uint8Array(3 * area);
      toBytePlanes({ width: side, height: side, pixels: data }, planes, 0);
      return planes;
    }),
  );
}

/** A crop of an image's planes into a batch. */
function crop(
  from: Uint8Array,
  into: Uint8Array,
  at: number,
  extent: number,
  own: Key,
  randomFlip: boolean,
): void {
  const free = side - extent + 1;
  const [x, y] = [integerAt(own, 10, free), integerAt(own, 11, free)];
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < extent; row++) {
      const start = channel * area + (y + row) * side + x;
      const line = into.subarray(
        at + (channel * extent + row) * extent,
        at + (channel * extent + row + 1) * extent,
      );
      line.set(from.subarray(start, start + extent));
      if (randomFlip) line.reverse();
    }
  }
}

// --- the runtime ----------------------------------------------------------------------------------------------------

const toOrt = ({ dtype, dims, data }: HostTensor): ort.Tensor =>
  new ort.Tensor(dtype as "float32", data as Float32Array, dims);
const open = (model: Uint8Array): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(model, {
    executionProviders: [device],
    graphOptimizationLevel: "all",
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(device === "cpu" && { intraOpNumThreads: number("threads", 1) }),
    extra: { optimization: { disable_specified_optimizers: "SkipLayerNormFusion" } },
  } as ort.InferenceSession.SessionOptions);

/** A step graph of which n steps are a run; the state comes back between runs. */
interface Trainer {
  readonly n: number;
  state: Record<string, ort.Tensor>;
  run(batches: readonly Record<string, HostTensor>[]): Promise<Record<string, Float32Array>>;
  averages(): Record<string, HostTensor<"float32">>;
  close(): Promise<void>;
}

async function trainer(
  graph: Graph,
  names: readonly string[],
  first: Readonly<Record<string, HostTensor>> | null,
  options: { n: number; scans: string[]; bytes8?: string[]; symbols?: ReadonlyMap<string, number> },
): Promise<Trainer> {
  const { n, scans, bytes8 = [], symbols = new Map() } = options;
  const { model, batch, shapes } = loopModel(encode(graph), n, { states: names, scans, bytes8, symbols });
  const session = await open(model);
  const fixed: Record<string, ort.Tensor> = {};
  for (const name of shapes) {
    const shape = shapeOfPort(name)!;
    fixed[name] = new ort.Tensor("int64", shapeValues(shape, symbols), [shape.length]);
  }
  const made: Trainer = {
    n,
    state: first ? Object.fromEntries(names.map((name) => [name, toOrt(first[name]!)])) : {},
    async run(batches) {
      const feeds: Record<string, ort.Tensor> = { ...fixed };
      for (const name of batch) {
        const one = batches[0]![name]!;
        const size = sizeOf(one.dims);
        const whole = new (one.data.constructor as Float32ArrayConstructor)(n * size);
        for (const [k, each] of batches.entries()) whole.set(each[name]!.data as Float32Array, k * size);
        const dtype = bytes8.includes(name) ? "uint8" : one.dtype;
        feeds[`all/${name}`] = new ort.Tensor(dtype as "float32", whole, [n, ...one.dims]);
      }
      for (const name of names) feeds[`state/${name}`] = made.state[name]!;
      const results = await session.run(feeds);
      made.state = Object.fromEntries(names.map((name) => [name, results[`last/${name}`]! as ort.Tensor]));
      return Object.fromEntries(scans.map((name) => [name, results[`each/${name}`]!.data as Float32Array]));
    },
    averages: () =>
      averagedWeights(
        Object.fromEntries(
          names.map((name) => {
            const { dims, data } = made.state[name]!;
            return [name, tensor("float32", dims, data as Float32Array)];
          }),
        ),
      ),
    close: () => session.release(),
  };
  return made;
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((a, b) => a + b, 0) / values.length;

/**
 * Runs until the seconds are over, the learning rate by the time that has passed.
 *
 * @param onRun  after every run: the means of its outputs
 */
async function forSeconds(
  trained: Trainer,
  seconds: number,
  schedule: { learningRate: number; warmupSteps: number; finalFraction: number; emaDecay: number },
  options: Parameters<typeof optimiserFeeds>[2],
  batchAt: (step: number, progress: number) => Record<string, HostTensor>,
  onRun: (
    run: number,
    step: number,
    progress: number,
    outputs: Record<string, Float32Array>,
  ) => void | Promise<void>,
): Promise<number> {
  const start = now();
  let step = 0;
  let last = 0; // seconds of a run
  const most = number("steps", Infinity); // by which progress is then told: for comparisons on a busy machine
  for (let run = 0; step < most && now() - start + last * 1.05 < seconds; run++) {
    const at = now();
    const batches = Array.from({ length: trained.n }, (_, k) => {
      const passed = most < Infinity ? (step + k) / most : (at - start + (last * k) / trained.n) / seconds;
      const progress = Math.min(1, passed);
      const warm = Math.min(1, (step + k + 1) / schedule.warmupSteps);
      const rate = warm * learningRateAt(Math.round(progress * 1e6), 1e6, { ...schedule, warmupSteps: 0 });
      return { ...optimiserFeeds(step + k, rate, options), ...batchAt(step + k, progress) };
    });
    const made = now();
    const outputs = await trained.run(batches);
    step += trained.n;
    last = run === 0 ? 0 : now() - at; // the first run also chooses kernels
    const progress = most < Infinity ? step / most : (now() - start) / seconds;
    if (run % number("logEvery", 10) === 0 || run < 3) {
      log({
        ...{ step, progress: round(progress), run: round(now() - at, 3), feeding: round(made - at, 3) },
        ...Object.fromEntries(
          Object.entries(outputs).map(([name, values]) => [name, round(mean(values), 5)]),
        ),
      });
    }
    if (!Number.isFinite(mean(outputs.loss!))) throw new Error(`step ${step}: the loss is not finite`);
    await onRun(run, step, progress, outputs);
  }
  return step;
}

// --- the tokenizer --------------------------------------------------------------------------------------------------

const tokenizerConfig = (): TokenizerConfig =>
  parseTokenizerConfig(
    {
      network: "plain",
      resolution: side,
      patchSize: 2,
      channels: number("channels", 48),
      multipliers: JSON.parse(text("multipliers", "[1,3,4]")),
      residualBlocks: number("blocks", 2),
      detailChannels: number("detail", 24),
      detailBlocks: number("detailBlocks", 1),
      latentWidth: JSON.parse(text("levels", "[8,8,8,4]")).length,
      quantizer: { kind: "fsq", levels: JSON.parse(text("levels", "[8,8,8,4]")), bins: "uniform" },
    },
    "tokenizer",
  );

const tokenizerTraining = () =>
  resolveConfig(
    {
      name: "trial",
      tokenizer: {
        model: { latentWidth: 1, quantizer: { kind: "fsq", levels: [4] } },
        training: {
          batchSize: number("batch", 64),
          learningRate: number("rate", 2e-3),
          warmupSteps: number("warmup", 100),
          schedule: { finalFraction: 0.02 },
          betas: [0.9, 0.99],
          weightDecay: number("decay", 0),
          optimiser: text("optimiser", "muon"),
          l1Weight: number("absolute", 0.1),
          edgeWeight: number("edge", 0.1),
          perturbation: { images: number("perturbed", 0.1) },
          emaDecay: number("ema", 0.998),
        },
      },
    },
    "trial",
  ).config.tokenizer.training;

/** A session that turns bytes into ids, and ids into pixels. */
async function codec(config: TokenizerConfig, weights: Readonly<Record<string, HostTensor>>) {
  const graph = new Graph("tokenise");
  const pixels = graph.input("pixels", "uint8", ["B", 3, side, side]);
  const isEncoding = ({ name }: { name: string }): boolean => !name.startsWith("decoder.");
  const inputs = parameterInputs(graph, tokenizerParameters(config).filter(isEncoding));
  const numbers = multiply(cast(pixels, "float32"), 1 / 255);
  const latents = mapsToRows(encodePixels(numbers, { config, weights: inputs, method: "direct" }));
  graph.output("ids", reshape(quantize(latents, inputs, config).ids, ["B", ...tokenGrid(config)]));
  const encoder = await open(encode(graph));
  const decoder = await open(encode(decoderGraph(config)));
  const feedsOf = (session: ort.InferenceSession) =>
    Object.fromEntries(
      session.inputNames.filter((name) => weights[name]).map((name) => [name, toOrt(weights[name]!)]),
    );
  const [forEncoder, forDecoder] = [feedsOf(encoder), feedsOf(decoder)];
  const rows = number("rows", 128);
  const tokens = sizeOf(tokenGrid(config));
  return {
    async ids(images: readonly Uint8Array[]): Promise<Uint16Array> {
      const all = new Uint16Array(images.length * tokens);
      for (let at = 0; at < images.length; at += rows) {
        const some = images.slice(at, at + rows);
        const data = new Uint8Array(some.length * 3 * area);
        for (const [i, image] of some.entries()) data.set(image, i * 3 * area);
        const fed = { ...forEncoder, pixels: new ort.Tensor("uint8", data, [some.length, 3, side, side]) };
        all.set((await encoder.run(fed)).ids!.data as Int32Array, at * tokens);
      }
      return all;
    },
    async images(ids: Uint16Array): Promise<Raster[]> {
      const found: Raster[] = [];
      for (let at = 0; at * tokens < ids.length; at += rows) {
        const some = Int32Array.from(ids.subarray(at * tokens, (at + rows) * tokens));
        const count = some.length / tokens;
        const fed = { ...forDecoder, ids: new ort.Tensor("int32", some, [count, ...tokenGrid(config)]) };
        const { dims, data } = (await decoder.run(fed)).pixels!;
        for (let i = 0; i < count; i++)
          found.push(fromPlanes(tensor("float32", dims, data as Float32Array), i));
      }
      return found;
    },
    async close() {
      await encoder.release();
      await decoder.release();
    },
  };
}

function asRaster(planes: Uint8Array): Raster {
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = planes[c * area + i]!;
  return { width: side, height: side, pixels };
}

/** Held-out figures of sets of images, and a sheet of some of each above what became of them. */
async function judge(
  config: TokenizerConfig,
  weights: Readonly<Record<string, HostTensor>>,
  sets: Readonly<Record<string, readonly Uint8Array[]>>,
  name: string,
): Promise<void> {
  const tokenizer = await codec(config, weights);
  const rows: Raster[] = [];
  for (const [set, images] of Object.entries(sets)) {
    if (images.length === 0) continue;
    const ids = await tokenizer.ids(images);
    const real = images.map(asRaster);
    const made = await tokenizer.images(ids);
    let squares = 0;
    for (const [i, { pixels }] of real.entries())
      for (let j = 0; j < pixels.length; j++) squares += (pixels[j]! - made[i]!.pixels[j]!) ** 2;
    log({
      ...{ judged: name, set, images: images.length },
      psnr: round(decibels(squares / images.length / (3 * area)), 3),
      border: round(borderContrast(made, side / tokenGrid(config)[0]!), 3),
      realBorder: round(borderContrast(real, side / tokenGrid(config)[0]!), 3),
      codesUsed: round(new Set(ids).size / codebookSize(config), 3),
    });
    rows.push(...real.slice(0, 10), ...made.slice(0, 10));
  }
  await tokenizer.close();
  if (rows.length > 0)
    writeFileSync(join(out, `${name}.png`), await imageSheet(rows, { columns: 10, gap: 2 }));
}

async function heldOut(): Promise<Record<string, Uint8Array[]>> {
  const drawn: Pool = { pixels: [], labels: [] };
  refill(drawn, "held-");
  const sets: Record<string, Uint8Array[]> = { drawn: drawn.pixels.slice(0, number("judged", 256)) };
  const packs = text("packs", "packs");
  for (const name of ["held-clip", "held-emoji", "never-fluent", "never-stamps", "never-photos"]) {
    sets[name] = await unpackImages(join(packs, `${name}.bin`));
  }
  return sets;
}

async function trainingImages(): Promise<{ drawn: Pool; mixture: Uint8Array[] }> {
  const packs = text("packs", "packs");
  const mixture = (
    await Promise.all(["clip", "emoji"].map((name) => unpackImages(join(packs, `${name}.bin`))))
  ).flat();
  const drawn: Pool = { pixels: [], labels: [] };
  refill(drawn);
  while (drawn.pixels.length < number("least", 1024)) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    refill(drawn);
  }
  log({ drawn: drawn.pixels.length, mixture: mixture.length });
  return { drawn, mixture };
}

const figures = ["loss", "squaredError", "acrossBorders", "withinTokens", "gradientNorm"];

async function trainTokenizer(): Promise<void> {
  const config = tokenizerConfig();
  const training = tokenizerTraining();
  const cropped = { ...config, resolution: number("crop", 64) };
  const extent = cropped.resolution;
  const { drawn, mixture } = await trainingImages();
  const specs = tokenizerParameters(config);
  const graph = tokenizerStepGraph(cropped, training, method);
  const began = now();
  const trained = await trainer(
    graph,
    stateNames(specs),
    initialState(specs, initialise(specs, foldIn(key, 0))),
    {
      n: number("n", 20),
      scans: figures,
      bytes8: ["pixels"],
    },
  );
  log({ loaded: round(now() - began, 2), nodes: graph.nodes.length, config, training });
  const share = mixture.length > 0 ? number("mix", 0.35) : 0;
  const batchAt = (step: number): Record<string, HostTensor> => {
    const own = foldIn(foldIn(key, 1), step);
    const size = training.batchSize;
    const data = new Uint8Array(size * 3 * extent * extent);
    for (let b = 0; b < size; b++) {
      const each = foldIn(own, b);
      const from = uniformAt(each, 0) < share ? mixture : drawn.pixels;
      const randomFlip = from === mixture && integerAt(each, 2, 2) === 1;
      crop(from[integerAt(each, 1, from.length)]!, data, b * 3 * extent * extent, extent, each, randomFlip);
    }
    const pixels = tensor("uint8", [size, 3, extent, extent], data);
    const nudges = training.perturbation.images > 0 && tokenNudges(cropped, training, foldIn(own, size));
    return { pixels, ...(nudges && { nudges }) };
  };
  const save = (): Promise<void> =>
    writeSafetensors(join(out, "tokenizer.safetensors"), trained.averages(), { store: "float16" });
  let saved = now();
  const schedule = { ...training, finalFraction: training.schedule.finalFraction };
  const steps = await forSeconds(trained, number("seconds", 60), schedule, training, batchAt, async (run) => {
    if (run % 20 === 0) refill(drawn);
    if (now() - saved > 45) {
      await save();
      saved = now();
    }
  });
  await save();
  let weights: Record<string, HostTensor> = { ...trained.averages() };
  await trained.close();
  log({ steps, trained: round(now() - began, 1), drawn: drawn.pixels.length });
  const sets = await heldOut();
  await judge(config, weights, sets, "reconstructed");

  // Tokens, of everything drawn so far.
  refill(drawn);
  const tokenizer = await codec(config, weights);
  const limit = number("tokenised", 100_000);
  const images = drawn.pixels.slice(0, limit);
  const ids = await tokenizer.ids(images);
  writeFileSync(join(state, "ids.bin"), ids);
  writeFileSync(join(state, "labels.bin"), Int32Array.from(drawn.labels.slice(0, limit)));
  const held: Pool = { pixels: [], labels: [] };
  seen.clear();
  refill(held, "held-");
  writeFileSync(join(state, "held-ids.bin"), await tokenizer.ids(held.pixels));
  writeFileSync(join(state, "held-labels.bin"), Int32Array.from(held.labels));
  writeFileSync(
    join(state, "codebook.json"),
    JSON.stringify({ size: codebookSize(config), grid: tokenGrid(config) }),
  );
  log({ tokenised: images.length, held: held.pixels.length });
  const tuneSeconds = number("tuneSeconds", 0);
  if (tuneSeconds <= 0) return;

  const mixtureIds = await tokenizer.ids(mixture);
  await tokenizer.close();
  const tuning = { ...training, batchSize: number("tuneBatch", 16), learningRate: number("tuneRate", 7e-4) };
  const own = decoderParameters(config);
  const first = Object.fromEntries(own.map(({ name }) => [name, weights[name] as HostTensor<"float32">]));
  const tuned = await trainer(
    decoderStepGraph(config, tuning, method),
    stateNames(own),
    initialState(own, first),
    {
      n: number("n", 20),
      scans: figures,
      bytes8: ["pixels"],
    },
  );
  const tokens = sizeOf(tokenGrid(config));
  const levels = (config.quantizer as { levels: number[] }).levels;
  const tuneBatch = (step: number): Record<string, HostTensor> => {
    const at = foldIn(foldIn(key, 2), step);
    const size = tuning.batchSize;
    const data = new Uint8Array(size * 3 * area);
    const codes = new Int32Array(size * tokens);
    for (let b = 0; b < size; b++) {
      const each = foldIn(at, b);
      const isMixed = uniformAt(each, 0) < share;
      const index = integerAt(each, 1, isMixed ? mixture.length : images.length);
      data.set(isMixed ? mixture[index]! : images[index]!, b * 3 * area);
      const mine = (isMixed ? mixtureIds : ids).subarray(index * tokens, (index + 1) * tokens);
      codes.set(mine, b * tokens);
      if (uniformAt(each, 2) < training.perturbation.images) {
        for (let n = 0; n < tokens; n++) {
          if (uniformAt(each, 20 + 2 * n) < training.perturbation.tokens)
            codes[b * tokens + n] = moved(
              codes[b * tokens + n]!,
              levels,
              integerAt(each, 21 + 2 * n, 2 * levels.length),
            );
        }
      }
    }
    return {
      pixels: tensor("uint8", [size, 3, side, side], data),
      ids: tensor("int32", [size, ...tokenGrid(config)], codes),
    };
  };
  const tuneSchedule = { ...schedule, learningRate: tuning.learningRate, warmupSteps: 30 };
  const tuneSteps = await forSeconds(tuned, tuneSeconds, tuneSchedule, tuning, tuneBatch, () => {});
  weights = { ...weights, ...tuned.averages() };
  await tuned.close();
  log({ tuneSteps });
  await writeSafetensors(join(out, "tokenizer.safetensors"), weights, { store: "float16" });
  await judge(config, weights, sets, "tuned");
}

/** An id with one of its digits one up or down, where it has room. */
function moved(id: number, levels: readonly number[], way: number): number {
  const channel = way >> 1;
  const place = levels.slice(0, channel).reduce((a, b) => a * b, 1);
  const digit = Math.floor(id / place) % levels[channel]!;
  const next = digit + (way % 2 === 0 ? 1 : -1);
  return next < 0 || next >= levels[channel]! ? id : id + (next - digit) * place;
}

async function speed(): Promise<void> {
  const config = tokenizerConfig();
  const training = tokenizerTraining();
  const cropped = { ...config, resolution: number("crop", 64) };
  const specs = tokenizerParameters(config);
  const n = number("n", 5);
  const began = now();
  const trained = await trainer(
    tokenizerStepGraph(cropped, training, method),
    stateNames(specs),
    initialState(specs, initialise(specs, key)),
    {
      ...{ n, scans: figures, bytes8: ["pixels"] },
    },
  );
  const loaded = now() - began;
  const size = training.batchSize * 3 * cropped.resolution ** 2;
  const times: number[] = [];
  for (let run = 0; run < number("runs", 4); run++) {
    const at = now();
    const batches = Array.from({ length: n }, (_, k) => ({
      ...optimiserFeeds(run * n + k, 1e-4, training),
      pixels: tensor(
        "uint8",
        [training.batchSize, 3, cropped.resolution, cropped.resolution],
        new Uint8Array(size).map((_, i) => (i * 7919 + (i >> 5) * k) & 255),
      ),
      nudges: tokenNudges(cropped, training, foldIn(key, k)),
    }));
    const made = now();
    await trained.run(batches);
    times.push(round(now() - made, 3), round(made - at, 3));
  }
  log({ loaded: round(loaded, 2), times });
}

// --- the transformer ------------------------------------------------------------------------------------------------

async function trainTransformer(): Promise<void> {
  const { size: codes, grid } = JSON.parse(readFileSync(join(state, "codebook.json"), "utf8"));
  const { classNames } = drawnSource("0");
  const dataset = (prefix: string) => {
    const bytes = readFileSync(join(state, `${prefix}ids.bin`));
    const ids = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const raw = readFileSync(join(state, `${prefix}labels.bin`));
    const labels = new Int32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
    const facts = {
      grid,
      codebookSize: codes,
      classNames: classNames,
      source: "drawn",
      tokenizer: "none",
    };
    return { ...facts, count: labels.length, ids, classIds: labels };
  };
  const [train, held] = [dataset(""), dataset("held-")];
  const config = transformerConfig({
    ...{ grid, codebookSize: codes, classes: classNames.length },
    ...{
      width: number("width", 256),
      depth: number("depth", 8),
      heads: number("heads", 8),
      factors: [1, 2, 4, 8],
    },
  } as never);
  const training = resolveConfig(
    {
      name: "trial",
      transformer: {
        training: {
          batchSize: number("batch", 64),
          optimiser: "muon",
          learningRate: number("rate", 1.5e-3),
          weightDecay: 0.1,
          labelSmoothing: 0.0001,
          warmupSteps: number("warmup", 200),
          schedule: { finalFraction: 0.02 },
          emaDecay: number("ema", 0.998),
          lambda: { start: 1, end: number("lambdaEnd", 0) },
        },
      },
    },
    "trial",
  ).config.transformer.training;
  const specs = transformerParameters(config);
  const N = gridTokens(config);
  const R = maskedBatch(config, training, train, foldIn(key, 9)).rows!.dims[0]!;
  /** Rows and labels cut or filled to R. */
  const fixed = (batch: Record<string, HostTensor>): Record<string, HostTensor> => {
    const fitted = ({ data }: HostTensor): HostTensor => {
      const all = new Int32Array(R);
      for (let i = 0; i < R; i++) all[i] = (data as Int32Array)[i % data.length]!;
      return tensor("int32", [R], all);
    };
    return { ...batch, rows: fitted(batch.rows!), labels: fitted(batch.labels!) };
  };
  const losses = config.factors.map((factor) => `loss.p${factor}`);
  const began = now();
  // All sub-models in every step, or the full one beside one smaller in turn.
  const turns: number[][] = JSON.parse(text("turns", "[[1,2],[1,8],[1,4],[1,8]]"));
  const n = number("n", 16);
  const symbols = new Map([["R", R]]);
  const opened = new Map<string, Trainer>();
  for (const factors of turns) {
    if (opened.has(factors.join())) continue;
    const graph = transformerStepGraph(config, { ...training, factors });
    const scans = ["loss", "gradientNorm", ...factors.map((factor) => `loss.p${factor}`)];
    const first = opened.size === 0 ? initialState(specs, initialise(specs, foldIn(key, 3))) : null;
    const made = await trainer(graph, stateNames(specs), first, { n, scans, symbols });
    opened.set(factors.join(), made);
    log({ loaded: round(now() - began, 2), nodes: graph.nodes.length, factors });
  }
  let turn = 0;
  let latest = opened.get(turns[0]!.join())!;
  const trained: Trainer = {
    ...latest,
    async run(batches) {
      const next = opened.get(turns[turn++ % turns.length]!.join())!;
      next.state = latest.state;
      latest = next;
      return next.run(batches);
    },
    averages: () => latest.averages(),
  };
  log({ R, N, train: train.count, held: held.count, config, training });

  const trial = new Graph("held");
  const weights = parameterInputs(trial, specs);
  const inputs = {
    ids: trial.input("ids", "int32", [training.batchSize, N]),
    classes: trial.input("classes", "int32", [training.batchSize]),
    rows: trial.input("rows", "int32", [R]),
    labels: trial.input("labels", "int32", [R]),
    lambda: trial.scalar("float32", 1),
  };
  const { perFactor } = nestedLoss(trial, config, weights, inputs);
  for (const [factor, value] of Object.entries(perFactor)) trial.output(`loss.p${factor}`, value);
  const judge = await open(encode(trial));
  const heldBatches = Array.from({ length: number("heldBatches", 8) }, (_, i) =>
    fixed(maskedBatch(config, { ...training, classDropout: 0 }, held, foldIn(foldIn(key, 5), i))),
  );
  const heldLosses = async () => {
    const own = Object.fromEntries(
      Object.entries(trained.averages()).map(([name, value]) => [name, toOrt(value)]),
    );
    const sums: Record<string, number> = {};
    for (const batch of heldBatches) {
      const fed = Object.fromEntries(
        ["ids", "classes", "rows", "labels"].map((name) => [name, toOrt(batch[name]!)]),
      );
      const found = await judge.run({ ...own, ...fed });
      for (const name of losses)
        sums[name] = (sums[name] ?? 0) + Number(found[name]!.data[0]) / heldBatches.length;
    }
    return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, round(value)]));
  };
  const save = (): Promise<void> =>
    writeSafetensors(join(out, "transformer.safetensors"), trained.averages(), { store: "float16" });
  let saved = now();
  const batchAt = (step: number, progress: number): Record<string, HostTensor> => ({
    ...fixed(maskedBatch(config, training, train, foldIn(foldIn(key, 4), step))),
    lambda: tensor("float32", [], Float32Array.of(1 + (training.lambda.end - 1) * progress)),
  });
  const schedule = { ...training, finalFraction: training.schedule.finalFraction };
  const steps = await forSeconds(
    trained,
    number("seconds", 60),
    schedule,
    training,
    batchAt,
    async (_, step) => {
      if (now() - saved < number("saveEvery", 60)) return;
      await save();
      saved = now();
      log({ step, held: await heldLosses() });
    },
  );
  await save();
  log({ steps, held: await heldLosses() });
}

if (what === "draw") await draw();
else if (what === "speed") await speed();
else if (what === "tokenizer") await trainTokenizer();
else if (what === "transformer") await trainTransformer();
else throw new Error(`draw, speed, tokenizer or transformer, got ${what}`);
