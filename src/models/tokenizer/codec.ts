/**
 * A tokenizer ready to run: images to token ids and back, on any Runner.
 *
 * B images, their pixels [B, 3, ...space] with space [S, S] or [T, S, S]; tokens [B, ...grid] with the same axes.
 */
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { encode as encodeGraph, Graph, gatherRows, multiplyDims, reshape } from "../../graph/index.ts";
import type { Feed, Program, Runner } from "../../runtime/runner.ts";
import { type ParameterSpec, parameterInputs } from "../parameters.ts";
import { codebookSize, pixelSpace, type TokenizerConfig, tokenGrid } from "./config.ts";
import { autoencoderParameters, decodeLatents, encodePixels } from "./network.ts";
import { codebookOf, mapsToRows, quantize, quantizerParameters, rowsToMaps } from "./quantizer.ts";

/** Every parameter of a tokenizer. */
export function tokenizerParameters(config: TokenizerConfig): ParameterSpec[] {
  return [...autoencoderParameters(config), ...quantizerParameters(config)];
}

const isEncoding = ({ name }: ParameterSpec): boolean => !name.startsWith("decoder.");
const isDecoding = ({ name }: ParameterSpec): boolean => !name.startsWith("encoder.");

/** Pixels [B, 3, ...space] in [0, 1] -> `ids` [B, ...grid] int32. */
export function encoderGraph(config: TokenizerConfig): Graph {
  const graph = new Graph("tokenizer.encoder");
  const pixels = graph.input("pixels", "float32", ["B", 3, ...pixelSpace(config)]);
  const weights = parameterInputs(graph, tokenizerParameters(config).filter(isEncoding));
  const { ids } = quantize(
    mapsToRows(encodePixels(pixels, { config, weights, method: "direct" })),
    weights,
    config,
  );
  graph.output("ids", reshape(ids, ["B", ...tokenGrid(config)]));
  return graph;
}

/** Pixels [B, 3, ...space] in [0, 1] -> the encoder's `latents` [B * tokens, d], before quantisation. */
export function latentsGraph(config: TokenizerConfig): Graph {
  const graph = new Graph("tokenizer.latents");
  const pixels = graph.input("pixels", "float32", ["B", 3, ...pixelSpace(config)]);
  const weights = parameterInputs(graph, autoencoderParameters(config).filter(isEncoding));
  graph.output("latents", mapsToRows(encodePixels(pixels, { config, weights, method: "direct" })));
  return graph;
}

/** Token ids [B, ...grid] int32 -> `pixels` [B, 3, ...space], not clamped. */
export function decoderGraph(config: TokenizerConfig): Graph {
  const graph = new Graph("tokenizer.decoder");
  const grid = tokenGrid(config);
  const ids = graph.input("ids", "int32", ["B", ...grid]);
  const weights = parameterInputs(graph, tokenizerParameters(config).filter(isDecoding));
  const rows = gatherRows(codebookOf(graph, weights, config), ids); // [B, ...grid, d]
  const flat = reshape(rows, [multiplyDims(...grid, "B"), config.latentWidth]);
  graph.output("pixels", decodeLatents(rowsToMaps(flat, "B", grid), { config, weights, method: "direct" }));
  return graph;
}

export interface Tokenizer {
  readonly config: TokenizerConfig;
  /** The number of codes. */
  readonly codebookSize: number;
  /** [rows, columns] of an image's tokens, or [frames, rows, columns]. */
  readonly grid: readonly number[];
  /** Pixels [B, 3, ...space] in [0, 1] -> token ids [B, ...grid]. */
  encode(pixels: HostTensor<"float32">): Promise<HostTensor<"int32">>;
  /** Token ids [B, ...grid] below the codebook size -> pixels [B, 3, ...space], roughly in [0, 1]. */
  decode(ids: HostTensor<"int32">): Promise<HostTensor<"float32">>;
  /** Frees the sessions and the stored weights. */
  dispose(): Promise<void>;
}

/** How many images, or frames of videos, one run takes: it bounds the memory of the feature maps. */
const chunk = 32;

/**
 * Stores the weights in the runner and compiles encoder and decoder when first used.
 *
 * @param tensors  every parameter of {@link tokenizerParameters}, checked by the caller
 */
export async function loadTokenizer(
  runner: Runner,
  config: TokenizerConfig,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<Tokenizer> {
  const specs = tokenizerParameters(config);
  const prefix = runner.prefixFor("tokenizer");
  const stored = (name: string): string => prefix + name;
  await runner.put(Object.fromEntries(specs.map(({ name }) => [stored(name), tensors[name]!])));
  const feedsOf = (used: ParameterSpec[]): Record<string, Feed> =>
    Object.fromEntries(used.map(({ name }) => [name, { stored: stored(name) }]));
  const sides = {
    encoder: { graph: encoderGraph, feeds: feedsOf(specs.filter(isEncoding)) },
    decoder: { graph: decoderGraph, feeds: feedsOf(specs.filter(isDecoding)) },
  };
  const programs = new Map<keyof typeof sides, Promise<Program>>();
  const program = (side: keyof typeof sides): Promise<Program> => {
    let loading = programs.get(side);
    if (!loading) {
      loading = runner.load(encodeGraph(sides[side].graph(config)));
      programs.set(side, loading);
    }
    return loading;
  };
  const grid = tokenGrid(config);
  const rows = Math.ceil(chunk / (config.frames ?? 1));

  return {
    config,
    codebookSize: codebookSize(config),
    grid,
    async encode(pixels) {
      const all = new Int32Array(pixels.dims[0]! * sizeOf(grid));
      let at = 0;
      for (const part of chunks(pixels, rows)) {
        const result = await runner.run(
          await program("encoder"),
          { ...sides.encoder.feeds, pixels: part },
          { ids: "host" },
        );
        const { data } = result.ids!;
        all.set(data as Int32Array, at);
        at += data.length;
      }
      return tensor("int32", [pixels.dims[0]!, ...grid], all);
    },
    async decode(ids) {
      const dims = [ids.dims[0]!, 3, ...pixelSpace(config)];
      const all = new Float32Array(sizeOf(dims));
      let at = 0;
      for (const part of chunks(ids, rows)) {
        const result = await runner.run(
          await program("decoder"),
          { ...sides.decoder.feeds, ids: part },
          { pixels: "host" },
        );
        const { data } = result.pixels!;
        all.set(data as Float32Array, at);
        at += data.length;
      }
      return tensor("float32", dims, all);
    },
    async dispose() {
      for (const loading of programs.values()) await runner.unload(await loading);
      programs.clear();
      await runner.drop(specs.map(({ name }) => stored(name)));
    },
  };
}

/** Leading-axis pieces of at most `rows` rows. */
function* chunks<T extends "float32" | "int32">(
  whole: HostTensor<T>,
  rows: number,
): Generator<HostTensor<T>> {
  const [count, ...rest] = whole.dims as [number, ...number[]];
  const size = sizeOf(rest);
  for (let start = 0; start < count; start += rows) {
    const end = Math.min(count, start + rows);
    const data = whole.data.subarray(start * size, end * size) as HostTensor<T>["data"];
    yield tensor<T>(whole.dtype, [end - start, ...rest], data);
  }
}
