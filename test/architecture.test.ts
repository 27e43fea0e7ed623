/** The rooms of the code: who imports whom, read from the import statements themselves. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Every room of src/ with all the rooms it imports; a room stands below those it imports, so reading down never meets
 * a name for the first time on the right. `type` marks rooms whose types alone are imported.
 */
const rooms: Record<string, string> = {
  core: "",
  graph: "core",
  runtime: "core",
  weights: "core",
  charts: "",
  decoding: "core",
  data: "core",
  models: "core graph, type runtime decoding",
  training: "core graph weights decoding data models, type runtime",
  evaluation: "core graph runtime weights charts decoding data models training",
  pipelines: "core runtime weights charts decoding data models training",
};

/** What the command line and the examples may reach of src/, and what package.json exports. */
const entries = ["src/index.ts", "src/train.ts", "src/evaluate.ts"];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

const root = new URL("..", import.meta.url).pathname;
const files = ["src", "cli", "bench", "examples"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name)),
);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(?:(type\s[^;]*?|[^;]*?)\sfrom\s+)?"(\.[^"]+)"/gm),
    ...text.matchAll(/(\b)import\(\s*"(\.[^"]+)"/g),
  ];
  return found.map(([, what = "", path]) => {
    const names = /^\{([^}]*)\}$/.exec(what.trim())?.[1]?.split(",") ?? [];
    const named = names.map((name) => name.trim()).filter(Boolean);
    const isType =
      what.startsWith("type ") || (named.length > 0 && named.every((name) => name.startsWith("type ")));
    return { from: file, to: join(dirname(file), path!), isType };
  });
}

const imports = files.flatMap(importsOf);
/** `core` of src/core/errors.ts, `src/index.ts` of itself, `cli` of cli/main.ts. */
const roomOf = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? file.replace(/\/.*/, "");
const isOf = (folder: string) => (file: string) => file.startsWith(`${folder}/`);

describe("imports", () => {
  it("are found, and lead to files", () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(imports.filter(({ to }) => !files.includes(to) && !isOf("test")(to))).toEqual([]);
  });

  it("between rooms are those of the table", () => {
    const found: Record<string, string> = {};
    for (const room of Object.keys(rooms)) {
      const outward = imports.filter(({ from, to }) => roomOf(from) === room && roomOf(to) !== room);
      const reached = Object.keys(rooms).filter((other) => outward.some(({ to }) => roomOf(to) === other));
      const isType = (other: string) => outward.every(({ to, isType }) => roomOf(to) !== other || isType);
      const whole = reached.filter((other) => !isType(other)).join(" ");
      const types = reached.filter(isType).join(" ");
      found[room] = [whole, types && `type ${types}`].filter(Boolean).join(", ");
      expect(outward.filter(({ to }) => !reached.includes(roomOf(to)))).toEqual([]);
    }
    expect(found).toEqual(rooms);
  });

  it("go up the table only", () => {
    const order = Object.keys(rooms);
    for (const [room, imported] of Object.entries(rooms)) {
      const above = order.slice(0, order.indexOf(room));
      for (const name of imported.match(/\w+/g) ?? []) if (name !== "type") expect(above).toContain(name);
    }
    expect([...new Set(files.filter(isOf("src")).map(roomOf))].sort()).toEqual([...order, "src"].sort());
  });

  it("never run in a circle, types included", () => {
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (path.includes(file) || done.has(file)) return;
      for (const { from, to } of imports) if (from === file) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  it("of the command line and the examples reach src through its entries; src reaches nobody outside", () => {
    const outside = imports.filter(({ from, to }) => !isOf("src")(from) && isOf("src")(to));
    expect(outside.filter(({ from, to }) => !isOf("bench")(from) && !entries.includes(to))).toEqual([]);
    expect(imports.filter(({ from, to }) => isOf("src")(from) && !isOf("src")(to))).toEqual([]);
  });

  it("entries are what the package exports", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const built = Object.values(exports as Record<string, { default: string }>).map(
      ({ default: path }) => path,
    );
    expect(built).toEqual(entries.map((entry) => `./dist/${entry.replace(/ts$/, "js")}`));
  });
});
