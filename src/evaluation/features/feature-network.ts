/**
 * Feature networks are files: an ONNX file that the user has (Inception for FID, I3D for FVD), beside a description
 * of how it wants its images. docs/evaluation.md says which files and descriptions give the field's figures.
 *
 * N images or videos; T frames, H height, W width of what the network sees; F feature width, C classes.
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { InputError, requireInput, unknownName } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { invalidValue, parse } from "../../core/validate.ts";
import { type Raster, spaceOf } from "../../data/source.ts";
import {
  add,
  cast,
  divide,
  encode,
  Graph,
  multiply,
  reshape,
  subtract,
  transpose,
  type Value,
} from "../../graph/index.ts";
import type { PortInfo, Program, Runner } from "../../runtime/runner.ts";
import { readJson } from "../../weights/node/json-file.ts";
import { joinedRows } from "../metrics/feature-set.ts";
import { resample, resamplings } from "./resample.ts";

const positive = z.int().positive();
const perChannel = z.tuple([z.number(), z.number(), z.number()]);

const featureNetworkSchema = z.strictObject({
  file: z.string().min(1).describe("the ONNX file; in a description beside it, relative to that"),
  name: z.string().min(1).describe("what reports call the features, e.g. Inception-v3 2015-12-05, pool3"),
  input: z.string().optional().describe("name of the tensor that takes the images; left out: the only one"),
  output: z.string().optional().describe("name of the features' tensor; left out: the only one"),
  logits: z.string().optional().describe("name of the classes' tensor, for the Inception score"),
  layout: z
    .enum(["NCHW", "NHWC", "NCTHW", "NTHWC"])
    .default("NCHW")
    .describe("the input's axes; with T it takes videos"),
  size: z
    .union([positive, z.tuple([positive, positive])])
    .optional()
    .describe("side, or [H, W], in pixels; left out: the input's own"),
  frames: positive.optional().describe("T of videos; left out: the input's own, or any"),
  resampling: z
    .enum([...resamplings, "none"])
    .describe("how images come to that size; none: they must have it"),
  range: z.tuple([z.number(), z.number()]).describe("what a byte of 0 and one of 255 become, e.g. [-1, 1]"),
  mean: perChannel.optional().describe("of red, green and blue, subtracted after that"),
  std: perChannel.optional().describe("of red, green and blue, divided by after that"),
  batchSize: positive.default(32).describe("images per run; of videos as many frames, one video at least"),
});

/** How a feature network is fed and what it gives, as its JSON file says it; the documentation of evaluation explains each field. */
export type FeatureNetworkDescription = z.output<typeof featureNetworkSchema>;

/** What a feature network makes of N images. */
export interface Extracted {
  /** [N, F]. */
  readonly features: HostTensor<"float32">;
  /** [N, C], of a network whose description names them. */
  readonly logits?: HostTensor<"float32">;
}

/** A feature network of the user's, ready to run. */
export interface FeatureNetwork {
  readonly description: FeatureNetworkDescription;
  /**
   * What the network makes of images of one size.
   *
   * @throws InputError when there are none, and for images that the network cannot take
   */
  extract(images: readonly Raster[], options?: { readonly signal?: AbortSignal }): Promise<Extracted>;
  /** Frees the programs. */
  dispose(): Promise<void>;
}

/**
 * The description in a JSON file, or beside an ONNX file: of `inception.onnx` in `inception.json`.
 *
 * @throws InputError naming the file and the key, what it must be and what came
 */
export async function readFeatureNetwork(path: string): Promise<FeatureNetworkDescription> {
  const place = path.replace(/\.onnx$/i, ".json");
  const isThere = await stat(place).then(
    () => true,
    () => false,
  );
  requireInput(
    isThere || place === path,
    `${path}: needs a description beside it, ${place}: what it takes and which of its tensors are the features; ` +
      "docs/evaluation.md has examples",
  );
  const description = featureNetworkDescription(await readJson(place), place);
  return { ...description, file: resolve(dirname(place), description.file) };
}

/**
 * Checks a description and fills in defaults.
 *
 * @param where  the file that messages begin with
 * @throws InputError naming the key, what it must be and what came
 */
export function featureNetworkDescription(
  value: unknown,
  where = "feature network",
): FeatureNetworkDescription {
  const description = parse(featureNetworkSchema, value, where);
  const { frames, layout, std } = description;
  if (frames !== undefined && !layout.includes("T")) {
    const remedy = "choose a layout with T, such as NCTHW, for videos";
    throw invalidValue(where, ["frames"], `must be left out where layout is ${layout}`, frames, remedy);
  }
  if (std?.includes(0)) throw invalidValue(where, ["std"], "must be other than 0", std);
  return description;
}

