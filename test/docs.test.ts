/** The documents: links lead to files, commands have the options that the CLI knows, words are the glossary's. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Command } from "commander";
import { beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** Files below a folder whose names end so. */
const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const cards = filesOf("models", "README.md");
const pages = ["README.md", "CHANGELOG.md", ...filesOf("docs", ".md"), ...cards];
/** Pages that say what was, in the words and by the options of their day. */
const isHistory = (file: string): boolean => file.startsWith("docs/log/") || file === "CHANGELOG.md";
const current = pages.filter((file) => !isHistory(file));

describe("links", () => {
  it.each(pages)("of %s lead to files, and to headings where they name one", (file) => {
    const broken = linksOf(read(file)).filter((link) => !leadsSomewhere(file, link));
    expect(broken).toEqual([]);
  });

  it("of the README reach every page of docs/", () => {
    const seen = new Set<string>();
    const follow = (file: string): void => {
      if (seen.has(file) || !file.endsWith(".md")) return;
      seen.add(file);
      for (const link of linksOf(read(file))) follow(targetOf(file, link));
    };
    follow("README.md");
    expect(pages.filter((file) => file.startsWith("docs/") && !seen.has(file))).toEqual([]);
  });

  it.each(current)("and paths of our code in %s exist", (file) => {
    const paths = [...read(file).matchAll(/`((?:src|cli|test|bench|configs|examples|models)\/[\w./-]+)`/g)];
    expect(paths.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

/** Targets of links and images, those of other sites left out. */
function linksOf(markdown: string): string[] {
  const targets = [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

const withoutCode = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```/gm, "");
const targetOf = (file: string, link: string): string =>
  relative(root, resolve(root, dirname(file), link.replace(/#.*/, "") || join(root, file)));

function leadsSomewhere(file: string, link: string): boolean {
  const target = targetOf(file, link);
  const anchor = /#(.*)/.exec(link)?.[1];
  return existsSync(join(root, target)) && (!anchor || headingsOf(read(target)).includes(anchor));
}

/** Anchors of the headings, as GitHub makes them. */
const headingsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .trim()
      .replaceAll(/\s/g, "-"),
  );

describe("the README", () => {
  it("has at most 1,200 words", () => {
    const words = read("README.md")
      .split(/\s+/)
      .filter((word) => /[A-Za-z0-9]/.test(word));
    expect(words.length).toBeLessThanOrEqual(1200);
  });
});

describe("commands in the documents", () => {
  const used = current.flatMap((file) => commandsIn(read(file)).map((command) => ({ file, ...command })));
  let program: Command;
  beforeAll(async () => {
    program = await commandLine();
  });

  it("are found", () => {
    expect(used.length).toBeGreaterThan(40);
    expect(new Set(used.map(({ name }) => name)).size).toBeGreaterThanOrEqual(13);
  });

  it("have only options that the command line knows", () => {
    const unknown = used.flatMap(({ file, name, options }) => {
      const known = optionsOf(program, name);
      if (!known) return [`${file}: no command ${name}`];
      return options
        .filter((option) => !known.includes(option))
        .map((option) => `${file}: ${name} ${option}`);
    });
    expect(unknown).toEqual([]);
  });

  it("have all a place in docs/cli.md, with every option", () => {
    const page = read("docs/cli.md");
    const names = program.commands.flatMap((command) => [
      ...(command.options.length > 0 ? [command.name()] : []),
      ...command.commands.map((sub) => `${command.name()} ${sub.name()}`),
    ]);
    const options = new Set(names.flatMap((name) => optionsOf(program, name) ?? []));
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
    expect([...options].filter((option) => !page.includes(`\`${option}`))).toEqual([]);
  });
});

interface UsedCommand {
  /** "sample", "data preview", "study distillation". */
  readonly name: string;
  readonly options: readonly string[];
}

