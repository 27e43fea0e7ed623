/**
 * A run's images as token ids, in files: encoded by this process, or part by part by whoever is asked, with the same
 * files in the end.
 */
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import { countOf, nounOf } from "../core/nouns.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { type TokenTensors, toTensors } from "../data/tokens.ts";
import { loadTokenizer } from "../models/tokenizer/codec.ts";
import { codebookSize, type TokenizerConfig } from "../models/tokenizer/config.ts";
import type { Task } from "../models/transformer/config.ts";
import type { Device } from "../runtime/device.ts";
import { createNodeRunner } from "../runtime/node/runner.ts";
import type { Runner } from "../runtime/runner.ts";
import type { DataConfig } from "../training/config.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import type { Tensors } from "../weights/node/safetensors-file.ts";
import { type EncodeOptions, encodePart, imagesIn, partsOf, tokenise } from "./token-files.ts";
import { type ChosenImages, type ImageOptions, type Images, reopenImages } from "./training-images.ts";

/** One part of a dataset to be encoded, as JSON: all that its tokens depend on. */
export interface TokenPart {
  /** The digest tells its weights from others. */
  readonly tokenizer: { readonly config: TokenizerConfig; readonly digest: string };
  readonly data: DataConfig;
  /** Which images of a folder; null: the data are drawn. */
  readonly chosen: ChosenImages | null;
  /** Images of the whole dataset. */
  readonly count: number;
  /** Written into the part: tells these images from others. */
  readonly description: string;
  readonly tasks: readonly Task[];
  /** Of the run. */
  readonly seed: number;
  /** 0 <= part < parts. */
  readonly part: number;
  readonly parts: number;
}

/**
 * Encodes parts of a dataset by a tokenizer's weights, anywhere; gives what {@link TokenEncoder} makes of each, in the
 * order asked for.
 */
export type EncodeParts = (
  parts: readonly TokenPart[],
  options: { readonly weights: Tensors; readonly signal?: AbortSignal },
) => AsyncIterable<TokenTensors>;

/** Whose images become tokens. */
export interface TokeniseImagesOptions extends ImageOptions {
  /** Who encodes; default: this process, by the runner. */
  readonly encodeParts?: EncodeParts;
}

/** Where the token ids of a run are. */
export const tokensFolder = (out: string): string => join(out, "tokens");

/** Writes every image's token ids to files, but for those that are there already and of this tokenizer and data. */
export async function tokeniseImages(
  options: TokeniseImagesOptions,
  runner: Runner,
  tensors: Tensors,
  { source, count, description: described, chosen }: Images,
): Promise<void> {
  const { config, out, signal, encodeParts, onProgress, onMessage: say = () => {} } = options;
  const { tasks } = config.transformer.model;
  const extras = [
    ...(config.data.randomFlip ? ["each also mirrored"] : []),
    ...tasks.map((task) => `each also as given to ${task}`),
  ];
  say(`tokens: ${[countOf(count, nounOf(source)), ...extras].join(", ")}`);
  const digest = tensorsDigest(tensors);
  const description = JSON.stringify([described, tasks]);
  const { data, seed } = config;
  const tokenizer = { config: config.tokenizer.model, digest };
  const work = { tokenizer, data, chosen, count, description, tasks, seed };

  const codes = new Set<number>();
  let done = 0; // images, those included that were there already
  const add = (ids: Iterable<number>, images: number) => {
    for (const id of ids) codes.add(id);
    done += images;
    const codebookUse = codes.size / codebookSize(config.tokenizer.model);
    onProgress?.({ job: "tokens", step: done, total: count, metrics: { codebookUse } });
  };
  const versions = data.randomFlip ? 2 : 1;
  const encode = encodeParts
    ? async function* (parts: readonly number[]) {
        done = count - imagesIn(parts, count);
        const asked = parts.map((part) => ({ ...work, part, parts: partsOf(count) }));
        for await (const tokens of encodeParts(asked, { weights: tensors, signal })) {
          const { ids } = tokens.tensors;
          add(ids!.data as Uint16Array, ids!.dims[0]! / versions);
          yield tokens;
        }
      }
    : async function* (parts: readonly number[]) {
        done = count - imagesIn(parts, count);
        const loaded = await loadTokenizer(runner, config.tokenizer.model, tensors);
        try {
          for (const part of parts) {
            const encoding = { ...encodeOptions(work), tokenizer: loaded, source, signal };
            yield toTensors(
              await encodePart(encoding, part, (batch) => add(batch.ids, batch.count / versions)),
            );
          }
        } finally {
          await loaded.dispose();
        }
      };
  const encoded = await tokenise({ folder: tokensFolder(out), digest, description, count, encode });
  if (encoded < count) say(`tokens: ${count - encoded} of them were in ${tokensFolder(out)} already`);
}

/** Encodes parts of one dataset by one tokenizer. */
export interface TokenEncoder {
  /**
   * @returns the same tensors as on any other machine with the same arithmetic
   * @throws what reading an image throws; the signal's reason
   */
  encode(part: number, options?: { readonly signal?: AbortSignal }): Promise<TokenTensors>;
  /** Frees what it holds. */
  dispose(): Promise<void>;
}

/**
 * Opens what the parts of a dataset are encoded with: its images and the tokenizer.
 *
 * @throws InputError when the data are not there, or data or weights are not those of the run
 */
export async function openTokenEncoder(
  work: Omit<TokenPart, "part" | "parts">,
  weights: Tensors,
  { device, threads }: { readonly device?: Device; readonly threads?: number } = {},
): Promise<TokenEncoder> {
  const { config, digest } = work.tokenizer;
  const found = tensorsDigest(weights);
  requireInput(
    found === digest,
    `tokenizer: its weights have the digest ${found}, those of the run have ${digest}; ask for the tokens again`,
  );
  const source = await reopenImages(work.data, work.chosen);
  const runner = await createNodeRunner({ device, threads });
  try {
    const tokenizer = await loadTokenizer(runner, config, weights);
    return {
      encode: async (part, { signal } = {}) =>
        toTensors(await encodePart({ ...encodeOptions(work), tokenizer, source, signal }, part)),
      async dispose() {
        await tokenizer.dispose();
        await runner.close();
      },
    };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/** What a part's encoding takes from its description. */
function encodeOptions({
  tokenizer,
  data,
  count,
  description,
  tasks,
  seed,
}: Pick<TokenPart, "tokenizer" | "data" | "count" | "description" | "tasks" | "seed">): Omit<
  EncodeOptions,
  "tokenizer" | "source" | "signal"
> {
  return {
    digest: tokenizer.digest,
    count,
    description,
    randomFlip: data.randomFlip,
    tasks,
    given: data.given,
    key: foldIn(keyFromSeed(seed), 4),
  };
}
