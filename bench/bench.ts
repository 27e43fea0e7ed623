/** What every bench shares. */
import type { Report } from "../cli/output/report.ts";
import type { Precision } from "../src/models/transformer/precision.ts";
import type { Device } from "../src/runtime/device.ts";

export interface BenchRequest {
  readonly say: Report["say"];
  /** Small and measured once: to see that it runs, not for figures. */
  readonly isQuick: boolean;
  /** `--size`, for benches that measure several. */
  readonly size?: string;
  /** `--axis`, for the bench that follows several. */
  readonly axis?: string;
  /** `--device`, for benches that compute where they are told. */
  readonly device?: Device;
  /** `--minutes`, for the bench that goes on for a while. */
  readonly minutes?: number;
  /** `--threads`, for the bench that is told how many to compute with. */
  readonly threads?: number;
  /** `--precision`, for the bench that decodes in several. */
  readonly precision?: Precision;
}

/** @returns the figures, the headline ones first */
export type Bench = (request: BenchRequest) => Promise<Record<string, unknown>>;

/** The middle of some measurements; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
