/** JSON files (Node): whole or not at all when written, with the place of the fault when read. */
import { readFile } from "node:fs/promises";
import { InputError, unlessRefused } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { fileError } from "../../core/node/file-error.ts";

/** What some editors begin a file in UTF-8 with. */
const byteOrderMark = /^\uFEFF/;

/**
 * The value in a JSON file.
 *
 * @throws InputError naming the file, and line and column where it is not JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  const whole = await readFile(path, "utf8").catch((error) => {
    throw fileError("cannot read", path, error);
  });
  const text = whole.replace(byteOrderMark, "");
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    const before = text.slice(0, faultPosition(text, message)).split("\n");
    const column = before[before.length - 1].length + 1;
    throw new InputError(
      `${path}:${before.length}:${column}: not valid JSON (${message}); correct it there or restore the file`,
      { cause: error },
    );
  }
}

/** The value in a JSON file; null where there is none, or it is not whole. */
export const readJsonIfWhole = (path: string): Promise<unknown> => unlessRefused(readJson(path));

/**
 * Writes a value as indented JSON ending in a newline.
 *
 * @throws InputError when the system refuses.
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The index of the character that `JSON.parse` stumbled over, given its message. */
function faultPosition(text: string, message: string): number {
  const told = /at position (\d+)/.exec(message);
  if (told) return Number(told[1]);
  if (!message.startsWith("Unexpected token")) return text.length; // it ended too early
  // V8 does not say where an unexpected token stands: it is the last character of the shortest prefix that has one.
  let clean = 0;
  let faulty = text.length;
  while (faulty - clean > 1) {
    const middle = (clean + faulty) >> 1;
    if (hasUnexpectedToken(text.slice(0, middle))) faulty = middle;
    else clean = middle;
  }
  return faulty - 1;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as SyntaxError).message.startsWith("Unexpected token");
  }
}
