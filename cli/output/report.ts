/** Where words and results go: with `--json`, standard output is kept for the result. */

export interface Report {
  /** A line for people. */
  say(line?: string): void;
  /** Whether images may be drawn into the terminal. */
  readonly isTerminal: boolean;
  /** The result; call it last. Prints one compact JSON object under `--json`, else nothing. */
  finish(result: Readonly<Record<string, unknown>>): void;
}

/** The report of one command. */
export function openReport({ json = false }: { json?: boolean }): Report {
  const stream = json ? process.stderr : process.stdout;
  return {
    say: (line = "") => void stream.write(`${line}\n`),
    isTerminal: stream.isTTY === true,
    finish: (result) => {
      if (json) process.stdout.write(`${toJson(result)}\n`);
    },
  };
}

/** JSON in which integers that JavaScript's numbers cannot hold are decimal strings. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? String(inner) : inner), indent);
}
