/** Refusals and failures as clients read them: a status, and JSON in the form that OpenAI's clients know. */
import { InputError } from "../src/index.ts";

/** A refusal that is no mistake of the server's. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly status: number;
  /** A short name that programs can compare. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The field that is to blame. */
  readonly param: string | null;

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    param: string | null = null,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.param = param;
  }
}

/** Nobody waits for the answer any more. */
export class ClientGone extends Error {
  override name = "ClientGone";
}

/** No room now; worth another try in a while. */
export const tooBusy = (message: string, retryAfterSeconds: number): HttpError =>
  new HttpError(429, "queue_full", message, {
    "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))),
  });

/** The server is not ready yet. */
export const starting = (): HttpError =>
  new HttpError(503, "starting", "this server is starting and takes no requests yet; try again soon", {
    "retry-after": "1",
  });

/** The server ends, and was asked too late. */
export const stopping = (): HttpError =>
  new HttpError(503, "stopping", "this server is stopping and takes no new requests; try again later", {
    "retry-after": "5",
    connection: "close",
  });

/** The server ends, and does not wait any longer for what it had accepted. */
export const stopped = (): HttpError =>
  new HttpError(
    503,
    "stopped",
    "this request was accepted, but the server stopped before it was done; send it again",
    { "retry-after": "5", connection: "close" },
  );

const types: Record<number, string> = {
  401: "authentication_error",
  429: "rate_limit_error",
  500: "server_error",
  503: "server_error",
};

/** What went wrong, as it is answered. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error: {
      readonly message: string;
      readonly type: string;
      readonly param: string | null;
      readonly code: string;
    };
  };
}

/** An error as an answer. What is neither a refusal nor wrong input is told by nothing but "failed": it may hold anything. */
export function problemOf(error: unknown): Problem {
  const { status, code, headers, message, param } = refusalOf(error);
  // Of several things that are wrong, the first: one sentence.
  const [sentence = ""] = message.split("\n");
  const type = types[status] ?? "invalid_request_error";
  return { status, headers, body: { error: { message: sentence, type, param, code } } };
}

function refusalOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof InputError) {
    const { message } = error;
    const [, field, unknown] =
      /^body: (?:([\w.[\]]+):|must have no other keys than .*, got "([^"]*)")/.exec(message) ?? [];
    const param = field ?? unknown ?? null;
    return new HttpError(400, "invalid_value", message, {}, param);
  }
  return new HttpError(500, "model_failed", "the model failed on this request; the server's log says why");
}
