/** What the entries export: each value for a use that is shown, so that the public surface stays small. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), "utf8");
const filesOf = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.startsWith("api"))
    .map((name) => join(folder, name));

/** `magnets/train` is src/train.ts. */
const entries = Object.values<{ default: string }>(JSON.parse(read("package.json")).exports).map(
  ({ default: built }) => built.replace("./dist/", "").replace(/\.js$/, ".ts"),
);
const uses = [
  "README.md",
  ...filesOf("docs", ".md"),
  ...["examples", "server", "cli", "fleet", "studio"].flatMap((folder) => [
    ...filesOf(folder, ".ts"),
    ...filesOf(folder, ".tsx"),
  ]),
]
  .map(read)
  .join("\n");

/** The functions and constants of an entry; its types follow from theirs. */
function valuesOf(entry: string): string[] {
  const lists = [...read(entry).matchAll(/^export \{([^}]*)\}/gm)].map(([, names]) => names!.split(","));
  return lists
    .flat()
    .map((name) => name.trim().replace(/.* as /, ""))
    .filter((name) => name && !name.startsWith("type "));
}

describe("every value that an entry exports", () => {
  it.each(entries)(
    "%s is used by a command, the server, the fleet, the studio, an example or a document",
    (entry) => {
      const values = valuesOf(entry);
      expect(values.length).toBeGreaterThan(3);
      expect(values.filter((name) => !new RegExp(`\\b${name}\\b`).test(uses))).toEqual([]);
    },
  );
});
