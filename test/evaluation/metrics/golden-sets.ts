/** Golden values of metrics over sets, and sets to compare by brute force. */
import { readFileSync } from "node:fs";
import { tensor } from "../../../src/core/tensor.ts";
import type { FeatureSet } from "../../../src/evaluation/metrics/feature-set.ts";

interface Golden {
  kernel: { width: number; a: number[]; b: number[]; mmd2: number };
  inception: { classes: number; splits: number; logits: number[]; mean: number; deviation: number };
  neighbours: {
    width: number;
    real: number[];
    made: number[];
    precision: Record<string, number>;
    recall: Record<string, number>;
  };
}

/** By NumPy and SciPy: test/golden/make_set_metrics.py. */
export const golden = JSON.parse(
  readFileSync(new URL("../../golden/set_metrics.json", import.meta.url), "utf8"),
) as Golden;

/** Vectors [n, width]. */
export const featureSet = (values: ArrayLike<number>, width: number): FeatureSet =>
  tensor("float64", [values.length / width, width], Float64Array.from(values));

/** The rows of a set as plain arrays. */
export const rowsOf = ({ dims, data }: FeatureSet): number[][] =>
  Array.from({ length: dims[0]! }, (_, i) => Array.from(data.subarray(i * dims[1]!, (i + 1) * dims[1]!)));
