/** The session store over onnxruntime-node, with the settings that suit training and decoding. */
import * as ort from "onnxruntime-node";
import type { Device, Runner } from "../runner.ts";
import { createSessionStore } from "../session-store.ts";

/** What a thread needs to know to open its store. */
export interface NodeSetup {
  readonly device: Device;
  readonly threads: number;
  readonly allowSpinning: boolean;
  readonly profilePrefix?: string;
  readonly forbidFallback: boolean;
}

/**
 * A session store over onnxruntime-node in the calling thread.
 *
 * Memory patterns are off: they are blocks planned per input shape and kept beside the arena. A training step of
 * 1300 nodes took 640 MB with them and 160 MB without; a chain of 40 layers with every activation kept, fed three
 * shapes in turn, 250-270 against 95-130 MB. The speed is the same.
 */
export function openNodeStore({
  device,
  threads,
  allowSpinning,
  profilePrefix,
  forbidFallback,
}: NodeSetup): Promise<Runner> {
  ort.env.logLevel = "error";
  return createSessionStore(ort, device, {
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Values of `extra` must be strings.
    // A session's threads would go on spinning for a while after its run and keep the next session's from their core:
    // stalls of 4 ms, and a small decode of 130 ms that takes 56 without them.
    // SkipLayerNormFusion reads past the inputs of a LayerNormalization without bias and kills the process; where it
    // works, its kernel is several times slower than Add + LayerNormalization.
    extra: {
      session: {
        intra_op: { allow_spinning: allowSpinning ? "1" : "0" },
        force_spinning_stop: "1",
        disable_cpu_ep_fallback: forbidFallback && device === "webgpu" ? "1" : "0",
      },
      optimization: { disable_specified_optimizers: "SkipLayerNormFusion" },
    },
  });
}
