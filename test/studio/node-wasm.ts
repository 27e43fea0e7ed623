/** ONNX Runtime's WebAssembly in Node: the page's own arithmetic, without a page. */
import * as ort from "onnxruntime-web";
import { createWebRunner, type Runner } from "../../src/browser.ts";

/** A runner with one thread; what it computes does not depend on how many there are. */
export function wasmRunner(): Promise<Runner> {
  ort.env.wasm.numThreads = 1;
  return createWebRunner({ ort });
}
