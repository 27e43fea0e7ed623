/** The house of the code: which room may import which, and what a browser reaches, read from the import statements. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Every room of src/ with all the rooms it imports. A room stands below those it imports, so reading down never meets a
 * name for the first time; rooms never run in a circle. `type` marks rooms whose types alone are imported.
 */
const rooms: Record<string, string> = {
  core: "",
  graph: "core",
  runtime: "core",
  weights: "core",
  charts: "",
  data: "core",
  decoding: "core",
  planning: "core decoding",
  models: "core graph runtime, type decoding",
  training: "core graph weights data decoding models, type runtime",
  pipelines: "core runtime weights data decoding planning models",
  runs: "core runtime weights charts data models training pipelines",
  evaluation: "core graph runtime weights charts data decoding planning models training pipelines runs",
};

/** The rooms that a page may use; of data/ the files that hold no reader. Their node/ folders are Node's alone. */
const portableRooms = "core graph runtime weights charts decoding planning models pipelines".split(" ");
const portableData = /^src\/data\/(drawn\/|(source|completion|views|tokens|choices|image\/png-text)\.ts$)/;

/** What the command line, the examples, a server or a page may reach of src/, and what package.json exports. */
const entries = ["src/index.ts", "src/train.ts", "src/evaluate.ts", "src/browser.ts"];

/** What Node has and a browser has not, as a module or as a name that is simply there. */
const nodeModules = /^(node:|sharp$|onnxruntime-node$)/;
const nodeGlobals = /\bprocess\.\w|\bBuffer\.\w|\b__dirname\b|\bcreateRequire\b/;

interface Import {
  readonly from: string;
  /** A file of the project, or the name of a package. */
  readonly to: string;
  readonly isType: boolean;
}

const root = new URL("..", import.meta.url).pathname;
const folders = ["src", "fleet", "cli", "bench", "examples", "server", "studio"].filter((folder) =>
  existsSync(join(root, folder)),
);
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /(?<!\.d)\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

function importsOf(file: string): Import[] {
  const text = textOf(file);
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(?:(type\s[^;]*?|[^;]*?)\sfrom\s+)?"([^"]+)"/gm),
    ...text.matchAll(/(\b)import\(\s*"([^"]+)"/g),
  ];
  return found.map(([, what = "", path]) => {
    const names = /^\{([^}]*)\}$/.exec(what.trim())?.[1]?.split(",") ?? [];
    const named = names.map((name) => name.trim()).filter(Boolean);
    const isType =
      what.startsWith("type ") || (named.length > 0 && named.every((name) => name.startsWith("type ")));
    return { from: file, to: path!.startsWith(".") ? join(dirname(file), path!) : path!, isType };
  });
}

const allImports = files.flatMap(importsOf);
/** Those of files of the project. */
const imports = allImports.filter(({ to }) => /\.tsx?$/.test(to) || to.endsWith(".json"));
/** `core` of src/core/errors.ts, `src/index.ts` of itself, `cli` of cli/main.ts. */
const roomOf = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? file.replace(/\/.*/, "");
const isOf = (folder: string) => (file: string) => file.startsWith(`${folder}/`);
const isNodeSide = (file: string): boolean => file.includes("/node/");

/** All that `file` imports, directly or not, types included, with the path by which it is reached. */
function closureOf(file: string): Map<string, string> {
  const reached = new Map([[file, file]]);
  for (const [at, path] of reached) {
    for (const { from, to } of allImports) {
      if (from === at && !reached.has(to)) reached.set(to, `${path} -> ${to}`);
    }
  }
  return reached;
}

