/** Bodies of requests: JSON, or a form with files, each of the content type and size that it must have. */
import { InputError, parseInput } from "../src/index.ts";
import { HttpError } from "./http-error.ts";
import type { Operation } from "./operations.ts";

export interface BodyLimits {
  /** Bytes of a JSON body. */
  readonly json: number;
  /** Bytes of a form with its files. */
  readonly form: number;
}

/** A body that was read. */
export interface Body {
  /** By the operation's schema. */
  readonly fields: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly bytes: number;
}

/**
 * No honest request is nested deeper or has more fields: what walks values does so by recursion, and every unknown field is
 * held against all known ones.
 */
const deepest = 16;
const mostFields = 500;

/**
 * Reads the body that an operation asks for.
 *
 * @throws HttpError 415 for another content type, 413 for one that is too large; InputError for what is no JSON or form
 *   and what the schema refuses
 */
export async function readBody(request: Request, operation: Operation, limits: BodyLimits): Promise<Body> {
  const schema = operation.body!;
  const wanted = operation.files ? "multipart/form-data" : "application/json";
  const given = request.headers.get("content-type") ?? "";
  const [type, ...parameters] = given.split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice(8);
  const isUtf8 = charset === undefined || /^"?utf-?8"?$/.test(charset);
  if (type !== wanted || !isUtf8) {
    throw new HttpError(
      415,
      "unsupported_media_type",
      `the content type must be ${wanted}, in UTF-8, got ${JSON.stringify(given.slice(0, 100))}`,
    );
  }
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new HttpError(415, "unsupported_media_type", "the body must not be compressed; send it as it is");
  }
  const bytes = await bytesOf(request, operation.files ? limits.form : limits.json);
  const { fields, files } = operation.files
    ? await formOf(bytes, given, operation.files)
    : { fields: jsonOf(bytes), files: new Map<string, Uint8Array>() };
  return { fields: parseInput(schema, fields, "body"), files, bytes: bytes.length };
}

/** The whole body, read no further than its limit. */
async function bytesOf(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    // The rest is not read: the connection is of no more use.
    new HttpError(413, "body_too_large", `the body must be of at most ${limit} bytes; send less`, {
      connection: "close",
    });
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge();
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) throw tooLarge();
    parts.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function jsonOf(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError("body: must be JSON in UTF-8, got bytes that are none");
  }
  return parseJson(text, "body");
}

function parseJson(text: string, where: string): unknown {
  const { depth, fields } = shapeOf(text);
  if (depth > deepest) throw new InputError(`${where}: must not be nested deeper than ${deepest} levels`);
  if (fields > mostFields) throw new InputError(`${where}: must have at most ${mostFields} fields`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where}: must be JSON: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
}

/** How deep brackets are nested, and how many fields there are, outside of texts. */
function shapeOf(text: string): { depth: number; fields: number } {
  let open = 0;
  let depth = 0;
  let fields = 0;
  let isText = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (isText) {
      if (letter === "\\") i++;
      else if (letter === '"') isText = false;
    } else if (letter === '"') isText = true;
    else if (letter === ":") fields++;
    else if (letter === "{" || letter === "[") depth = Math.max(depth, ++open);
    else if (letter === "}" || letter === "]") open--;
  }
  return { depth, fields };
}

/** Fields of a form that are text whatever they look like; "7" may be a class's name. */
const texts = new Set(["prompt", "model", "size", "user"]);

/** The fields and files of a form. Fields are texts: those that are meant as something else are read as JSON. */
async function formOf(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string,
  files: NonNullable<Operation["files"]>,
) {
  const form = await new Response(bytes, { headers: { "content-type": contentType } })
    .formData()
    .catch((error) => {
      throw new InputError("body: must be a form (multipart/form-data) as its content type says", {
        cause: error,
      });
    });
  if ([...form.keys()].length > mostFields)
    throw new InputError(`body: must have at most ${mostFields} fields`);
  const fields: Record<string, unknown> = Object.create(null);
  const found = new Map<string, Uint8Array>();
  for (const [key, value] of form) {
    // Clients write image[] where they could send several.
    const name = key.replace(/\[\]$/, "");
    if (name in fields || found.has(name))
      throw new InputError(`body: ${name}: must come once, got it twice`);
    if (typeof value !== "string") {
      if (!(name in files))
        throw new InputError(`body: ${name}: must be no file; files are ${Object.keys(files)}`);
      found.set(name, new Uint8Array(await value.arrayBuffer()));
    } else if (name in files) {
      throw new InputError(`body: ${name}: must be a file (${files[name]!.types}), got text`);
    } else fields[name] = texts.has(name) ? value : fieldOf(value, name);
  }
  for (const [name, { isRequired, types }] of Object.entries(files)) {
    if (isRequired && !found.has(name))
      throw new InputError(`body: ${name}: must be a file (${types}), got nothing`);
  }
  return { fields: { ...fields }, files: found };
}

function fieldOf(text: string, name: string): unknown {
  if (/^\s*\{/.test(text)) return parseJson(text, `body: ${name}`);
  if (/^(true|false|null)$/.test(text)) return JSON.parse(text);
  const number = Number(text);
  // Whole numbers that JavaScript cannot hold stay text, of which seeds are read.
  const isNumber = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text) && Number.isFinite(number);
  return isNumber && (Number.isSafeInteger(number) || !/^\d+$/.test(text)) ? number : text;
}