/**
 * Opens the network's file in a runner on the CPU.
 *
 * @throws InputError when the file cannot be read or is not such a model, and where its tensors and the description
 *   do not agree
 */
export async function openFeatureNetwork(
  runner: Runner,
  description: FeatureNetworkDescription,
): Promise<FeatureNetwork> {
  const { file } = description;
  const model = await readFile(file).catch((error) => {
    throw fileError("cannot read", file, error);
  });
  const network = await runner.load(model).catch((error: Error) => {
    throw new InputError(
      `${file}: must be an ONNX model in one file, with its weights; ${error.message}; export it again`,
      { cause: error },
    );
  });
  try {
    return await loaded(runner, network, description);
  } catch (error) {
    await runner.unload(network);
    throw error;
  }
}

async function loaded(
  runner: Runner,
  network: Program,
  description: FeatureNetworkDescription,
): Promise<FeatureNetwork> {
  const { file, layout, batchSize } = description;
  const input = chosen(file, "input", network.inputs, description.input);
  const output = chosen(file, "output", network.outputs, description.output);
  const logits =
    description.logits === undefined ? null : chosen(file, "logits", network.outputs, description.logits);
  const { fixedBatch, ...wanted } = agreedExtents(input, description);
  const preparation = await runner.load(encode(preparationGraph(description, wanted.size)));
  const pixels = `${runner.prefixFor("feature network")}pixels`;
  const asked = Object.fromEntries(
    [output, ...(logits ? [logits] : [])].map(({ name }) => [name, "host" as const]),
  );

  /** The images, of one size, as a run takes them; where the network's batch is fixed, up to `count` of them. */
  async function run(images: readonly Raster[], count: number): Promise<Record<string, HostTensor>> {
    const space = [...spaceOf(images[0]!), 3];
    const bytes = new Uint8Array(count * sizeOf(space));
    for (const [n, image] of images.entries()) bytes.set(image.pixels, n * sizeOf(space));
    const raw = tensor("uint8", [count, ...space], bytes);
    await runner.run(preparation, { raw }, { pixels: { store: pixels } });
    return runner.run(network, { [input.name]: { stored: pixels } }, asked).catch((error: Error) => {
      const shape = `${images.length} images of [${spaceOf(images[0]!).join(", ")}]`;
      throw new InputError(
        `${file}: failed on ${shape}: ${error.message}; check size, frames and layout in its description`,
        { cause: error },
      );
    });
  }

  return {
    description,
    async extract(images, { signal } = {}) {
      checkImages(file, images, layout, wanted);
      const perRun = fixedBatch ?? Math.max(1, Math.floor(batchSize / (images[0]!.frames ?? 1)));
      const found: Record<string, HostTensor<"float32">[]> = { features: [], logits: [] };
      for (let from = 0; from < images.length; from += perRun) {
        signal?.throwIfAborted();
        const part = images.slice(from, from + perRun);
        const results = await run(part, fixedBatch ?? part.length);
        found.features!.push(vectors(file, output.name, results, part.length));
        if (logits) found.logits!.push(vectors(file, logits.name, results, part.length));
      }
      return { features: joinedRows(found.features!), ...(logits && { logits: joinedRows(found.logits!) }) };
    },
    async dispose() {
      await runner.unload(preparation);
      await runner.unload(network);
      await runner.drop([pixels]);
    },
  };
}

/** The tensor of this name, or the only one there is. */
function chosen(file: string, key: string, ports: readonly PortInfo[], name: string | undefined): PortInfo {
  const known = ports.map((port) => port.name);
  requireInput(
    name !== undefined || ports.length === 1,
    `${file}: has the ${key}s ${known.join(", ")}; name the one to use as ${key} in its description`,
  );
  const port = name === undefined ? ports[0]! : ports.find((port) => port.name === name);
  if (!port) throw unknownName(`${file}: ${key}`, name!, known);
  requireInput(
    port.dtype === "float32",
    `${file}: ${key} "${port.name}" must be float32, is ${port.dtype}; export the network in float32`,
  );
  return port;
}

interface Extents {
  /** [H, W] that images are brought to; null: they stay as they are. */
  readonly size: readonly [number, number] | null;
  /** [H, W] that images must have; null: any. */
  readonly given: readonly [number, number] | null;
  /** T that they must have; null: any. */
  readonly frames: number | null;
}

