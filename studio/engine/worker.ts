/**
 * The engine: a model in a worker of its own, so that the page stays live while it computes. One worker serves one model on
 * one device; for another the page starts another.
 */
import {
  createWebRunner,
  fetchModel,
  type GenerateProgress,
  type GenerativeModel,
  type Image,
  type ImagePipeline,
  InputError,
  openImagePipeline,
  openVideoPipeline,
  type Raster,
  type Runner,
  type VideoPipeline,
} from "../../src/browser.ts";
import { openModelStore } from "./model-store.ts";
import type {
  Asked,
  CallName,
  Calls,
  EngineEvent,
  Made,
  OpenArgs,
  Opened,
  Refusal,
  StepSeen,
  Told,
} from "./protocol.ts";

type Tell = (event: EngineEvent) => void;
interface Hooks {
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

let opened: ImagePipeline | VideoPipeline | undefined;
const running = new Map<number, AbortController>();
/** Calls take turns: the runtime cannot run two sessions at once. */
let lastTurn: Promise<unknown> = Promise.resolve();

const say = (told: Told): void => self.postMessage(told);

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  if (data.call === "cancel") {
    running.get(data.id)?.abort(new DOMException("cancelled", "AbortError"));
    return;
  }
  const { id, call, args } = data;
  const stop = new AbortController();
  running.set(id, stop);
  const tell: Tell = (event) => say({ id, kind: "event", event });
  const work = answers[call] as (args: unknown, hooks: Hooks) => Promise<Calls[CallName]["result"]>;
  const turn = lastTurn.then(() => {
    stop.signal.throwIfAborted();
    return work(args, { tell, signal: stop.signal });
  });
  lastTurn = turn.catch(() => {});
  turn
    .then(
      (result) => say({ id, kind: "answer", result }),
      (error: unknown) => say({ id, kind: "refusal", refusal: refusalOf(error, stop.signal) }),
    )
    .finally(() => running.delete(id));
};

const answers: {
  [Name in CallName]: (args: Calls[Name]["args"], hooks: Hooks) => Promise<Calls[Name]["result"]>;
} = {
  open,
  async generate({ request, isWatched }, hooks) {
    const pipeline = openedOne();
    const watch = watching(hooks, isWatched);
    if ("frames" in pipeline) {
      const { videos, ...made } = await pipeline.generate({ ...request, ...watch.hooks });
      return watch.made({ ...made, images: videos }, request.firstIndex);
    }
    return watch.made(await pipeline.generate({ ...request, ...watch.hooks }), request.firstIndex);
  },
  async pixels({ tokens }) {
    return (await openedOne().decodeTokens(tokens)).map(plain);
  },
  async edit({ image, mask, class: asked, request }, hooks) {
    const pipeline = openedOne();
    if ("frames" in pipeline) throw new InputError("edit: needs a model of images; choose one above");
    const watch = watching(hooks, true);
    const made = await pipeline.edit({
      ...request,
      image,
      mask,
      ...(asked !== null && { class: asked }),
      ...watch.hooks,
    });
    return watch.made(made, request.firstIndex);
  },
  async complete({ task, given, video, request }, hooks) {
    const pipeline = openedOne();
    if (!("frames" in pipeline)) throw new InputError(`${task}: needs a model of videos; choose one above`);
    const watch = watching(hooks, true);
    const { frames = 1 } = video;
    const asked = { ...request, videos: [{ ...video, frames }], ...watch.hooks };
    const { videos, ...made } = await (task === "predict"
      ? pipeline.predict({ ...asked, given })
      : pipeline.interpolate(asked));
    return watch.made({ ...made, images: videos }, request.firstIndex);
  },
};

async function open(
  { model, url, runtimeUrl, device, threads }: OpenArgs,
  { tell, signal }: Hooks,
): Promise<Opened> {
  const store = await openModelStore(model, url);
  const runtime = openRuntime(runtimeUrl, device, threads);
  runtime.catch(() => {}); // told below
  const fetched = await fetchModel(url, {
    signal,
    fetch: store.fetch,
    onProgress: (progress) => tell({ kind: "loading", progress }),
  });
  tell({ kind: "stage", text: "Starting the model" });
  const runner = await runtime;
  const openPipeline = fetched.tokenizer.config.frames === undefined ? openImagePipeline : openVideoPipeline;
  opened = await openPipeline(fetched, { runner });
  return {
    model: withoutWeights(fetched),
    isFromStorage: store.fetched.size === 0,
    storageProblem: store.problem,
  };
}

