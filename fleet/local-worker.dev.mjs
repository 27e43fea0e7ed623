// The entry of a worker process when running from TypeScript sources.
import { register } from "tsx/esm/api";

register();
await import("./local-worker.ts");
