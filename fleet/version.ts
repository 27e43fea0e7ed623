/** The version of this package: workers of a fleet must all have the same. */
import { readFileSync } from "node:fs";

/** `version` of package.json, which lies above the sources and above what is built of them. */
export const version: string = readVersion();

function readVersion(): string {
  const above = import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json";
  return JSON.parse(readFileSync(new URL(above, import.meta.url), "utf8")).version;
}
