/** Which ONNX Runtime computes (Node). */
import { createRequire } from "node:module";

/** The version of the installed runtime: another one may be faster, or compute other digits. */
export function runtimeVersion(): string {
  return createRequire(import.meta.url)("onnxruntime-node/package.json").version;
}
