/**
 * Decoding in 8-bit integers: which weights are stored so, and how they become integers. The matrices of the layers
 * are; embeddings, norms, biases, the products of attention and the head stay float32.
 *
 * A sub-model's part of a quantised matrix is its leading rows still: a scale belongs to an output of the full
 * matrix, whichever part of its inputs a sub-model uses.
 */
import { InputError } from "../../core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { type Device, devices, factsOf } from "../../runtime/device.ts";
import type { TransformerConfig } from "./config.ts";

const precisions = ["fp32", "int8"] as const;
/** What the linear layers compute with. */
export type Precision = (typeof precisions)[number];

/** Changed whenever decoding in integers comes to give other numbers or take another time. */
const integerArithmetic = 4;

/** What figures and times of a precision depend on: tells it, and how it computes, from others. */
export const arithmeticOf = (precision: Precision): string =>
  precision === "int8" ? `int8 (${integerArithmetic})` : precision;

/** @throws {InputError} for a precision that does not exist, or that the device does not have */
export function requirePrecision(precision: Precision, device: Device = "cpu"): void {
  if (!precisions.includes(precision)) {
    throw new InputError(`precision: must be one of ${precisions.join(", ")}, got "${precision}"`);
  }
  if (precision === "int8" && !factsOf(device).hasInt8) {
    const able = (Object.keys(devices) as Device[]).filter((name) => factsOf(name).hasInt8);
    throw new InputError(
      `precision: int8 needs device ${able.join(" or ")}, got device ${device}; use fp32 there`,
    );
  }
}

/** What becomes integers, or does not, together: the four matrices of attention, or the two of the MLP. */
export type LayerPart = "attention" | "mlp";
const layerParts: readonly LayerPart[] = ["attention", "mlp"];

const matrix = /^blocks\.\d+\.(?:(attention)\.(?:query|key|value|output)|(mlp)\.(?:in|out))\.weight$/;

/** The part that a matrix of the layers belongs to; null for every other parameter. */
export function partOf(name: string): LayerPart | null {
  const match = matrix.exec(name);
  return match && ((match[1] ?? match[2]) as LayerPart);
}

/** What K N / (K + N) must be: on AVX2 integers were slower at 64, even at 96, faster at 128; with VNNI even at 85. */
const leastGain = 100;

/**
 * The parts that a sub-model computes in integers: those where it saves time. A product of K inputs and N outputs
 * saves in proportion to K N and pays for rounding K numbers of a row and scaling N, so it gains by K N / (K + N).
 */
export function quantisedParts(
  { width, hidden }: TransformerConfig,
  precision: Precision,
  factor: number,
): readonly LayerPart[] {
  if (precision === "fp32") return [];
  return layerParts.filter((part) => {
    const inner = (part === "mlp" ? hidden : width) / factor;
    return (width * inner) / (width + inner) >= leastGain;
  });
}

/** How a matrix of the layers is stored. */
export const layoutOf = (name: string): "out-in" | "in-out" =>
  /\.(?:attention\.output|mlp\.out)\.weight$/.test(name) ? "in-out" : "out-in";

/** The name under which the integers of a matrix are stored; its own stands for its float32 numbers. */
export const levelsOf = (name: string): string => `${name}.int8`;
/** The name under which the scales of a quantised matrix go. */
export const scalesOf = (name: string): string => `${name}.scales`;

/** See graph/ops/quantised.ts for why not 127. */
const largestLevel = 64;

/**
 * A matrix as integers in -64..64, of the same layout, and the scale of each output: weight = level * scale, to
 * within half a scale.
 */
export function quantiseMatrix(
  { dims, data }: HostTensor<"float32">,
  layout: "out-in" | "in-out",
): { levels: HostTensor<"int8">; scales: HostTensor<"float32"> } {
  const [rows, columns] = dims as [number, number];
  const outputs = layout === "out-in" ? rows : columns;
  const outputOf = (i: number): number => (layout === "out-in" ? Math.floor(i / columns) : i % columns);
  const scales = new Float32Array(outputs);
  for (let i = 0; i < data.length; i++) {
    const output = outputOf(i);
    scales[output] = Math.max(scales[output]!, Math.abs(data[i]!));
  }
  for (let output = 0; output < outputs; output++) scales[output] = scales[output]! / largestLevel || 1;
  const levels = Int8Array.from(data, (value, i) => Math.round(value / scales[outputOf(i)]!));
  return { levels: tensor("int8", dims, levels), scales: tensor("float32", [outputs], scales) };
}

/** The leading rows of a matrix, as a view. */
export function leadingRows({ dtype, dims, data }: HostTensor, rows: number): HostTensor {
  const part = [rows, ...dims.slice(1)];
  return tensor(dtype, part, data.subarray(0, sizeOf(part)) as typeof data);
}
