/** API keys: read from a file, kept and compared only as digests. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InputError } from "../src/index.ts";
import { HttpError } from "./http-error.ts";

/** What tells whether a request may come in. */
export interface ApiKeys {
  /**
   * @param authorization  the header of that name
   * @returns which of the keys it is, from 0
   * @throws HttpError 401
   */
  require(authorization: string | undefined): number;
}

/** The shortest key that cannot be guessed by trying. */
const shortest = 16;

/**
 * Reads a file of keys, one a line; lines that begin with # are comments.
 *
 * @throws InputError when it cannot be read, holds no key, or one that is too short or has spaces in it
 */
export async function readApiKeys(path: string): Promise<ApiKeys> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new InputError(`--api-key-file: cannot read ${path}: ${error.message}`, { cause: error });
  });
  const keys = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0)
    throw new InputError(`--api-key-file: ${path} must hold a key, one a line, got none`);
  for (const [i, key] of keys.entries()) {
    if (key.length < shortest || !/^[\x21-\x7e]+$/.test(key)) {
      throw new InputError(
        `--api-key-file: ${path}: key ${i + 1} must be at least ${shortest} characters of ASCII without spaces; ` +
          "openssl rand -hex 24 makes one",
      );
    }
  }
  return apiKeys(keys);
}

/** Keys given directly. */
export function apiKeys(keys: readonly string[]): ApiKeys {
  const digests = keys.map(digestOf);
  return {
    require(authorization = "") {
      const given = digestOf(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "");
      // All are compared, whole, whatever the first ones said: the time tells nothing.
      const index = digests.map((digest) => timingSafeEqual(digest, given)).indexOf(true);
      if (index < 0) {
        throw new HttpError(
          401,
          "invalid_api_key",
          "a known API key must come with the request, as Authorization: Bearer <key>",
          {
            "www-authenticate": "Bearer",
          },
        );
      }
      return index;
    },
  };
}

const digestOf = (key: string): Buffer => createHash("sha256").update(key).digest();
