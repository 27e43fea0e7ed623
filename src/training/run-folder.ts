/**
 * The folder of a training run: everything needed to watch it, stop it at any moment, and go on from where it was.
 *
 *     config.json                         the resolved configuration
 *     lengthened.json                     how it was given more steps, if it was
 *     metrics.jsonl                       one JSON object with `step` per line, appended
 *     samples/step-000100.png             images made on the way
 *     checkpoints/step-000100.safetensors state; written aside, then renamed; the last two stay
 *     best.safetensors                    averaged weights of the lowest loss on held-out data, where there are any
 *
 * Steps count from 1: step 100 is the state after 100 optimiser steps.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { InputError, requireInput, unlessRefused } from "../core/errors.ts";
import { appendLine, ensureWritableFolder, writeFileAtomic } from "../core/node/atomic-file.ts";
import { differences, isBlock } from "../core/node/differences.ts";
import { fileError } from "../core/node/file-error.ts";
import type { HostTensor } from "../core/tensor.ts";
import { readJson, readJsonIfWhole, writeJson } from "../weights/node/json-file.ts";
import { readSafetensors, type Tensors, writeSafetensors } from "../weights/node/safetensors-file.ts";

/** The state of a run after `step` steps. */
export interface Checkpoint {
  readonly step: number;
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** What is not a tensor and must survive, e.g. seconds spent training; strings only. */
  readonly notes: Readonly<Record<string, string>>;
}

/** The folder of a training run: its metrics, samples and checkpoints. */
export interface RunFolder {
  readonly path: string;
  /** The newest checkpoint when the run was resumed and had one, else null: start at step 0. */
  readonly checkpoint: Checkpoint | null;
  /** How many steps the run was to have before it was resumed with more; else null. */
  readonly grownFrom: number | null;
  /** Appends a line to metrics.jsonl. NaN and infinities are written as strings, since JSON has none. */
  log(line: { readonly step: number } & Readonly<Record<string, unknown>>): Promise<void>;
  /** Writes samples/step-XXXXXX.png and returns its path. */
  saveSample(step: number, png: Uint8Array): Promise<string>;
  /** Writes a checkpoint, then removes all but the last two. */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Writes the weights of the lowest loss so far, over those of before. */
  saveBest(at: { readonly step: number; readonly loss: number }, weights: Tensors): Promise<void>;
  /** What {@link saveBest} wrote last. @throws InputError when it is not there or damaged */
  readBest(): Promise<{ readonly step: number; readonly loss: number; readonly weights: Tensors }>;
}

const kept = 2;
/** Keys of a configuration that change no result, and so may differ when a run is resumed. */
const changesNothing = /(^|\.)stepsPerRun$/;
const bestName = "best.safetensors";
const checkpointName = /^step-(\d{6,})\.safetensors$/;
const sampleName = /^step-(\d{6,})\.png$/;

/**
 * Opens the folder of a run: a new one, or with `resume` one that exists (or not yet: a resumed run may be its first).
 * On resuming, lines of metrics.jsonl beyond the checkpoint are dropped: those steps will be made again.
 *
 * @param config           the resolved configuration, plain JSON
 * @param options.mayGrow  the key of the number of steps, `training.steps` say, where a resumed run may get more of them
 * @throws InputError when the folder holds a run and `resume` is not set; when it holds a run of another
 *   configuration (the differing keys are listed); when it cannot be read or written; when the checkpoint is damaged
 */