/** The paths by which `file` reaches Node. */
const waysToNode = (file: string): string[] =>
  [...closureOf(file)].filter(([to]) => nodeModules.test(to) || isNodeSide(to)).map(([, path]) => path);

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

  it("from outside reach src through its entries, the benches excepted; src reaches nobody outside", () => {
    const outside = imports.filter(({ from, to }) => !isOf("src")(from) && isOf("src")(to));
    expect(outside.filter(({ from, to }) => !isOf("bench")(from) && !entries.includes(to))).toEqual([]);
    expect(imports.filter(({ from, to }) => isOf("src")(from) && !isOf("src")(to))).toEqual([]);
  });

  it("of the fleet reach src and nobody else; the command line and the benches reach the fleet", () => {
    const own = imports.filter(({ from }) => isOf("fleet")(from));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter(({ to }) => !isOf("fleet")(to) && !isOf("src")(to))).toEqual([]);
    const users = imports.filter(({ from, to }) => !isOf("fleet")(from) && isOf("fleet")(to));
    expect(users.filter(({ from }) => !/^(cli|bench|server)\//.test(from))).toEqual([]);
  });

  it("of packages that only a queue or a bucket needs wait until one is asked for", () => {
    const heavy = /^import (?!type )[^;]*?from "(bullmq|ioredis|@aws-sdk\/[^"]*)"/m;
    expect(heavy.test('import { Queue } from "bullmq"')).toBe(true);
    expect(files.filter((file) => heavy.test(textOf(file)))).toEqual([]);
  });

  it("between the outer folders go one way: the command serve uses the server, which knows no command line", () => {
    const across = imports.filter(({ from, to }) => isOf("server")(to) && !isOf("server")(from));
    expect(across.filter(({ from }) => !isOf("bench")(from)).map(({ from }) => from)).toEqual([
      "cli/commands/serve.ts",
    ]);
    expect(
      imports.filter(({ from, to }) => isOf("server")(from) && !isOf("server")(to) && !isOf("src")(to)),
    ).toEqual([]);
  });

  it("part the studio's page from its server: they share the list of trainings, and the command alone starts it", () => {
    const isServer = isOf("studio/serve");
    const isPage = (file: string) => isOf("studio")(file) && !isServer(file) && !file.endsWith(".config.ts");
    const across = imports.filter(({ from, to }) => isServer(to) && !isServer(from));
    expect(across.map(({ from }) => from)).toEqual(["cli/commands/studio.ts"]);
    const shared = imports.filter(({ from, to }) => isServer(from) && isPage(to)).map(({ to }) => to);
    expect([...new Set(shared)]).toEqual(["studio/run-list.ts"]);
    expect(allImports.filter(({ from, to }) => isPage(from) && nodeModules.test(to))).toEqual([]);
  });

  it("entries are what the package exports", () => {
    const { exports } = JSON.parse(textOf("package.json"));
    const built = Object.values(exports as Record<string, { default: string }>).map(
      ({ default: path }) => path,
    );
    expect(built).toEqual(entries.map((entry) => `./dist/${entry.replace(/ts$/, "js")}`));
  });
});

describe("state", () => {
  it("is no module's, but for the turn that programs wait for at the process's cores", () => {
    const owners = files.filter((file) => isOf("src")(file) && /^(export )?let /m.test(textOf(file)));
    expect(owners).toEqual(["src/data/video/ffmpeg.ts"]);
  });
});

describe("the platform", () => {
  it("is reached by nothing that a page imports", () => {
    expect(waysToNode("src/browser.ts")).toEqual([]);
    const text = [...closureOf("src/browser.ts").keys()].filter(isOf("src"));
    expect(text.length).toBeGreaterThan(50);
    expect(text.filter((file) => nodeGlobals.test(textOf(file)))).toEqual([]);
  });

  it("is reached by no file of the portable rooms, but for those in node/", () => {
    const isPortable = (file: string) =>
      (portableRooms.includes(roomOf(file)) && file.startsWith("src/")) || portableData.test(file);
    const portable = files.filter((file) => isPortable(file) && !isNodeSide(file));
    expect(portable.length).toBeGreaterThan(80);
    expect(portable.flatMap(waysToNode)).toEqual([]);
    expect(portable.filter((file) => nodeGlobals.test(textOf(file)))).toEqual([]);
  });

  it("is asked for no environment variable below the command line", () => {
    expect(files.filter((file) => isOf("src")(file) && /process\.env/.test(textOf(file)))).toEqual([]);
  });

  it("has a command line of commands, options and output, and nothing else", () => {
    const elsewhere = files.filter((file) => /^cli\/(?!(commands|options|output)\/)/.test(file));
    const onTheMove = "cli/evaluation-run.ts"; // its logic goes to src/evaluation
    expect(elsewhere.filter((file) => file !== onTheMove)).toEqual(["cli/main.ts"]);
  });
});
