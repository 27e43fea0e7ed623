/**
 * The fault campaign: thousands of damaged files, each to the reader of its kind. Each must be read, or refused by an
 * InputError of one short sentence; nothing may crash, or take more than five seconds.
 *
 *     npm run faults -- [files of each kind] [seed]
 *
 * Exits with status 1 when a file came through otherwise; it is then kept in `out/faults`.
 */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import sharp from "sharp";
import { InputError, unlessRefused } from "../../src/core/errors.ts";
import { tensor } from "../../src/core/tensor.ts";
import { readImage } from "../../src/data/image/image-folder.ts";
import { fromTensors, toTensors } from "../../src/data/tokens.ts";
import { readVideo } from "../../src/data/video/read-video.ts";
import { encodeAnimation, encodeMp4 } from "../../src/data/video/write-video.ts";
import { readStatistics, writeStatistics } from "../../src/evaluation/features/statistics-file.ts";
import { readMask } from "../../src/pipelines/node/mask-file.ts";
import { readModel } from "../../src/pipelines/node/model-folder.ts";
import { readPlanFile } from "../../src/pipelines/node/plan-file.ts";
import { loadConfig } from "../../src/training/read-config.ts";
import { readJson } from "../../src/weights/node/json-file.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/node/safetensors-file.ts";
import { choices, mutated } from "./mutations.ts";

/** A reader, and a whole file for it. */
interface Kind {
  readonly name: string;
  readonly whole: string;
  /** So many damaged files, of every one of the quickest kinds; default 1. Processes and whole models are slow to read. */
  readonly share?: number;
  read(path: string): Promise<unknown>;
}

/** The longest that one file may take, and the longest message, of several lines each. */
const longestSeconds = 5;
const longestLine = 1000;

const [each = 1000, seed = 1] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), "faults-"));
const kept = "out/faults";

const kinds = await kindsIn(folder);
const beat = new BigInt64Array(new SharedArrayBuffer(8));
const watcher = watch(beat.buffer as SharedArrayBuffer);
const wrong: string[] = [];
for (const [at, { name, whole, share = 1, read }] of kinds.entries()) {
  const files = Math.ceil(each * share);
  const bytes = new Uint8Array(await readFile(whole));
  await read(whole); // the whole file must be read
  const count = { read: 0, refused: 0 };
  let slowest = 0;
  for (let i = 0; i < files; i++) {
    const path = join(folder, `damaged${extname(whole)}`);
    await writeFile(path, mutated(bytes, choices(seed, at * 1_000_000 + i)));
    Atomics.store(beat, 0, BigInt(Date.now()));
    const started = performance.now();
    try {
      await read(path);
      count.read++;
    } catch (error) {
      count.refused++;
      const message = error instanceof Error ? error.message : String(error);
      const isWell =
        error instanceof InputError && message.split("\n").every((line) => line.length <= longestLine);
      if (!isWell) await keep(`${name}-${i}`, path, error);
    }
    const seconds = (performance.now() - started) / 1000;
    slowest = Math.max(slowest, seconds);
    if (seconds > longestSeconds) await keep(`${name}-${i}`, path, new Error(`took ${seconds.toFixed(1)} s`));
  }
  console.log(
    `${name.padEnd(28)} ${files} damaged files: ${count.read} read, ${count.refused} refused; ` +
      `slowest ${(1000 * slowest).toFixed(0)} ms`,
  );
}
await watcher.terminate();
await rm(folder, { recursive: true });
const mebibytes = process.resourceUsage().maxRSS / 1024;
console.log(`seed ${seed}, at most ${mebibytes.toFixed(0)} MiB, ${wrong.length} came through otherwise`);
for (const line of wrong.slice(0, 20)) console.log(line);
process.exitCode = wrong.length > 0 ? 1 : 0;

