/**
 * Sets of images in the features of a network that the user brought (feature-network.ts), beside the judge: the
 * field's figures, where it is the field's network. A set goes by in parts, so that memory does not grow with it beyond
 * the logits. N images, F feature width.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type HostTensor, tensor } from "../core/tensor.ts";
import type { Image, ImageSource } from "../data/source.ts";
import { imageBatches } from "../data/views.ts";
import type { Runner } from "../runtime/runner.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { readTensorsIfWhole, type Tensors, writeSafetensors } from "../weights/node/safetensors-file.ts";
import { shownTogether } from "./features/feature-extractor.ts";
import {
  type FeatureNetwork,
  type FeatureNetworkDescription,
  openFeatureNetwork,
} from "./features/feature-network.ts";
import { realCacheFile } from "./features/reference-features.ts";
import { readStatistics, writeStatistics } from "./features/statistics-file.ts";
import { joinedRows } from "./metrics/feature-set.ts";
import { momentsOf } from "./metrics/frechet.ts";
import { inceptionScore } from "./metrics/inception-score.ts";
import { measureSet, openSeenSet, type SeenSet, type SetMeasures } from "./metrics/set-metrics.ts";

/** Which network looks, and what it compares with. */
export interface NetworkOptions {
  readonly description: FeatureNetworkDescription;
  /** Path of statistics that stand for the truth; left out: the real images do. */
  readonly referenceStatistics?: string;
  /** Where to write the statistics of the real images; left out: nowhere. */
  readonly saveStatistics?: string;
}

/** How a set stands in the network's features. */
export interface NetworkVerdict extends SetMeasures {
  /** The mean over ten parts, fewer for fewer images; null for a network without logits. */
  readonly inceptionScore: number | null;
}

/** What the network is, and what its figures are held against. */
export interface NetworkFacts {
  readonly name: string;
  /** F. */
  readonly width: number;
  /** How many images stand for the truth; null where a file does not tell. */
  readonly images: number | null;
  /** Where they come from: a source, or a file of statistics. */
  readonly source: string;
}

export interface NetworkComparison {
  readonly facts: NetworkFacts;
  /** Tells the network, and what stands for the truth, from others. */
  readonly digest: string;
  /** Begins a set of `samples` images. */
  openSet(): Promise<NetworkSet>;
  /** The verdict on the real images beside those that stand for the truth. */
  verdictOnReal(): Promise<NetworkVerdict>;
  dispose(): Promise<void>;
}

/** A set that is shown to the network as it comes; its images are not kept. */
export interface NetworkSet {
  /** Await each call before the next. */
  add(images: readonly Image[]): Promise<void>;
  verdict(): Promise<NetworkVerdict>;
  dispose(): Promise<void>;
}

interface Surroundings {
  readonly runner: Runner;
  readonly samples: number;
  readonly real: ImageSource;
  readonly realCount: number;
  readonly cacheFolder: string | null;
  readonly signal?: AbortSignal;
  /** Called while the network looks at the real images that stand for the truth. */
  readonly onProgress?: (done: number) => void;
}

/** What a network sees in a set. */
interface Seen extends SeenSet {
  readonly logits: HostTensor<"float32"> | null;
}

/** Parts that the Inception score is taken of. */
const splits = 10;

/**
 * Opens the network, shows it one real image to see that it takes such, and then those that stand for the truth.
 *
 * @throws InputError where the network's file, its description, the images or the statistics do not go together
 */
