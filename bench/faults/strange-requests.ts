/** Requests that no honest client sends, by a seed, and what a server answers to them. */
import { Agent, request } from "node:http";
import { encodeImage } from "../../src/index.ts";
import { choices, mutated } from "./mutations.ts";

export interface StrangeRequests {
  readonly port: number;
  readonly seed: number;
  readonly count: number;
  /** Requests under way at a time. */
  readonly together: number;
  readonly onAnswer?: (done: number) => void;
}

export interface Answers {
  /** How many had each status; "hung up": the connection ended without an answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Those that were not in form, the first twenty: a status above 499 or below 200, no JSON, no sentence, no answer. */
  readonly wrong: readonly string[];
  readonly slowestMs: number;
}

interface Strange {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** A server that says nothing for so long hangs. */
const longestMs = 60_000;

const generations = "/v1/images/generations";
const paths = [
  generations,
  "/v1/images/edits",
  "/v1/videos",
  "/v1/predictions",
  "/v1/models",
  "/v1/models/sprites",
  "/v1/models/..%2f..%2fetc%2fpasswd",
  "/v1/models/%00",
  "/v1/models/%ff%fe",
  "/../../etc/passwd",
  "/v1//images/generations",
  "/openapi.json?x=1",
  "/readyz",
  `/${"a".repeat(5000)}`,
  "//",
  "/%",
];
const odd: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e308,
    2 ** 53,
    "",
    " ",
    "cat",
    "all",
    "none",
    "\0",
    "../../x",
    "😀",
    "1e5",
  ],
  ...[
    [],
    {},
    [[]],
    { __proto__: null },
    ["cat"],
    { steps: 2 },
    { modelSchedule: "8x1" },
    { guidance: { scale: 1e9 } },
  ],
  ...["x".repeat(5000), "8x1,1x1", "18446744073709551615", "64x64", "1024x1024", "png", "webp", "gif", "url"],
];
const fields = [
  ...["prompt", "model", "n", "seed", "first_index", "steps", "budget", "deadline", "plan", "stream", "user"],
  ...[
    "size",
    "response_format",
    "output_format",
    "output_compression",
    "partial_images",
    "quality",
    "background",
  ],
  ...["task", "given", "frame_rate", "input_fidelity", "moderation", "stepz", "__proto__", "constructor", ""],
];

/**
 * Sends strange requests and looks at every answer.
 *
 * @throws when nobody listens at the port
 */
export async function sendStrangeRequests(options: StrangeRequests): Promise<Answers> {
  const { port, seed, count, together, onAnswer } = options;
  const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 7) % 256);
  const png = await encodeImage({ width: 16, height: 16, pixels });
  const agent = new Agent({ keepAlive: true, maxSockets: together });
  const statuses: Record<string, number> = {};
  const wrong: string[] = [];
  let [next, done, slowestMs] = [0, 0, 0];
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const strange = strangeRequest(choices(seed, index), png);
      const started = performance.now();
      const { status, type, text } = await send(strange, port, agent);
      slowestMs = Math.max(slowestMs, performance.now() - started);
      statuses[status] = (statuses[status] ?? 0) + 1;
      const complaint = whatIsWrong(status, type, text, strange);
      if (complaint && wrong.length < 20) wrong.push(`request ${index} of seed ${seed}: ${complaint}`);
      onAnswer?.(++done);
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  agent.destroy();
  return { statuses, wrong, slowestMs };
}

