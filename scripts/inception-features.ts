/**
 * Makes a feature network that others trained: the Inception v3 of the npm package `nsfwjs` (MIT), which was trained to tell drawings, photographs
 * and other kinds apart, as an ONNX file with its description for `magnets evaluate --features`. Distances in it are no FID: its weights are
 * not those of FID's network, and are 8-bit.
 *
 *     npm install --prefix out/inception --ignore-scripts nsfwjs @tensorflow/tfjs
 *     node --import tsx scripts/inception-features.ts out/inception
 *     node --import tsx scripts/inception-features.ts out/inception --check    every layer beside TensorFlow.js's own, some minutes
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { writeFileAtomic } from "../src/core/node/atomic-file.ts";
import { normals } from "../src/core/random.ts";
import { tensor } from "../src/core/tensor.ts";
import { concat, encode, Graph, reshape, type Shape, type Value } from "../src/graph/index.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import { writeJson } from "../src/weights/node/json-file.ts";

/** A layer of a Keras model, as much of it as Inception has. */
interface Layer {
  readonly name: string;
  readonly class_name: string;
  readonly config: {
    readonly strides?: readonly [number, number];
    readonly pool_size?: readonly [number, number];
    readonly padding?: "valid" | "same";
    readonly activation?: "linear" | "relu" | "softmax";
    readonly epsilon?: number;
  };
  readonly inbound_nodes: readonly (readonly (readonly [string, ...unknown[]])[])[];
}

/** A weight as TensorFlow.js stores it: bytes that stand for min + scale * byte. */
interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32";
  readonly quantization?: { readonly min: number; readonly scale: number; readonly dtype: "uint8" };
}

interface KerasModel {
  readonly modelTopology: {
    readonly model_config: { readonly config: { readonly layers: readonly Layer[] } };
  };
  readonly weightsManifest: readonly [{ readonly weights: readonly WeightSpec[] }];
}

/** The layer whose output is the features: the last pooling, as FID takes it. */
const featureLayer = "average_pooling2d_10";
const size = 299;

const program = new Command("inception-features")
  .argument("<folder>", "where nsfwjs is installed; the files go there, too")
  .option("--check", "compare every layer with TensorFlow.js's")
  .parse();
const [folder] = program.args as [string];
const { model, bytes } = await readPackage(folder);
const layers = model.modelTopology.model_config.config.layers;
const weights = readWeights(model.weightsManifest[0].weights, bytes);

if (program.opts<{ check?: boolean }>().check) {
  await check();
} else {
  const path = join(folder, "inception-nsfw.onnx");
  await writeFileAtomic(path, onnxModel([featureLayer]));
  await writeJson(path.replace(/onnx$/, "json"), {
    file: "inception-nsfw.onnx",
    name: "Inception v3 of nsfwjs, last pooling",
    output: "features",
    size,
    resampling: "bilinear-antialiased",
    range: [0, 1],
  });
  console.log(`written: ${path} and its description; magnets evaluate MODEL --features ${path}`);
}

/** The model and its weights' bytes out of the installed package. */
async function readPackage(at: string): Promise<{ model: KerasModel; bytes: Buffer }> {
  const require = createRequire(join(process.cwd(), at, "package.json"));
  const { InceptionV3Model } = (await import(
    pathToFileURL(require.resolve("nsfwjs/models/inception_v3").replace("/cjs/", "/esm/")).href
  )) as {
    InceptionV3Model: {
      modelJson(): Promise<{ default: KerasModel }>;
      weightBundles: readonly (() => Promise<{ default: string }>)[];
    };
  };
  const shards = await Promise.all(InceptionV3Model.weightBundles.map((load) => load()));
  return {
    model: (await InceptionV3Model.modelJson()).default,
    bytes: Buffer.concat(shards.map((shard) => Buffer.from(shard.default, "base64"))),
  };
}

function readWeights(
  specs: readonly WeightSpec[],
  all: Buffer,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const found = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  let at = 0;
  for (const { name, shape, quantization } of specs) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      data[i] = quantization
        ? quantization.min + quantization.scale * all[at + i]!
        : all.readFloatLE(at + 4 * i);
    }
    at += quantization ? count : 4 * count;
    found.set(name, { shape, data });
  }
  if (at !== all.length)
    throw new Error(`the package's weights are ${all.length} bytes, its list says ${at}`);
  return found;
}

/** The network up to some layers as an ONNX model; images and maps are [N, channels, H, W]. */
function onnxModel(outputs: readonly string[]): Uint8Array {
  const graph = new Graph("inception");
  const made = new Map<string, Value>([["input_1", graph.input("input_1", "float32", ["N", 3, size, size])]]);
  for (const layer of layers) {
    const output = layerOutput(graph, layer, made);
    if (output) made.set(layer.name, output);
  }
  if (outputs.length === 1) graph.output("features", reshape(made.get(outputs[0]!)!, ["N", 2048]));
  else for (const name of outputs) graph.output(name, made.get(name)!);
  return encode(graph);
}

