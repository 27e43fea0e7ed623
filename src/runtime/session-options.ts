/** What every session is opened with, whichever runtime module computes. */
import type { InferenceSession } from "onnxruntime-common";

/**
 * Memory patterns are off: they are blocks planned per input shape and kept beside the arena. A training step of
 * 1300 nodes took 640 MB with them and 160 MB without; a chain of 40 layers with every activation kept, fed three
 * shapes in turn, 250-270 against 95-130 MB. The speed is the same.
 *
 * SkipLayerNormFusion reads past the inputs of a LayerNormalization without bias and kills the process; where it works,
 * its kernel is several times slower than Add + LayerNormalization.
 */
export const sessionOptions = {
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableMemPattern: false,
  logSeverityLevel: 3, // errors
  extra: { optimization: { disable_specified_optimizers: "SkipLayerNormFusion" } },
} as const satisfies InferenceSession.SessionOptions;