async function openRuntime(runtimeUrl: string, device: OpenArgs["device"], threads: number) {
  const file = device === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
  const ort = await import(/* @vite-ignore */ `${runtimeUrl}${file}`);
  ort.env.wasm.wasmPaths = runtimeUrl;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const runner = await createWebRunner({ ort, device });
  await warmUp(runner);
  return runner;
}

/** An ONNX model, `out = Identity(x)` of float32. */
const identity =
  "CAg6QQoSCgF4EgNvdXQiCElkZW50aXR5EhNJZGVudGl0eSBvZiBmbG9hdDMyWgkKAXgSBAoCCAFiCwoDb3V0EgQKAggBQgQKABAR";

/** Has the runtime's WebAssembly compiled while the model is still on its way; it would wait for its first graph. */
async function warmUp(runner: Runner): Promise<void> {
  const model = Uint8Array.from(atob(identity), (letter) => letter.charCodeAt(0));
  await runner.unload(await runner.load(model));
}

function openedOne(): ImagePipeline | VideoPipeline {
  if (!opened) throw new Error("engine: asked to decode before a model was opened");
  return opened;
}

const withoutWeights = (model: GenerativeModel): GenerativeModel => ({
  ...model,
  tokenizer: { ...model.tokenizer, tensors: {} },
  transformer: { ...model.transformer, tensors: {} },
});

/** Tells of every step of a decode, and takes what telling took off its time. */
function watching({ tell, signal }: Hooks, isWatched: boolean) {
  let shown = 0; // seconds that went into previews
  // Where the tokenizer's decoder is the slower one, not every step is shown: watching may double the time at most.
  let previewSeconds = 0;
  let lastShown = performance.now();
  let before = performance.now();
  let lastStep = before;
  let lastSeen: StepSeen | undefined;
  const onStep = async (progress: GenerateProgress): Promise<void> => {
    const after = performance.now();
    const isLast = progress.step === progress.total;
    const isTime = previewSeconds <= (after - lastShown) / 1000;
    const previews = isWatched && isTime && !isLast ? (await progress.preview()).map(plain) : null;
    if (previews) {
      lastShown = performance.now();
      previewSeconds = (lastShown - after) / 1000;
    }
    const step: StepSeen = {
      step: progress.step,
      total: progress.total,
      factor: progress.factor,
      firstIndex: progress.firstIndex,
      tokens: progress.tokens,
      decodedAtStep: progress.decodedAtStep,
      seconds: (after - before) / 1000,
      previews,
    };
    tell({ kind: "step", step });
    lastSeen = step;
    await turnOfMessages();
    before = performance.now();
    lastStep = before;
    shown += (before - after) / 1000;
  };
  const made = (
    result: Pick<Made, "tokens" | "plan" | "seed"> & {
      images: readonly (Image | Raster)[];
      stats: Made["stats"];
    },
    firstIndex = 0,
  ): Made => ({
    images: result.images.map(plain),
    classIds: result.images.map((image) => ("classId" in image ? image.classId : null)),
    tokens: result.tokens,
    seed: result.seed,
    firstIndex,
    plan: result.plan,
    stats: { ...result.stats, seconds: result.stats.seconds - shown },
    decoderSeconds: (performance.now() - lastStep) / 1000,
    ...givenOf(lastSeen, result.tokens[0]!),
  });
  return { hooks: { signal, onStep }, made };
}

/** Of the first image, the tokens that were given; nothing where none was. */
function givenOf(seen: StepSeen | undefined, tokens: Int32Array): { given?: number[] } {
  const given = Array.from(tokens, (id, n) => (seen?.decodedAtStep[n] === -1 ? id : -1));
  return given.some((id) => id >= 0) ? { given } : {};
}

/** Pixels of their own: a view of a larger array would be copied whole. */
const plain = ({ width, height, frames, pixels }: Raster): Raster => ({
  width,
  height,
  ...(frames !== undefined && { frames }),
  pixels: pixels.slice(),
});

/** Lets a message come in: without it, "cancel" would wait until the decode ends. */
const turnOfMessages = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

function refusalOf(error: unknown, signal: AbortSignal): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  if (signal.aborted) return { reason: "cancelled", message };
  if (error instanceof InputError) return { reason: "input", message };
  return { reason: "device", message: /^\d+$/.test(message) ? `the runtime stopped (${message})` : message };
}