/** What a layer gives; null of the input, and of the classes behind the last pooling. */
function layerOutput(
  graph: Graph,
  { name, class_name: kind, config, inbound_nodes: inbound }: Layer,
  made: ReadonlyMap<string, Value>,
): Value | null {
  const inputs = (inbound[0] ?? []).map(([from]) => made.get(from)!);
  const weight = (suffix: string) => weights.get(`${name}/${suffix}`);
  const constant = (dims: readonly number[], data: Float32Array) =>
    graph.constant(tensor("float32", dims, data));
  const { strides = [1, 1], padding = "valid" } = config;
  const window = { auto_pad: padding === "same" ? "SAME_UPPER" : "VALID", strides };
  /** The shape after a window of an extent moved over [N, C, H, W]. */
  const slid = (channels: number, extent: readonly number[]): Shape => {
    const places = (axis: number): number => {
      const length = inputs[0]!.dim(axis) as number;
      const room = padding === "same" ? length : length - extent[axis - 2]! + 1;
      return Math.ceil(room / strides[axis - 2]!);
    };
    return ["N", channels, places(2), places(3)];
  };
  const emit = (op: string, from: readonly Value[], shape: Shape, attributes = {}): Value =>
    graph.emit(op, from, [{ dtype: "float32", shape }], attributes)[0]!;
  const [first] = inputs;
  switch (kind) {
    case "Conv2D": {
      const { shape, data } = weight("kernel")!;
      const kernel = constant([shape[3]!, shape[2]!, shape[0]!, shape[1]!], outwards(shape, data));
      const attributes = { ...window, kernel_shape: shape.slice(0, 2) };
      return emit("Conv", [first!, kernel], slid(shape[3]!, shape), attributes);
    }
    case "BatchNormalization": {
      const vectors = ["gamma", "beta", "moving_mean", "moving_variance"].map((suffix) => {
        const channels = weight("moving_mean")!.shape;
        return constant(channels, weight(suffix)?.data ?? new Float32Array(channels[0]!).fill(1));
      });
      const attributes = { epsilon: { float: config.epsilon! } };
      return emit("BatchNormalization", [first!, ...vectors], first!.shape, attributes);
    }
    case "Activation":
      return emit("Relu", inputs, first!.shape);
    case "MaxPooling2D":
    case "AveragePooling2D": {
      const extent = config.pool_size!;
      const op = kind === "MaxPooling2D" ? "MaxPool" : "AveragePool";
      return emit(op, inputs, slid(first!.dim(1) as number, extent), { ...window, kernel_shape: extent });
    }
    case "Concatenate":
      return concat(inputs, 1);
    default:
      return null;
  }
}

/** A kernel [H, W, in, out] as [out, in, H, W]. */
function outwards([height, width, inner, outer]: readonly number[], data: Float32Array): Float32Array {
  const turned = new Float32Array(data.length);
  for (let at = 0, place = 0; place < height! * width!; place++) {
    for (let i = 0; i < inner!; i++) {
      for (let o = 0; o < outer!; o++, at++) turned[(o * inner! + i) * height! * width! + place] = data[at]!;
    }
  }
  return turned;
}

/** Compares every layer up to the features with what TensorFlow.js computes of one random image. */
async function check(): Promise<void> {
  const require = createRequire(join(process.cwd(), folder, "package.json"));
  const tf = require("@tensorflow/tfjs");
  const reference = await tf.loadLayersModel({
    load: async () => ({
      modelTopology: model.modelTopology,
      weightSpecs: model.weightsManifest[0].weights,
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    }),
  });
  const until = layers.findIndex(({ name }) => name === featureLayer);
  const names = layers.slice(1, until + 1).map(({ name }) => name);
  const image = normals([1, 2], size * size * 3).map((value) => Math.min(1, Math.max(0, 0.5 + 0.2 * value)));
  const all = tf.model({
    inputs: reference.inputs,
    outputs: names.map((name) => reference.getLayer(name).output),
  });
  const theirs = all.predict(tf.tensor4d(image, [1, size, size, 3])) as {
    shape: number[];
    dataSync(): Float32Array;
  }[];
  const runner = await createNodeRunner({});
  const program = await runner.load(onnxModel(names));
  const planes = new Float32Array(image.length);
  for (let i = 0; i < size * size; i++)
    for (let c = 0; c < 3; c++) planes[c * size * size + i] = image[3 * i + c]!;
  const ours = await runner.run(
    program,
    { input_1: tensor("float32", [1, 3, size, size], planes) },
    Object.fromEntries(names.map((name) => [name, "host"])),
  );
  let worst = 0;
  for (const [i, name] of names.entries()) {
    const [, height, width, channels] = theirs[i]!.shape as [number, number, number, number];
    const [expected, found] = [theirs[i]!.dataSync(), ours[name]!.data as Float32Array];
    let [error, scale] = [0, 0];
    for (let place = 0; place < height * width; place++) {
      for (let c = 0; c < channels; c++) {
        const value = expected[place * channels + c]!;
        error = Math.max(error, Math.abs(value - found[c * height * width + place]!));
        scale = Math.max(scale, Math.abs(value));
      }
    }
    worst = Math.max(worst, error / scale);
    if (i % 20 === 0 || name === featureLayer || error / scale > 1e-4) {
      console.log(
        `${name.padEnd(26)} largest difference ${error.toExponential(1)} of values up to ${scale.toPrecision(3)}`,
      );
    }
  }
  await runner.close();
  console.log(
    `${names.length} layers; the largest difference is ${worst.toExponential(1)} of a layer's largest value`,
  );
  process.exitCode = worst < 1e-3 ? 0 : 1;
}
