/**
 * How should one step train the nested sub-models? Every way trains for equally long, from the same first weights on the same
 * images, and is judged by the loss of each sub-model on held-out images. First a few steps of each way are timed, so that
 * its learning rate falls to the end within the time.
 *
 * `configs/fashion.yaml` on the tokenizer of `models/research/fashion`, `--count` training seeds (3), `--minutes` a training (4). What is
 * timed and trained is kept in runs/joint, and the same command goes on with it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../cli/output/table.ts";
import { onTokenizer, trainVariants } from "../src/runs/train-variants.ts";
import type { TrainConfig } from "../src/training/config.ts";
import { type MetricsLine, readMetrics } from "../src/training/metrics.ts";
import { loadConfig } from "../src/training/read-config.ts";
import { readJsonIfWhole, writeJson } from "../src/weights/node/json-file.ts";
import { type Bench, median } from "./bench.ts";

const path = "configs/fashion.yaml";
const tokenizer = "models/research/fashion";

/** What each way changes in the configuration; the others are beside the first. */
const ways: Readonly<Record<string, readonly string[]>> = {
  "all four": ["subModels=all", "sequenceShare=1"],
  "full and one smaller": ["subModels=in-turn", "sequenceShare=1"],
  "half of the sequence": ["subModels=all", "sequenceShare=0.5"],
  "one smaller, half of the sequence": ["subModels=in-turn", "sequenceShare=0.5"],
  "one smaller, a third of the sequence": ["subModels=in-turn", "sequenceShare=0.34"],
  "one smaller, half, complementary masks": ["subModels=in-turn", "sequenceShare=0.5", "masks=complementary"],
  "one smaller, half, truth for the smallest": [
    "subModels=in-turn",
    "sequenceShare=0.5",
    "lambda.endSmallest=0.5",
  ],
};

/** Steps that are timed, after as many that are not. */
const timedSteps = 24;

export const benchJointTraining: Bench = async ({ say, isQuick, minutes = 4, count = 3, threads }) => {
  const out = isQuick
    ? await mkdtemp(join(tmpdir(), "magnets-joint-"))
    : join("runs", "joint", `threads-${threads ?? "all"}`); // what a step takes depends on them
  const seeds = Array.from({ length: isQuick ? 1 : count }, (_, seed) => seed);
  const names = Object.keys(ways).slice(0, isQuick ? 2 : undefined);
  try {
    const stepSeconds = await timedBefore(join(out, "step-seconds.json"), names, () =>
      timeSteps(names, { out, isQuick, threads }),
    );
    const stepsOf = (name: string) =>
      isQuick ? 4 : Math.round((60 * minutes) / stepSeconds[name]! / 10) * 10;
    const losses: Record<string, Record<string, number>[]> = {};
    for (const seed of seeds) {
      for (const name of names) {
        const steps = stepsOf(name);
        const config = await configOf(name, { seed, steps, isQuick });
        const variant = `${name}, ${minutes} minutes, seed ${seed}`;
        const seen = heldOutLosses(await trained(variant, config, { out, threads }));
        losses[name] = [...(losses[name] ?? []), seen];
        const shown = Object.entries(seen).map(([p, loss]) => `${p} ${loss.toFixed(4)}`);
        say(`${name}, seed ${seed}, ${steps} steps: ${shown.join("  ")}`);
      }
    }
    const factors = Object.keys(losses[names[0]!]![0]!);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const column = (name: string, factor: string) => losses[name]!.map((seen) => seen[factor]!);
    say();
    say(
      table(
        ["way", "ms a step", "steps", ...factors],
        names.map((name) => [
          name,
          Math.round(1000 * stepSeconds[name]!),
          stepsOf(name),
          ...factors.map((factor) => mean(column(name, factor)).toFixed(4)),
        ]),
      ),
    );
    say("\nbeside the first, seed by seed:\n");
    say(
      table(
        ["way", ...factors],
        names.slice(1).map((name) => [
          name,
          ...factors.map((factor) =>
            column(name, factor)
              .map((loss, i) => (loss - column(names[0]!, factor)[i]!).toFixed(4))
              .join(", "),
          ),
        ]),
      ),
    );
    return { minutes, seeds: seeds.length, stepSeconds, losses };
  } finally {
    if (isQuick) await rm(out, { recursive: true, force: true });
  }
};

/** The configuration of a way, with a schedule of so many steps; its last step looks at the held-out images. */
async function configOf(
  name: string,
  { seed, steps, isQuick }: { seed: number; steps: number; isQuick: boolean },
): Promise<TrainConfig> {
  const training = [
    ...ways[name]!,
    `steps=${steps}`,
    `warmupSteps=${Math.max(1, Math.round(steps / 20))}`,
    "emaDecay=0.99",
    "logEvery=8",
    "checkpointEvery=200",
    "sampleEvery=1000000",
    `heldOut={ share: 0.03, every: ${steps}, patience: ${steps} }`,
  ].map((setting) => `transformer.training.${setting}`);
  const set = [...training, `seed=${seed}`, ...(isQuick ? ["data.count=600"] : [])];
  return onTokenizer((await loadConfig(path, { set })).config, tokenizer);
}

/** Trains a variant, unless it is trained; what it logged. */
async function trained(
  variant: string,
  config: TrainConfig,
  { out, threads }: { out: string; threads?: number },
): Promise<MetricsLine[]> {
  const [{ folder }] = await trainVariants({ variants: { [variant]: config }, tokenizer, out, threads });
  return readMetrics(join(folder, "../transformer/metrics.jsonl"));
}

/** The losses of the sub-models on held-out images, at the last look: `p1`, `p2`, ... */
const heldOutLosses = (lines: readonly MetricsLine[]): Record<string, number> =>
  Object.fromEntries(
    Object.entries(lines.at(-1)!)
      .filter(([key]) => /^heldOut\.p\d+$/.test(key))
      .map(([key, loss]) => [key.replace("heldOut.", ""), loss]),
  );

/** Seconds a step of each way: medians of three rounds in which the ways take turns. */
async function timeSteps(
  names: readonly string[],
  { out, isQuick, threads }: { out: string; isQuick: boolean; threads?: number },
): Promise<Record<string, number>> {
  const seconds = Object.fromEntries(names.map((name): [string, number[]] => [name, []]));
  const steps = isQuick ? 16 : 2 * timedSteps;
  for (let round = 0; round < (isQuick ? 1 : 3); round++) {
    for (const name of names) {
      const variant = `timing ${round} of ${name}`;
      const lines = await trained(variant, await configOf(name, { seed: 0, steps, isQuick }), {
        out,
        threads,
      });
      const at = (step: number) => lines.find((line) => line.step === step)!.seconds!;
      seconds[name]!.push((at(steps) - at(steps / 2)) / (steps / 2));
    }
  }
  return Object.fromEntries(Object.entries(seconds).map(([name, values]) => [name, median(values)]));
}

/** What a file has of an earlier run, if that is all, or what is made now and kept there. */
async function timedBefore(
  file: string,
  names: readonly string[],
  make: () => Promise<Record<string, number>>,
): Promise<Record<string, number>> {
  const kept = (await readJsonIfWhole(file)) as Record<string, number> | null;
  if (kept && names.every((name) => name in kept)) return kept;
  const made = await make();
  await writeJson(file, made);
  return made;
}