export async function openRunFolder(
  path: string,
  config: Readonly<Record<string, unknown>>,
  { resume = false, mayGrow }: { resume?: boolean; mayGrow?: string } = {},
): Promise<RunFolder> {
  const configPath = join(path, "config.json");
  const isOld = (await readIfThere(configPath)) !== null;
  const plain = JSON.parse(JSON.stringify(config)) as unknown;
  await ensureWritableFolder(join(path, "checkpoints"));

  let checkpoint: Checkpoint | null = null;
  let grownFrom: number | null = null;
  if (!isOld) {
    await writeJson(configPath, plain);
  } else {
    requireInput(
      resume,
      `${path}: holds a run already; pass --resume to go on with it, or another folder to --out`,
    );
    grownFrom = await requireSameConfig(path, plain, mayGrow);
    checkpoint = await readNewest(join(path, "checkpoints"));
    if (grownFrom !== null) {
      // First: were it killed in between, the next start would find it grown again, and write the same.
      const atStep = checkpoint?.step ?? 0;
      const earlier = (await readLengthened(path)).filter((growth) => growth.from !== grownFrom);
      await writeJson(join(path, lengthenedName), [...earlier, { from: grownFrom, atStep }]);
      await writeJson(configPath, plain);
    }
    await dropLinesAfter(join(path, "metrics.jsonl"), checkpoint?.step ?? 0);
  }

  return {
    path,
    checkpoint,
    grownFrom,
    log: (line) => appendLine(join(path, "metrics.jsonl"), JSON.stringify(line, finiteOrText)),
    async saveSample(step, png) {
      const file = join(path, "samples", `${stepName(step)}.png`);
      await writeFileAtomic(file, png);
      return file;
    },
    async saveCheckpoint({ step, tensors, notes }) {
      const folder = join(path, "checkpoints");
      const file = join(folder, `${stepName(step)}.safetensors`);
      await writeSafetensors(file, tensors, { metadata: { ...notes, step: String(step) } });
      const names = await checkpointNames(folder);
      for (const name of names.slice(0, -kept)) await rm(join(folder, name), { force: true });
    },
    async saveBest({ step, loss }, weights) {
      const metadata = { step: String(step), loss: String(loss) };
      await writeSafetensors(join(path, bestName), weights, { metadata });
    },
    async readBest() {
      const { tensors, metadata } = await readSafetensors(join(path, bestName));
      return { step: Number(metadata.step), loss: Number(metadata.loss), weights: tensors };
    },
  };
}

/** A training that was given more steps. */
export interface Lengthened {
  /** How many it was to have. */
  readonly from: number;
  /** The step that it went on from. */
  readonly atStep: number;
}

const lengthenedName = "lengthened.json";

/** How a run was given more steps, in order; none where it never was. */
export async function readLengthened(path: string): Promise<readonly Lengthened[]> {
  return ((await readJsonIfWhole(join(path, lengthenedName))) as readonly Lengthened[] | null) ?? [];
}

/**
 * The newest checkpoint of a run, leaving its folder as it is: somebody may be training there.
 *
 * @returns null when there is no such run, or no checkpoint yet
 * @throws InputError when the run has another configuration, or the checkpoint is damaged
 */
export async function readCheckpoint(
  path: string,
  config: Readonly<Record<string, unknown>>,
): Promise<Checkpoint | null> {
  if ((await readIfThere(join(path, "config.json"))) === null) return null;
  await requireSameConfig(path, JSON.parse(JSON.stringify(config)));
  return readNewest(join(path, "checkpoints"));
}

/** What a run folder shows to whoever watches it. */
export interface RunState {
  /** Steps it is to have; null where its configuration does not say. */
  readonly steps: number | null;
  /** Null before the first line is logged. */
  readonly metrics: {
    readonly path: string;
    readonly bytes: number;
    /** Changes when the file is written anew, as on resuming; what is only appended to keeps it. */
    readonly id: string;
  } | null;
  /** In the order of their steps. */
  readonly samples: readonly { readonly step: number; readonly path: string }[];
}

/**
 * Looks at a run without touching it: somebody may be training there.
 *
 * @returns null where the folder holds no run
 */
