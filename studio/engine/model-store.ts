/**
 * Models in the browser's storage (the Cache API): a file is kept under its digest once it is whole and its SHA-256 is what
 * the server's list says, and never before; so a download that broke off leaves nothing behind. Two tabs that fetch the same
 * file write the same bytes.
 */
import { InputError, type ListedModel } from "../../src/browser.ts";

const cacheName = "magnets-models";

export interface ModelFetch {
  /** For `fetchModel`. */
  fetch(address: string, init: { signal: AbortSignal }): Promise<Response>;
  /** Files that came over the network, as far as asked for. */
  readonly fetched: ReadonlySet<string>;
  /** Why nothing can be kept, in words; null where it can. */
  readonly problem: string | null;
}

/**
 * What fetches the files of one model: kept ones from the storage, others from the server, checked and then kept.
 *
 * @param url  of the model's folder, without a slash at its end
 */
export async function openModelStore({ name, files }: ListedModel, url: string): Promise<ModelFetch> {
  const { cache, problem } = await openCache();
  const fetched = new Set<string>();

  async function fetchFile(address: string, { signal }: { signal: AbortSignal }): Promise<Response> {
    const path = address.slice(url.length + 1);
    const listed = files[path];
    if (!listed)
      throw new InputError(`${address}: the server's list of models has no such file; reload the page`);
    const key = `${url}/${path}?sha256=${listed.sha256}`;
    const kept = await cache?.match(key).catch(() => undefined);
    if (kept) return kept;
    fetched.add(path);
    const response = await fetch(address, { signal });
    if (!response.ok || !response.body) return response;
    const [shown, checked] = response.body.tee();
    // The reader gets its bytes as they arrive; a wrong digest ends them with an error instead of an end.
    const isRight = digestOf(checked).then((sha256) => sha256 === null || sha256 === listed.sha256);
    isRight.catch(() => {});
    const body = shown.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        async flush(controller) {
          if (await isRight) return;
          controller.error(
            new InputError(
              `${address}: is not the file of model "${name}" that the server lists (its SHA-256 differs); reload ` +
                "the page, and if that does not help, start the server again",
            ),
          );
        },
      }),
    );
    const headers = { "content-length": String(listed.bytes), "content-type": "application/octet-stream" };
    const [read, keep] = body.tee();
    // A full or forbidden storage costs the next visit a download, and this one nothing.
    cache?.put(key, new Response(keep, { headers })).catch(() => {});
    if (!cache) void keep.cancel();
    return new Response(read, { headers });
  }

  return { fetch: fetchFile, fetched, problem };
}

async function openCache(): Promise<{ cache: Cache | null; problem: string | null }> {
  const remedy = "the model is fetched again at the next visit";
  if (!("caches" in globalThis)) {
    return { cache: null, problem: `This address is not secure (https or localhost), so ${remedy}.` };
  }
  try {
    return { cache: await caches.open(cacheName), problem: null };
  } catch {
    return { cache: null, problem: `The browser gives this page no storage, so ${remedy}.` };
  }
}

/** Hexadecimal SHA-256; null where the page has no cryptography, which is where its address is not secure. */
async function digestOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string | null> {
  const bytes = await new Response(stream).arrayBuffer();
  if (!crypto.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
