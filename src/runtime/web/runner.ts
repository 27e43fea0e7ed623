/** The browser's adapter of {@link Runner}: an onnxruntime-web module that the caller passes in. */
import { InputError } from "../../core/errors.ts";
import { type Device, devicesIn } from "../device.ts";
import type { Runner } from "../runner.ts";
import { sessionOptions } from "../session-options.ts";
import { copyingPuts, createSessionStore } from "../session-store.ts";
import type { Ort } from "../tensor-home.ts";

/** Where and how a page's runner computes. */
export interface WebRunnerOptions {
  /**
   * The module, e.g. `await import("onnxruntime-web/wasm")` or `"onnxruntime-web/webgpu"` (which has both devices). Its
   * settings are the caller's and come before the first runner: `ort.env.wasm.wasmPaths` says where its `.wasm` files
   * are served, `ort.env.wasm.numThreads` how many threads it may use (more than one only where the page is
   * cross-origin isolated).
   */
  readonly ort: Ort;
  /** Where to compute; default "wasm". */
  readonly device?: Device;
}

/**
 * A runner over onnxruntime-web, in the thread that calls it: a run on "wasm" blocks that thread, so a page that must
 * stay live opens it in a Web Worker. Arrays given to it are copied by `put` and read in place by `run` (leave them
 * alone until the run settles); arrays it returns are the caller's. Keep one runner per module computing at a time: the
 * module cannot open or run two sessions at once.
 *
 * @throws {InputError} for a device that a browser does not have, or that is not there
 * @example
 * import * as ort from "onnxruntime-web/wasm";
 * ort.env.wasm.wasmPaths = "/ort/";
 * const runner = await createWebRunner({ ort });
 */
export async function createWebRunner({ ort, device = "wasm" }: WebRunnerOptions): Promise<Runner> {
  const here = devicesIn("web");
  if (!here.includes(device)) {
    throw new InputError(`runtime: device must be ${here.join(" or ")} in a browser, got "${device}"`);
  }
  return copyingPuts(await createSessionStore(ort, device, sessionOptions));
}
