/**
 * Bringing images to the size of a feature network. Scores depend on how (Parmar et al., CVPR 2022), so each way
 * has a name and is tested against the program, or the rule, that published figures come from.
 */
import type { Graph, Value } from "../../graph/index.ts";

/** Attributes of ONNX's Resize. With `antialias` the kernel widens where images shrink. */
const ways = {
  /** PyTorch's interpolate without corners aligned, as in pytorch-fid: shrinking skips pixels. */
  bilinear: { mode: "linear", coordinate_transformation_mode: "half_pixel" },
  /** TensorFlow 1's resize_bilinear, as in torch-fidelity and the first FID and FVD: no half pixel, skips pixels. */
  "bilinear-tf1": { mode: "linear", coordinate_transformation_mode: "asymmetric" },
  /** Pillow's bilinear on float32. */
  "bilinear-antialiased": {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
    antialias: 1,
    exclude_outside: 1,
  },
  /** Pillow's bicubic on float32, as in clean-fid. Values may leave the range of the pixels a little. */
  "bicubic-antialiased": {
    mode: "cubic",
    coordinate_transformation_mode: "half_pixel",
    antialias: 1,
    exclude_outside: 1,
    cubic_coeff_a: { float: -0.5 },
  },
} as const;

export type Resampling = keyof typeof ways;
export const resamplings = Object.keys(ways) as Resampling[];

/** Planes [N, C, H, W] at another size: [N, C, height, width], not rounded. */
export function resample(x: Value, [height, width]: readonly [number, number], way: Resampling): Value {
  const graph: Graph = x.graph;
  const shape = [x.dim(0), x.dim(1), height, width];
  const inputs = [x, null, null, graph.integers([height, width])];
  return graph.emit("Resize", inputs, [{ dtype: x.dtype, shape }], { ...ways[way], axes: [2, 3] })[0]!;
}
