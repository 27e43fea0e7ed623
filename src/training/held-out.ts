/**
 * Images that a transformer does not train on. Of few images it learns every one by heart sooner or later; the loss on
 * others tells when it begins to.
 */
import { requireInput } from "../core/errors.ts";
import { countOf } from "../core/nouns.ts";
import { foldIn, type Key, permutation } from "../core/random.ts";
import { type TokenDataset, takeTokens } from "../data/tokens.ts";
import { add, Graph, multiply } from "../graph/index.ts";
import { gridTokens, type TransformerConfig } from "../models/transformer/config.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import type { HeldOut } from "./loop.ts";
import { nestedLoss } from "./nested-loss.ts";
import { averageInputs } from "./optimiser-state.ts";
import { filled, maskedBatch, type TransformerTraining } from "./transformer-job.ts";

/**
 * Which images are held out: so large a share of each class, one at least; a function of the key.
 *
 * @param classIds  of each image
 * @param classNames  for messages; empty: there is one class, 0
 * @param data  what the images are called in messages
 * @throws InputError when a class has fewer than two images
 */
export function heldOutImages(
  classIds: ArrayLike<number>,
  { classNames, data }: { readonly classNames: readonly string[]; readonly data: string },
  share: number,
  key: Key,
): Set<number> {
  const byClass = new Map<number, number[]>();
  for (let image = 0; image < classIds.length; image++) {
    const own = byClass.get(classIds[image]!) ?? [];
    byClass.set(classIds[image]!, [...own, image]);
  }
  const heldOut = new Set<number>();
  for (const [classId, images] of byClass) {
    const name = classNames[classId];
    requireInput(
      images.length >= 2,
      `${data}: ${name === undefined ? "must have" : `its class "${name}" must have`} at least 2 images, one to learn ` +
        `from and one to be held out, got ${images.length}; add more, or take the folder away`,
    );
    const count = Math.max(1, Math.round(share * images.length));
    for (const i of permutation(foldIn(key, classId), images.length).subarray(0, count))
      heldOut.add(images[i]!);
  }
  return heldOut;
}

/** A dataset in two: what is trained on, in all of its variants, and the held-out images as they are. */
export interface SplitTokens {
  readonly training: TokenDataset;
  readonly heldOut: TokenDataset;
}

/**
 * Splits a dataset by {@link heldOutImages}; all variants of an image are on one side.
 *
 * @throws InputError when a class has fewer than two images
 */
export function splitTokens(dataset: TokenDataset, share: number, key: Key): SplitTokens {
  const rows = Array.from({ length: dataset.count }, (_, row) => row);
  const imageOf = (row: number): number => dataset.images?.[row] ?? row;
  // The first row of an image shows it as it is.
  const firstRows = new Map<number, number>();
  for (const row of rows) if (!firstRows.has(imageOf(row))) firstRows.set(imageOf(row), row);
  const images = [...firstRows.keys()].sort((a, b) => a - b);
  const classIds = images.map((image) => dataset.classIds[firstRows.get(image)!]!);
  const chosen = heldOutImages(classIds, { classNames: dataset.classNames, data: "data" }, share, key);
  const heldOut = new Set([...chosen].map((i) => images[i]!));
  return {
    training: takeTokens(
      dataset,
      rows.filter((row) => !heldOut.has(imageOf(row))),
    ),
    heldOut: takeTokens(
      dataset,
      rows.filter((row) => heldOut.has(imageOf(row)) && firstRows.get(imageOf(row)) === row),
    ),
  };
}

/** How often each held-out image is looked at, masked otherwise each time: one alone says little. */
const looks = 8;

/** At most so many batches a look. */
const mostBatches = 32;

/**
 * What a transformer is looked at with: cross-entropy with the true tokens, in nats per masked token, of each sub-model
 * that trains (`p1`, `p2`, ...), and their mean (`loss`). Masks are drawn independently over all tokens,
 * whatever training does, so that ways to train can be compared; and no class is dropped.
 */
export function heldOutOf(
  config: TransformerConfig,
  training: TransformerTraining & { readonly heldOut: NonNullable<TransformerTraining["heldOut"]> },
  dataset: TokenDataset,
  key: Key,
): HeldOut {
  const { batchSize: B } = training;
  const { every, patience } = training.heldOut;
  const count = Math.max(1, Math.min(mostBatches, Math.ceil((looks * dataset.count) / B)));
  const batches = Array.from({ length: count }, (_, i) => {
    const looked = { ...training, classDropout: 0, masks: "independent", sequenceShare: 1 } as const;
    const batch = maskedBatch(config, looked, dataset, foldIn(key, i));
    const count = batch.rows.dims[0]!;
    return { feeds: filled(batch, count), weight: count };
  });
  return { every, patience, graph: heldOutGraph(config, training), batches };
}

/** Masked tokens and the averages -> `p1`, `p2`, ... and their mean, `loss`. */
export function heldOutGraph(
  config: TransformerConfig,
  training: Pick<TransformerTraining, "batchSize" | "factors" | "maskSchedule">,
): Graph {
  const graph = new Graph("transformer.heldOut");
  const weights = averageInputs(graph, transformerParameters(config));
  const { batchSize: B, factors = config.factors } = training;
  const inputs = {
    ids: graph.input("ids", "int32", [B, gridTokens(config)]),
    classes: graph.input("classes", "int32", [B]),
    rows: graph.input("rows", "int32", ["R"]),
    labels: graph.input("labels", "int32", ["R"]),
    shares: graph.input("shares", "float32", ["R"]),
    lambda: graph.scalar("float32", 1),
  };
  const { perFactor } = nestedLoss(graph, config, weights, inputs, { factors });
  const losses = Object.values(perFactor);
  for (const [factor, value] of Object.entries(perFactor)) graph.output(`p${factor}`, value);
  graph.output(
    "loss",
    multiply(
      losses.reduce((sum, value) => add(sum, value)),
      1 / losses.length,
    ),
  );
  return graph;
}

/** "20 of 200 images are held out". */
export const describeSplit = ({ training, heldOut }: SplitTokens, noun: string): string =>
  `${heldOut.count} ${heldOut.count === 1 ? "is" : "are"} held out of ${countOf(heldOut.count + imagesOf(training), noun)}`;

const imagesOf = ({ images, count }: TokenDataset): number => (images ? new Set(images).size : count);