/** Keeps a file that did harm. */
async function keep(name: string, path: string, error: unknown): Promise<void> {
  await mkdir(kept, { recursive: true });
  const copy = join(kept, `${name}${extname(path)}`);
  await writeFile(copy, await readFile(path));
  wrong.push(`${copy}: ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 300)}` : error}`);
}

/** Ends the process where one file holds it up: nothing else can, while it computes. */
function watch(buffer: SharedArrayBuffer): Worker {
  const code = `
    const { workerData } = require("node:worker_threads");
    const beat = new BigInt64Array(workerData);
    setInterval(() => {
      const last = Number(Atomics.load(beat, 0));
      if (last === 0 || Date.now() - last < 60000) return;
      require("node:fs").writeSync(2, "a damaged file holds the process up for a minute\\n");
      process.kill(process.pid, "SIGKILL");
    }, 1000);`;
  return new Worker(code, { eval: true, workerData: buffer });
}

/** A whole file of every kind. */
async function kindsIn(parent: string): Promise<Kind[]> {
  const at = (name: string) => join(parent, name);
  const ids = Uint16Array.from({ length: 8 * 16 }, (_, i) => i % 64);
  const dataset = {
    ...{ grid: [4, 4], codebookSize: 64, classNames: ["cat", "dog"], count: 8, ids },
    classIds: Int32Array.from({ length: 8 }, (_, i) => i % 2),
    ...{ source: "drawn", tokenizer: "0123456789abcdef" },
  };
  const { tensors, metadata } = toTensors(dataset);
  await writeSafetensors(at("tokens.safetensors"), tensors, { metadata });
  await writeSafetensors(at("weights.safetensors"), {
    "a.weight": tensor("float32", [16, 16], new Float32Array(256).fill(0.5)),
    counts: tensor("int64", [4], new BigInt64Array(4)),
    flags: tensor("bool", [3], new Uint8Array(3)),
  });
  const width = 8;
  await writeStatistics(at("statistics.npz"), {
    ...{ width, count: 100, mean: new Float64Array(width).fill(0.25) },
    covariance: Float64Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0.1)),
  });
  await writeFile(
    at("plan.json"),
    JSON.stringify({ steps: 6, modelSchedule: "4x2,2x2,1x2", guidance: { scale: 2 } }),
  );
  const raw = { width: 48, height: 32, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 48 * 32 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const image = () => sharp(pixels, { raw });
  for (const [name, bytes] of Object.entries({
    "image.png": await image().png().toBuffer(),
    "image.jpg": await image().jpeg().toBuffer(),
    "image.webp": await image().webp().toBuffer(),
  })) {
    await writeFile(at(name), bytes);
  }
  const seen = (path: string) => readImage(path, null, { resolution: 16 });
  return [
    { name: "safetensors", whole: at("weights.safetensors"), read: readSafetensors },
    {
      name: "tokens",
      whole: at("tokens.safetensors"),
      async read(path) {
        const content = await readSafetensors(path);
        return fromTensors(content, path);
      },
    },
    { name: "JSON", whole: "models/sprites/generation_config.json", read: readJson },
    { name: "plan", whole: at("plan.json"), read: readPlanFile },
    { name: "YAML", whole: "configs/sprites.yaml", read: (path) => loadConfig(path) },
    { name: "statistics", whole: at("statistics.npz"), read: (path) => readStatistics(path) },
    { name: "PNG", whole: at("image.png"), read: seen },
    { name: "JPEG", whole: at("image.jpg"), read: seen },
    { name: "WebP", whole: at("image.webp"), read: seen },
    { name: "mask", whole: at("image.png"), read: (path) => readMask(path) },
    ...(await videoKinds(at)),
    ...(await modelKinds(at("model"))),
  ];
}

/** Animations, and videos where ffmpeg is installed. */
async function videoKinds(at: (name: string) => string): Promise<Kind[]> {
  const size = 32;
  const pixels = Uint8Array.from({ length: 6 * size * size * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const video = { width: size, height: size, frames: 6, pixels };
  const read = (path: string) => readVideo(path, { resolution: 16, frames: 4 });
  const kinds: Kind[] = [];
  for (const format of ["webp", "gif"] as const) {
    await writeFile(at(`video.${format}`), await encodeAnimation(video, { format, frameRate: 8 }));
    kinds.push({ name: `animated ${format}`, whole: at(`video.${format}`), read });
  }
  const mp4 = await unlessRefused(encodeMp4(video, { frameRate: 8 }));
  if (mp4 === null) return kinds; // no ffmpeg here
  await writeFile(at("video.mp4"), mp4);
  return [...kinds, { name: "MP4", whole: at("video.mp4"), share: 0.05, read }];
}

/** A model folder of which one file is damaged. */
async function modelKinds(folder: string): Promise<Kind[]> {
  await cp("models/sprites", folder, { recursive: true });
  const files = [
    "model_index.json",
    "generation_config.json",
    "transformer/config.json",
    "tokenizer/config.json",
  ];
  return files.map((file) => ({
    name: `model's ${file.replace(".json", "")}`,
    whole: join("models/sprites", file),
    share: 0.1,
    async read(path) {
      await copyFile(path, join(folder, file));
      try {
        return await readModel(folder);
      } finally {
        await copyFile(join("models/sprites", file), join(folder, file));
      }
    },
  }));
}
