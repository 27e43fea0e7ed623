/** A model folder that a server hands out, fetched into memory (browser, or wherever there is `fetch`). */
import { InputError } from "../../core/errors.ts";
import { modelIndexFile, parseModelIndex, partFiles } from "../../weights/model-layout.ts";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import { type GenerativeModel, generationName, modelFromParts } from "../model.ts";

/** How a model is fetched. */
export interface FetchModelOptions {
  /** Stops the download; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called as the weights arrive. */
  readonly onProgress?: (progress: FetchProgress) => void;
  /** What fetches; default: the platform's. A page that keeps files gives one that looks there first. */
  readonly fetch?: (address: string, init: { signal: AbortSignal }) => Promise<Response>;
}

/** How much of the weights is there. */
export interface FetchProgress {
  readonly loadedBytes: number;
  /** Of all weights; null until the server has told it, and where it compresses them. */
  readonly totalBytes: number | null;
}

/**
 * Fetches a model and checks that its parts belong together.
 *
 * @param url  the folder's address, absolute or relative to the page: what stands before `/model_index.json`
 * @throws InputError naming the file that the server does not give, or what is wrong with it; the signal's reason
 * @example
 * const model = await fetchModel("/models/sprites", { onProgress: ({ loadedBytes }) => show(loadedBytes) });
 */
export async function fetchModel(
  url: string | URL,
  { signal, onProgress = () => {}, fetch: fetchFile = fetch }: FetchModelOptions = {},
): Promise<GenerativeModel> {
  const addressOf = (file: string): string => `${String(url).replace(/\/+$/, "")}/${file}`;
  // One file that is missing makes the others useless, so they stop.
  const stop = new AbortController();
  const signals = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const open = (file: string) => openFile(addressOf(file), signals, fetchFile);
  const json = async (file: string) => parseJson(await (await open(file)).text(), addressOf(file));
  const progressOf = sumOf(onProgress);

  async function part(name: string) {
    const files = partFiles(name);
    const track = progressOf();
    const reading = open(files.weights).then((response) => bytesOf(response, track));
    const [config, bytes] = await Promise.all([json(files.config), reading]);
    return { config, ...decodeSafetensors(bytes, addressOf(files.weights)) };
  }

  try {
    parseModelIndex(await json(modelIndexFile), addressOf(modelIndexFile)); // first: it says best what is missing
    const [tokenizer, transformer, generation] = await Promise.all([
      part("tokenizer"),
      part("transformer"),
      json(generationName),
    ]);
    return modelFromParts({ tokenizer, transformer, generation }, addressOf);
  } catch (error) {
    stop.abort();
    signal?.throwIfAborted();
    throw error;
  }
}

/** A file's response, its body still to come. */
async function openFile(
  address: string,
  signal: AbortSignal,
  fetchFile: NonNullable<FetchModelOptions["fetch"]>,
): Promise<Response> {
  const remedy = "check the address of the model folder";
  const response = await fetchFile(address, { signal }).catch((error: Error) => {
    if (error instanceof InputError) throw error; // it says already what is wrong with the file
    throw new InputError(
      `${address}: cannot be fetched (${error.message}); ${remedy}, and that the server runs`,
      {
        cause: error,
      },
    );
  });
  if (response.ok) return response;
  const status = `${response.status} ${response.statusText}`.trim();
  throw new InputError(`${address}: must be a file that the server gives, got status ${status}; ${remedy}`);
}

function parseJson(text: string, address: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Many servers answer an unknown address with their start page.
    const reason = (error as Error).message;
    throw new InputError(`${address}: not valid JSON (${reason}); check the address of the model folder`);
  }
}

interface PartProgress {
  loaded: number;
  total: number | null;
}

/** Joins the progress of several files; each call of what it returns is for one more of them. */
function sumOf(onProgress: (progress: FetchProgress) => void): () => (now: PartProgress) => void {
  const files: PartProgress[] = [];
  return () => {
    const file: PartProgress = { loaded: 0, total: null };
    files.push(file);
    return (now) => {
      Object.assign(file, now);
      const totals = files.map(({ total }) => total);
      onProgress({
        loadedBytes: files.reduce((sum, { loaded }) => sum + loaded, 0),
        totalBytes: totals.some((total) => total === null)
          ? null
          : totals.reduce<number>((sum, total) => sum + total!, 0),
      });
    };
  };
}

/** The bytes of a body, told as they arrive. */
async function bytesOf(response: Response, track: (now: PartProgress) => void): Promise<Uint8Array> {
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const isPlain = response.headers.get("content-encoding") === null; // else the length is of the compressed bytes
  const total = isPlain && Number.isSafeInteger(length) ? length : null;
  const pieces: Uint8Array[] = [];
  let loaded = 0;
  track({ loaded, total });
  for (const reader = response.body!.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    loaded += value.length;
    track({ loaded, total });
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
