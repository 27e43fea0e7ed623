/** The session store over onnxruntime-node, with the settings that suit training and decoding. */
import * as ort from "onnxruntime-node";
import type { Device } from "../device.ts";
import type { Runner } from "../runner.ts";
import { sessionOptions } from "../session-options.ts";
import { createSessionStore } from "../session-store.ts";

/** What a thread needs to know to open its store. */
export interface NodeSetup {
  readonly device: Device;
  readonly threads: number;
  readonly allowSpinning: boolean;
  readonly profilePrefix?: string;
  readonly forbidFallback: boolean;
}

/** A session store over onnxruntime-node in the calling thread. */
export function openNodeStore({
  device,
  threads,
  allowSpinning,
  profilePrefix,
  forbidFallback,
}: NodeSetup): Promise<Runner> {
  ort.env.logLevel = "error";
  return createSessionStore(ort, device, {
    ...sessionOptions,
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: {
      ...sessionOptions.extra,
      session: {
        // Values of `extra` must be strings. A session's threads would go on spinning for a while after its run and
        // keep the next session's from their core: stalls of 4 ms, and a small decode of 130 ms that takes 56 without
        // them.
        intra_op: { allow_spinning: allowSpinning ? "1" : "0" },
        force_spinning_stop: "1",
        disable_cpu_ep_fallback: forbidFallback && device !== "cpu" ? "1" : "0",
      },
    },
  });
}