function strangeRequest(choose: (below: number) => number, png: Uint8Array): Strange {
  const pick = <T>(list: readonly T[]): T => list[choose(list.length)]!;
  const json = { "content-type": "application/json" };
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  /** A request that would be served, with one to three fields that are odd. */
  const oddFields = (): Record<string, unknown> => {
    const body: Record<string, unknown> = { prompt: "cat", plan: "8x1", seed: choose(100) };
    for (let i = 0; i <= choose(3); i++) {
      const value = pick(odd);
      // Many images, or all steps, would only take time.
      Object.defineProperty(body, pick(fields), {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return body;
  };
  switch (choose(8)) {
    case 0: // as it should be
      return {
        method: "POST",
        path: generations,
        headers: json,
        body: text(JSON.stringify({ prompt: "cat", plan: "8x1" })),
      };
    case 1:
    case 2:
      return {
        method: "POST",
        path: pick(paths.slice(0, 4)),
        headers: json,
        body: text(JSON.stringify(oddFields())),
      };
    case 3: // damaged JSON
      return {
        ...{ method: "POST", path: generations, headers: json },
        body: mutated(text(JSON.stringify({ ...oddFields(), plan: { modelSchedule: "8x1" } })), choose),
      };
    case 4: // another place, method or type
      return {
        method: pick(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
        path: pick(paths),
        headers: pick<Record<string, string>>([
          {},
          json,
          { "content-type": "text/plain" },
          { "content-type": "application/json; charset=utf-16" },
          { "content-type": "multipart/form-data" },
          { ...json, "content-encoding": "br" },
          { ...json, authorization: "Bearer x" },
          { ...json, "transfer-encoding": "chunked" },
          { ...json, expect: "100-continue" },
          { ...json, range: "bytes=0-1", "x-forwarded-for": "::1", cookie: "a=b" },
        ]),
        body: text(pick(["", "{}", '{"prompt":"cat","plan":"8x1"}', "null", "\u0000"])),
      };
    case 5: // nested or very long
      return {
        ...{ method: "POST", path: generations, headers: json },
        body: text(
          pick([
            `{"prompt":"cat","plan":${"[".repeat(choose(20_000))}`,
            `{"prompt":"cat","plan":${'{"guidance":'.repeat(choose(2000))}1${"}".repeat(choose(2000))}}`,
            `{"prompt":${JSON.stringify("\u202e".repeat(choose(3000)))}}`,
            JSON.stringify(Object.fromEntries(Array.from({ length: choose(3000) }, (_, i) => [`f${i}`, i]))),
            `{"prompt":"cat","user":"${"u".repeat(choose(300_000))}"}`,
          ]),
        ),
      };
    default: {
      // a form, its image or the whole of it damaged
      const boundary = "----strange";
      const isWhole = choose(2) === 0;
      const image = choose(2) === 0 ? png : mutated(new Uint8Array(png), choose);
      const form = Buffer.concat([
        ...Object.entries({ ...oddFields(), n: 1 })
          .filter(([name]) => !/["\r\n]/.test(name))
          .map(([name, value]) =>
            text(
              `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n` +
                `${typeof value === "string" ? value : JSON.stringify(value)}\r\n`,
            ),
          ),
        ...["image", "mask"].flatMap((name) => [
          text(
            `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="../${name}.png"\r\n` +
              "content-type: image/png\r\n\r\n",
          ),
          image,
          text("\r\n"),
        ]),
        text(`--${boundary}--\r\n`),
      ]);
      return {
        ...{ method: "POST", path: pick(["/v1/images/edits", "/v1/images/edits", "/v1/predictions"]) },
        headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
        body: isWhole ? form : mutated(new Uint8Array(form), choose),
      };
    }
  }
}

interface Answer {
  readonly status: string;
  readonly type: string;
  readonly text: string;
}

function send({ method, path, headers, body }: Strange, port: number, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const end = (status: string) => resolve({ status, type: "", text: "" });
    let sent: ReturnType<typeof request>;
    const length = headers["transfer-encoding"] ? {} : { "content-length": String(body.length) };
    try {
      sent = request({
        ...{ port, host: "127.0.0.1", method, path, agent },
        headers: { ...headers, ...length },
      });
    } catch {
      return end("cannot be sent");
    }
    sent.setTimeout(longestMs, () => {
      end("no answer");
      sent.destroy();
    });
    sent.on("error", () => end("hung up"));
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("error", () => end("hung up"));
      response.on("end", () =>
        resolve({ status: String(response.statusCode), type: response.headers["content-type"] ?? "", text }),
      );
    });
    sent.end(body);
  });
}

/** What an answer should not be; null where it is in form. */
function whatIsWrong(status: string, type: string, text: string, strange: Strange): string | null {
  const shown = `${strange.method} ${strange.path.slice(0, 60)} ${Buffer.from(strange.body).toString("latin1").slice(0, 200)}`;
  const code = Number(status);
  // A body that is too large is refused before it is read, which may end the connection under what is still sent.
  if (status === "hung up" && strange.body.length > 2 ** 16) return null;
  if (status === "cannot be sent") return null;
  if (!(code >= 200 && code < 500)) return `${status}: ${text.slice(0, 200)} to ${shown}`;
  if (strange.method === "HEAD" || code < 400) {
    return type.startsWith("text/event-stream") && !/event: [a-z_]+\.completed|event: error/.test(text)
      ? `a stream without an end to ${shown}`
      : null;
  }
  if (!type.startsWith("application/json")) return `${status} as "${type}" to ${shown}`;
  try {
    const { error } = JSON.parse(text) as { error: { message: string } };
    return error.message.length > 0 && error.message.length < 5000 && !error.message.includes("\n")
      ? null
      : `${status} in no sentence, ${JSON.stringify(error.message.slice(0, 300))}, to ${shown}`;
  } catch {
    return `${status} without an error in form, ${text.slice(0, 200)}, to ${shown}`;
  }
}