export async function describeRun(path: string): Promise<RunState | null> {
  const isRun = await stat(join(path, "checkpoints")).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const config = isRun ? await readJsonIfWhole(join(path, "config.json")) : null;
  if (!isBlock(config)) return null;
  const metricsPath = join(path, "metrics.jsonl");
  const metrics = await stat(metricsPath).catch(() => null);
  const names = await readdir(join(path, "samples")).catch(() => []);
  return {
    steps: plannedSteps(config, basename(path)),
    metrics: metrics && { path: metricsPath, bytes: metrics.size, id: `${metrics.ino}` },
    samples: names
      .flatMap((name) => {
        const step = sampleName.exec(name)?.[1];
        return step === undefined ? [] : [{ step: Number(step), path: join(path, "samples", name) }];
      })
      .sort((a, b) => a.step - b.step),
  };
}

/** A transformer's run holds the whole configuration, the other networks' parts too; a classifier's has a schedule. */
function plannedSteps(config: Record<string, unknown>, name: string): number | null {
  const isOwn = name === "tokenizer" || name === "decoder";
  const network = isOwn ? config[name] : (config.transformer ?? config.tokenizer);
  const schedule = isBlock(network) ? network.training : config.schedule;
  return isBlock(schedule) && typeof schedule.steps === "number" ? schedule.steps : null;
}

/**
 * @param config   the wanted one, as JSON gives it back
 * @param mayGrow  the key of a number that may be larger than it was
 * @returns what that number was, where it is larger now; else null
 */
async function requireSameConfig(path: string, config: unknown, mayGrow?: string): Promise<number | null> {
  const differing = differences(await readJson(join(path, "config.json")), config).filter(
    ({ key }) => !changesNothing.test(key),
  );
  const grown = differing.find(
    ({ key, was, now }) => key === mayGrow && typeof was === "number" && typeof now === "number" && now > was,
  );
  const refused = differing.filter((difference) => difference !== grown);
  const show = (value: unknown) => (value === undefined ? "absent" : JSON.stringify(value));
  const told = refused.map(({ key, was, now }) => `${key} was ${show(was)}, now ${show(now)}`);
  requireInput(
    refused.length === 0,
    `${path}: cannot resume with another configuration; differing: ${told.join("; ")}; ` +
      "give the same values, or another folder for the run",
  );
  return grown ? (grown.was as number) : null;
}

const stepName = (step: number): string => `step-${String(step).padStart(6, "0")}`;

/** Whether a run folder holds a checkpoint, from which another run can go on; false where it is none. */
export async function hasCheckpoint(path: string): Promise<boolean> {
  const names = await unlessRefused(checkpointNames(join(path, "checkpoints")));
  return names !== null && names.length > 0;
}

/** Names of finished checkpoints, oldest first. */
async function checkpointNames(folder: string): Promise<string[]> {
  const stepOf = (name: string) => Number(checkpointName.exec(name)![1]);
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError("cannot read", folder, error);
  });
  return names.filter((name) => checkpointName.test(name)).sort((a, b) => stepOf(a) - stepOf(b));
}

async function readNewest(folder: string): Promise<Checkpoint | null> {
  const name = (await checkpointNames(folder)).at(-1);
  if (!name) return null;
  const file = join(folder, name);
  const { tensors, metadata } = await readSafetensors(file).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${error.message}; remove this file to resume from the checkpoint before it`);
  });
  const { step, ...notes } = metadata;
  requireInput(
    Number(step) === Number(checkpointName.exec(name)![1]),
    `${file}: its metadata must name the step of its file name, got "${step}"; remove it or name it rightly`,
  );
  return { step: Number(step), tensors, notes };
}

/** Keeps the lines whose step is at most `step`; a line cut short by a crash goes too. */
async function dropLinesAfter(path: string, step: number): Promise<void> {
  const text = await readIfThere(path);
  if (text === null) return;
  const lines = text.split("\n").filter((line) => {
    try {
      return (JSON.parse(line) as { step: number }).step <= step;
    } catch {
      return false;
    }
  });
  await writeFileAtomic(path, lines.map((line) => `${line}\n`).join(""));
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw fileError("cannot read", path, error);
  });
}

const finiteOrText = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
