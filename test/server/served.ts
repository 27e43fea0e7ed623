/** A server in this process for tests, and what its images must be. */
import sharp from "sharp";
import { type RunningServer, type ServerOptions, startServer } from "../../server/index.ts";

export const sprites = "models/sprites";

/** Lines that a server logged, parsed. */
export type Log = Record<string, unknown>[];

export async function serve(
  options: Partial<ServerOptions> = {},
): Promise<{ server: RunningServer; log: Log; post: Post }> {
  const log: Log = [];
  const server = await startServer({
    ...{ models: [sprites], port: 0, threads: 1, log: (line) => log.push(JSON.parse(line)) },
    ...options,
  });
  const post: Post = (path, body, init = {}) =>
    fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...init.headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal: init.signal,
    });
  return { server, log, post };
}

export type Post = (
  path: string,
  body: unknown,
  init?: { headers?: Record<string, string>; signal?: AbortSignal },
) => Promise<Response>;

/** The pixels of an image file in Base64. */
export async function pixelsOf(b64: string): Promise<Buffer> {
  return sharp(Buffer.from(b64, "base64")).removeAlpha().raw().toBuffer();
}
