/** Readers of option values. What they refuse, commander reports with the option's name, and the exit status is 2. */
import { type Command, InvalidArgumentError } from "commander";

/** How the program is called, for examples that can be pasted as they stand. */
export const program = process.argv[1]?.endsWith(".ts") ? "npm run -s magnets --" : "magnets";

/** Adds a runnable example to a command's help, and `--json`, which every command has. */
export function finishCommand(command: Command, ...examples: readonly string[]): Command {
  const lines = examples.map((example) => `  ${program} ${example}`);
  return command
    .option(
      "--json",
      "the last line on standard output is one JSON object; words for people go to standard error",
    )
    .addHelpText("after", `\nExample${examples.length > 1 ? "s" : ""}:\n${lines.join("\n")}`);
}

/** A whole number of at least `least`, at most `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || !(value >= least && value <= most)) {
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `in ${least}..${most}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

/** A number of at least `least`; with `isAbove`, above it. */
export function decimalNumber(least: number, isAbove = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least || (isAbove && value === least)) {
      throw new InvalidArgumentError(`It must be a number ${isAbove ? "above" : "of at least"} ${least}.`);
    }
    return value;
  };
}

/** A number of bytes: 2GiB, 512MiB, 1.5GB, 4096. */
export function byteCount(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*$/i.exec(text);
  const power = match?.[2] ? "kmgt".indexOf(match[2].toLowerCase()) + 1 : 0;
  const bytes = match && Number(match[1]) * (match[3] ? 1024 : 1000) ** power;
  if (!bytes) throw new InvalidArgumentError("It must be a number of bytes above 0, e.g. 2GiB or 512MiB.");
  return bytes;
}

/** A time, in milliseconds: 400ms, 2s, 1.5s. */
export function duration(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*$/.exec(text);
  const milliseconds = match && Number(match[1]) * (match[2] === "s" ? 1000 : 1);
  if (!milliseconds) throw new InvalidArgumentError("It must be a time above 0, e.g. 400ms or 2s.");
  return milliseconds;
}

/** A seed: an integer in 0..2^64 - 1; above 2^53, where numbers are not exact, a bigint. */
export function seed(text: string): number | bigint {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 1n << 64n) {
    throw new InvalidArgumentError("It must be a whole number in 0..18446744073709551615.");
  }
  return BigInt(text) > 2n ** 53n ? BigInt(text) : Number(text);
}

/** Four numbers of pixels: left, top, width, height. */
export function box(text: string): { x: number; y: number; width: number; height: number } {
  const numbers = text.split(",").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  const [x, y, width, height] = numbers as [number, number, number, number];
  if (numbers.length !== 4 || numbers.some(Number.isNaN) || width === 0 || height === 0) {
    throw new InvalidArgumentError(
      "It must be x,y,width,height in whole pixels, width and height above 0, e.g. 16,16,32,32.",
    );
  }
  return { x, y, width, height };
}

/** Values between commas, each read by `read`. */
export const several =
  (read: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map(read);

/** Collects a repeatable option as it stands. */
export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