/** The `magnets ...` commands in code: blocks, and pieces of a line between backquotes. */
function commandsIn(markdown: string): UsedCommand[] {
  const blocks = [...markdown.matchAll(/^```(?:bash)?\n([\s\S]*?)^```/gm)].flatMap(([, text]) =>
    text!.split("\n"),
  );
  const inline = [...withoutCode(markdown).matchAll(/`(magnets [^`]+)`/g)].map(([, text]) => text!);
  const indented = [...markdown.matchAll(/^ {4}(magnets .*)$/gm)].map(([, text]) => text!);
  return [...blocks, ...inline, ...indented].flatMap((line) => {
    const command = /(?:^|\s)magnets (?:-- )?([a-z].*)/.exec(line.replace(/\s#.*/, ""))?.[1];
    if (!command || /npm install/.test(line)) return [];
    const words = command.split(/\s+/);
    const name = ["data preview", "study distillation"].find((two) => command.startsWith(two)) ?? words[0]!;
    return [
      { name, options: words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/=.*/, "")) },
    ];
  });
}

/** The program that cli/main.ts makes, from the commands that it imports, without running it. */
async function commandLine(): Promise<Command> {
  const program = new Command("magnets").version("0");
  const imports = read("cli/main.ts").matchAll(/^import \{ ([^}]+) \} from "(\.\/commands\/[^"]+)"/gm);
  for (const [, names, path] of imports) {
    const module = await import(join(root, "cli", path!));
    for (const name of names!.split(", ")) module[name](program, new AbortController().signal);
  }
  return program;
}

/** The long options of "sample", "data preview", "study distillation"; null for a command that is not there. */
function optionsOf(program: Command, name: string): string[] | null {
  const command = name
    .split(" ")
    .reduce<Command | undefined>(
      (parent, word) => parent?.commands.find((one) => one.name() === word),
      program,
    );
  return command ? [...command.options.flatMap(({ long }) => long ?? []), "--help"] : null;
}

describe("code in the documents", () => {
  const entries = {
    magnets: "index",
    "magnets/train": "train",
    "magnets/evaluate": "evaluate",
    "magnets/browser": "browser",
  };
  const names = current.flatMap((file) =>
    [...read(file).matchAll(/^import \{([^}]+)\} from "(magnets[\w/]*)"/gm)].flatMap(([, list, entry]) =>
      list!
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean)
        .map((name) => ({ file, name, entry: entry! })),
    ),
  );

  it("imports what the entries export", () => {
    expect(names.length).toBeGreaterThan(5);
    const absent = names.filter(({ name, entry }) => {
      const module = entries[entry as keyof typeof entries];
      return !module || !new RegExp(`\\b${name}\\b`).test(read(`src/${module}.ts`));
    });
    expect(absent).toEqual([]);
  });
});

describe("words", () => {
  /** Words of an earlier day, with what is said instead (docs/glossary.md). */
  const instead: readonly [RegExp, string][] = [
    [/\b(?:moving )?pictures?\b/i, "image, video"],
    [/\bclips?\b/i, "video"],
    [/\bflat(?: full-size)? decodes?\b/i, "baseline decode"],
    [/\bjudges?\b/i, "classifier"],
    [/\bverdicts?\b/i, "comparison"],
    [/(?<!Pareto |in |to the |pareto-)\bfronts?\b(?! of)/i, "Pareto front"],
    [/\bunless told\b/i, "default"],
    [/\bremembered\b/i, "cached"],
    [/\banew\b/i, "again"],
    [/\bold keys\b/i, "stale entries"],
    [/\bpace\b/i, "frame rate; latency model"],
  ];
  const texts = [...current, ...filesOf("configs", ".yaml"), ...filesOf("examples", ".ts")].map(
    (file) => [file, read(file)] as const,
  );

  it.each(texts)("of %s are those of the glossary", (file, text) => {
    expect(oldWordsIn(file, text, instead)).toEqual([]);
  });

  it("of the command line are, too", () => {
    const found = filesOf("cli", ".ts").flatMap((file) =>
      textsIn(read(file)).flatMap((text) => oldWordsIn(file, text, instead)),
    );
    expect(found).toEqual([]);
  });
});

/** Strings of more than one word in a program, comments and what is put into templates left out. */
function textsIn(program: string): string[] {
  const code = program.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const strings = [...code.matchAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g)].map(
    ([text]) => text,
  );
  return strings.filter((text) => text.includes(" ")).map((text) => text.replaceAll(/\$\{[^}]*\}/g, ""));
}

function oldWordsIn(file: string, text: string, instead: readonly [RegExp, string][]): string[] {
  return text
    .split("\n")
    .flatMap((line) =>
      instead
        .filter(([word]) => word.test(line))
        .map(
          ([word, better]) =>
            `${file}: "${word.exec(line)![0]}", say ${better}: ${line.trim().slice(0, 100)}`,
        ),
    );
}
