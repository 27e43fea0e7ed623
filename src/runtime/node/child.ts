/** What is tried in a process of its own, so that a crash is told instead of taking this process along. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * What `body` returns in a fresh Node process. It is the body of a function `async (load) => ...` in plain JavaScript, so
 * that a bare `node -e` runs it from sources and from a build alike; `load` is `require` from here.
 *
 * @throws with its error, or with how the process ended
 */
export async function inChild<Result = string>(body: string): Promise<Result> {
  const script = `
    const load = require("node:module").createRequire(${JSON.stringify(import.meta.url)});
    (async () => { ${body} })().then(
      (found) => console.log(JSON.stringify({ found })),
      (error) => console.log(JSON.stringify({ reason: error.message })),
    );`;
  try {
    const { stdout } = await run(process.execPath, ["-e", script], { timeout: 30_000 });
    const { found, reason } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    if (reason !== undefined) throw new Error(reason);
    return found;
  } catch (error) {
    const { signal, code } = error as { signal?: string; code?: unknown };
    if (signal) throw new Error(`a process trying it ended with ${signal}`);
    if (typeof code === "number") throw new Error(`a process trying it ended with exit code ${code}`);
    throw error;
  }
}
