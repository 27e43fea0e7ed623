// The worker's entry when running from TypeScript sources: in a worker, `--import tsx` has no effect.
import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