/** What the description and the file's input say together. */
function agreedExtents(
  { name, shape }: PortInfo,
  { file, layout, size, frames, resampling }: FeatureNetworkDescription,
): Extents & { fixedBatch: number | null } {
  const axes = [...layout];
  const shown = `input "${name}" is [${shape.map((dim) => dim || "?").join(", ")}]`;
  requireInput(
    shape.length === 0 || shape.length === axes.length,
    `${file}: ${shown}, which is not ${layout}; correct layout in its description`,
  );
  /** The extent along an axis: the file's where it is fixed, else the description's. */
  const extent = (axis: string, key: string, described: number | undefined): number | null => {
    const own = shape[axes.indexOf(axis)];
    if (typeof own !== "number") return described ?? null;
    requireInput(
      described === undefined || described === own,
      `${file}: ${shown}, so ${axis} is ${own}; its description says ${described}; correct ${key} or layout there`,
    );
    return own;
  };
  extent("C", "channels", 3);
  const [height, width] = typeof size === "number" ? [size, size] : [size?.[0], size?.[1]];
  const space = [extent("H", "size", height), extent("W", "size", width)];
  const agreed = space.includes(null) ? null : (space as [number, number]);
  requireInput(
    resampling === "none" || agreed,
    `${file}: ${shown}, which takes any size; give size in its description, e.g. 299`,
  );
  return {
    size: resampling === "none" ? null : agreed,
    given: resampling === "none" ? agreed : null,
    frames: layout.includes("T") ? extent("T", "frames", frames) : null,
    fixedBatch: extent("N", "batch", undefined),
  };
}

/**
 * Bytes `raw` [N, H, W, 3], of videos [N, T, H, W, 3], -> `pixels` as the description has them.
 *
 * @param size  [H, W] to bring them to; null: as they are
 */
function preparationGraph(
  { layout, range, mean, std, resampling }: FeatureNetworkDescription,
  size: readonly [number, number] | null,
): Graph {
  const graph = new Graph("feature network's pixels");
  const isVideo = layout.includes("T");
  const raw = graph.input("raw", "uint8", isVideo ? ["N", "T", "H", "W", 3] : ["N", "H", "W", 3]);
  const frames = isVideo ? reshape(raw, ["N*T", "H", "W", 3]) : raw;
  let x = transpose(cast(frames, "float32"), [0, 3, 1, 2]);
  if (size && resampling !== "none") x = resample(x, size, resampling);
  x = add(multiply(x, (range[1] - range[0]) / 255), range[0]);
  const channels = (values: readonly number[]): Value =>
    graph.constant(tensor("float32", [3, 1, 1], Float32Array.from(values)));
  if (mean) x = subtract(x, channels(mean));
  if (std) x = divide(x, channels(std));
  if (isVideo) x = reshape(x, ["N", "T", ...x.shape.slice(1)]);
  const axes = isVideo ? "NTCHW" : "NCHW";
  const order = [...layout].map((axis) => axes.indexOf(axis));
  graph.output("pixels", order.every((axis, i) => axis === i) ? x : transpose(x, order));
  return graph;
}

function checkImages(
  file: string,
  images: readonly Raster[],
  layout: string,
  { given, frames }: Extents,
): void {
  const [first] = images;
  requireInput(first, `${file}: needs at least one image, got none`);
  const space = spaceOf(first);
  const other = images.find((image) => spaceOf(image).join() !== space.join());
  requireInput(
    !other,
    `${file}: images given together must share one size, got [${space.join(", ")}] and ` +
      `[${other && spaceOf(other).join(", ")}]`,
  );
  const isVideo = layout.includes("T");
  requireInput(
    isVideo === (first.frames !== undefined),
    `${file}: takes ${isVideo ? "videos" : "images"} (layout ${layout}), got ` +
      `${isVideo ? "images" : "videos"} of [${space.join(", ")}]`,
  );
  requireInput(
    frames === null || first.frames === frames,
    `${file}: takes ${frames} frames, got ${first.frames}; cut the videos to ${frames}`,
  );
  requireInput(
    !given || (given[0] === first.height && given[1] === first.width),
    `${file}: takes images of ${given?.join(" x ")} pixels, got ${first.height} x ${first.width}; ` +
      "name a resampling in its description",
  );
}

/** The first `count` rows of an output that has one vector per image: [N, F], or with extents of 1 besides. */
function vectors(
  file: string,
  name: string,
  results: Readonly<Record<string, HostTensor>>,
  count: number,
): HostTensor<"float32"> {
  const { dims, data } = results[name] as HostTensor<"float32">;
  const [rows = 0, ...rest] = dims;
  requireInput(
    rows >= count && rest.length > 0 && rest.filter((extent) => extent !== 1).length <= 1,
    `${file}: output "${name}" is [${dims.join(", ")}] for ${count} images; it must be one vector each, [N, F]; ` +
      "name another tensor, or pool it before the export",
  );
  const width = sizeOf(rest);
  const own = data.subarray(0, count * width);
  const at = own.findIndex((value) => !Number.isFinite(value));
  requireInput(
    at === -1,
    `${file}: output "${name}" has ${own[at]} for an image; check range, mean and std in its description, and the export`,
  );
  return tensor("float32", [count, width], own);
}
