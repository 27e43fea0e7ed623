/**
 * The reader of training configurations. A value comes from, in rising precedence, the schema's default (config.ts), the
 * configuration file, the file's `quick:` block (when asked for), and `--set key=value`. Files are YAML (JSON is YAML
 * too); nothing in them is ever executed.
 */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { InputError } from "../core/errors.ts";
import { isBlock } from "../core/node/differences.ts";
import { fileError } from "../core/node/file-error.ts";
import { invalidValue, type Path } from "../core/validate.ts";
import { parseConfig, type TrainConfig } from "./config.ts";

/** What changes a configuration file's values when it is read. */
export interface ConfigOptions {
  /** `a.b=value` each; the value is YAML, so numbers, lists and null are what they look like. Later ones win. */
  readonly set?: readonly string[];
  /** Apply the file's `quick:` block. */
  readonly quick?: boolean;
}

/** A value that `--set` changed. */
export interface Override {
  readonly key: string;
  readonly value: unknown;
  /** What the file said; undefined: the default stood. */
  readonly before: unknown;
}

/** A configuration, and what was changed in the file's. */
export interface LoadedConfig {
  readonly config: TrainConfig;
  readonly overrides: readonly Override[];
}

/** A block of a configuration, unchecked. */
export type Raw = Readonly<Record<string, unknown>>;

/**
 * Reads a configuration file.
 *
 * @throws InputError when the file cannot be read, is not YAML, or a value in it is not allowed
 */
export async function loadConfig(path: string, options: ConfigOptions = {}): Promise<LoadedConfig> {
  return resolveConfig(await readConfigFile(path), path, options);
}

/**
 * What a configuration file holds, unchecked.
 *
 * @throws InputError when the file cannot be read or is not YAML
 */
export async function readConfigFile(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("cannot read the configuration", path, error);
  });
  return parseYaml(text, path);
}

/**
 * A whole configuration from a part of one.
 *
 * A block with a `kind` is replaced, not merged, when the kind changes: the fields of one kind mean nothing to another.
 *
 * @param raw   parsed YAML or JSON; not trusted
 * @param file  where it came from, for messages
 * @throws InputError naming the file (or `--set`), the key, what it must be and what came; for an unknown key also
 *   the nearest known one
 */
export function resolveConfig(raw: unknown, file: string, options: ConfigOptions = {}): LoadedConfig {
  if (!isBlock(raw)) throw invalidValue(file, [], 'must hold keys and values, e.g. "name: sprites"', raw);
  const { quick, ...base } = raw;
  if (quick !== undefined && !isBlock(quick)) {
    throw invalidValue(file, ["quick"], "must hold the keys that --quick changes", quick);
  }
  if (options.quick && !quick) throw invalidValue(file, ["quick"], "must be there for --quick", quick);
  // Also without --quick: a mistake in the block should not wait for the day it is used.
  const quickBase = quick && merge(base, quick);
  if (quickBase)
    parseConfig(withTokenizerSize(quickBase), (path) => (has(quick, path) ? `${file}, quick` : file));

  const given = options.quick && quickBase ? quickBase : base;
  const settings = (options.set ?? []).map(parseSetting);
  const all = settings.reduce<Raw>((block, { path, value }) => put(block, path, value), given);
  const config = parseConfig(withTokenizerSize(all), (path) =>
    settings.some((setting) => setting.path.every((key, i) => i >= path.length || key === String(path[i])))
      ? "--set"
      : file,
  );
  return {
    config,
    overrides: settings.map(({ path, value }) => ({ key: path.join("."), value, before: get(given, path) })),
  };
}

/** The images and the tokenizer have one size: where only the images' is given, the tokenizer's follows. */
function withTokenizerSize(raw: Raw): Raw {
  const canHold = (path: string[]) => get(raw, path) === undefined || isBlock(get(raw, path));
  if (!canHold(["tokenizer"]) || !canHold(["tokenizer", "model"])) return raw; // refused by the schema
  return ["resolution", "frames"].reduce((block, key) => {
    const size = get(raw, ["data", key]);
    const place = ["tokenizer", "model", key];
    return size !== undefined && !has(raw, place) ? put(block, place, size) : block;
  }, raw);
}

function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new InputError(`${where}: not valid YAML: ${error.message.split("\n")[0]}`);
  try {
    return document.toJS();
  } catch (reason) {
    throw new InputError(`${where}: not valid YAML: ${(reason as Error).message}`); // e.g. too many aliases
  }
}

function parseSetting(text: string): { path: string[]; value: unknown } {
  const at = text.indexOf("=");
  const path = text.slice(0, at).split(".");
  if (at <= 0 || path.some((key) => key.length === 0)) {
    const must =
      "must be key=value with dots between the parts of the key, e.g. transformer.training.steps=100";
    throw invalidValue("--set", [], must, text);
  }
  return { path, value: parseYaml(text.slice(at + 1), `--set ${path.join(".")}`) };
}

/** `over` laid over `base`, block by block. */
export function merge(base: Raw, over: Raw): Raw {
  if (over.kind !== undefined && base.kind !== undefined && over.kind !== base.kind) return over;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key);
    merged.set(key, isBlock(below) && isBlock(value) ? merge(below, value) : value);
  }
  return Object.fromEntries(merged);
}

const put = (block: Raw, path: readonly string[], value: unknown): Raw =>
  merge(block, path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value) as Raw);

function get(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Raw)[String(key)]
        : undefined,
    value,
  );
}

const has = (block: Raw, path: Path): boolean => get(block, path) !== undefined;