export async function openNetworkComparison(
  { description, referenceStatistics, saveStatistics }: NetworkOptions,
  surroundings: Surroundings,
): Promise<NetworkComparison> {
  const { runner, samples, real, realCount, signal } = surroundings;
  const network = await openFeatureNetwork(runner, description);
  try {
    const { features } = await network.extract([await real.read(0)], { signal });
    const width = features.dims[1]!;
    const told = createHash("sha256").update(await readFile(description.file));
    const looking = {
      ...surroundings,
      network,
      width,
      told: told.update(descriptionFacts(description)).digest("hex"),
    };
    const owner = { name: description.name, digest: looking.told };
    const truth: SeenSet =
      referenceStatistics === undefined
        ? await realSeen({ ...looking, from: 0, count: realCount })
        : { statistics: await readStatistics(referenceStatistics, width, owner), features: null };
    if (saveStatistics !== undefined) await writeStatistics(saveStatistics, truth.statistics, owner);
    const verdictOf = async ({ logits, ...seen }: Seen): Promise<NetworkVerdict> => ({
      ...(await measureSet(runner, truth, seen, signal)),
      inceptionScore: logits && inceptionScore(logits, { splits: Math.min(splits, samples) }).mean,
    });
    return {
      facts: {
        name: description.name,
        width,
        images: truth.statistics.count,
        source: referenceStatistics ?? real.name,
      },
      digest: [looking.told.slice(0, 16), truthDigest(truth)].join("-"),
      openSet: async () => {
        const { add, read, dispose } = await openLook(looking);
        return { add, dispose, verdict: async () => verdictOf(await read()) };
      },
      verdictOnReal: async () =>
        verdictOf(await realSeen({ ...looking, onProgress: undefined, from: realCount, count: samples })),
      dispose: () => network.dispose(),
    };
  } catch (error) {
    await network.dispose();
    throw error;
  }
}

/** Tells what stands for the truth from others; statistics alone tell less than the vectors do. */
function truthDigest({ statistics, features }: SeenSet): string {
  const { width, mean, covariance } = "scatter" in statistics ? momentsOf(statistics) : statistics;
  return tensorsDigest({
    mean: tensor("float64", [width], mean),
    covariance: tensor("float64", [width, width], covariance),
    ...(features && { features }),
  });
}

/** A description but for where its file lies. */
const descriptionFacts = ({ file: _, ...description }: FeatureNetworkDescription): string =>
  JSON.stringify(description);

interface LookOptions {
  readonly runner: Runner;
  readonly network: FeatureNetwork;
  /** F. */
  readonly width: number;
  readonly from: number;
  readonly count: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/** Shows images to the network as they come. */
async function openLook({
  runner,
  network,
  width,
  signal,
}: Pick<LookOptions, "runner" | "network" | "width" | "signal">) {
  const gatherer = await openSeenSet(runner, width);
  const logits: HostTensor<"float32">[] = [];
  return {
    async add(images: readonly Image[]): Promise<void> {
      const extracted = await network.extract(images, { signal });
      await gatherer.add(extracted.features);
      if (extracted.logits) logits.push(extracted.logits);
    },
    read: async (): Promise<Seen> => ({
      ...(await gatherer.read()),
      logits: logits.length > 0 ? joinedRows(logits) : null,
    }),
    dispose: () => gatherer.dispose(),
  };
}

/** What the network sees in real images `from` to `from + count - 1`, or saw in them in an earlier call. */
async function realSeen(
  options: LookOptions & Pick<Surroundings, "real" | "cacheFolder"> & { readonly told: string },
): Promise<Seen> {
  const { real, cacheFolder, told: digest, from, count, width, signal, onProgress } = options;
  const file = await realCacheFile("network", { source: real, cacheFolder, digest, from, count });
  const kept = file && (await readSeen(file, count, width));
  if (kept) return kept;
  const look = await openLook(options);
  try {
    let done = 0;
    for await (const images of imageBatches(real.read, { from, count, size: shownTogether, signal })) {
      await look.add(images);
      done += images.length;
      onProgress?.(done);
    }
    const seen = await look.read();
    if (file) await writeSafetensors(file, toTensors(seen));
    return seen;
  } finally {
    await look.dispose();
  }
}

function toTensors({ statistics, features, logits }: Seen): Tensors {
  if (!("scatter" in statistics)) throw new Error("network comparison: keeps what it saw itself");
  const { width, mean, scatter } = statistics;
  return {
    mean: tensor("float64", [width], mean),
    scatter: tensor("float64", [width, width], scatter),
    ...(features && { features }),
    ...(logits && { logits }),
  };
}

/** Null when there is no such file, or not a whole one. */
async function readSeen(file: string, count: number, width: number): Promise<Seen | null> {
  const { mean, scatter, features, logits } = (await readTensorsIfWhole(file)) ?? {};
  if (mean?.dims[0] !== width || scatter?.dims.join() !== `${width},${width}` || !features) return null;
  return {
    statistics: { width, count, mean: mean.data as Float64Array, scatter: scatter.data as Float64Array },
    features: features as HostTensor<"float32">,
    logits: (logits as HostTensor<"float32"> | undefined) ?? null,
  };
}
