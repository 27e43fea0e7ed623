/**
 * Results in an S3-compatible store, by its standard client, which is installed where somebody wants it. Region,
 * credentials and the address of a store that is not Amazon's come from the client's own places: AWS_REGION,
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, or its configuration files.
 */
import type { S3Client } from "@aws-sdk/client-s3";
import { InputError } from "../src/index.ts";
import type { ResultStore } from "./result-store.ts";

const rights = "it needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket";

/**
 * Opens `s3://bucket/prefix`.
 *
 * @throws InputError where the client is not installed, and where the bucket cannot be used, saying why
 */
export async function openS3Store(place: string): Promise<ResultStore> {
  const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(place) ?? [];
  if (!bucket) throw new InputError(`--store must be s3://bucket/prefix, got "${place}"`);
  const prefix = path === "" ? "" : `${path.replace(/\/+$/, "")}/`;
  const { S3Client, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } =
    await loadClient();
  // Stores that are not Amazon's know buckets by path, not by host name, and few know checksums behind the body.
  const isOther = (process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL) !== undefined;
  const client: S3Client = new S3Client({
    forcePathStyle: isOther,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const at = (name: string) => ({ Bucket: bucket, Key: prefix + name });
  const store: ResultStore = {
    place,
    has: (name) =>
      unlessAbsent("look for", name, async () => {
        await client.send(new HeadObjectCommand(at(name)));
        return true;
      }).then((found) => found ?? false),
    read: (name) =>
      unlessAbsent("read", name, async () => {
        const { Body } = await client.send(new GetObjectCommand(at(name)));
        return Body!.transformToByteArray();
      }),
    // A store has an object whole or not at all.
    async write(name, chunks) {
      const body = Buffer.concat([...chunks]);
      await send("write", name, () => client.send(new PutObjectCommand({ ...at(name), Body: body })));
    },
    async remove(name) {
      await send("remove", name, () => client.send(new DeleteObjectCommand(at(name))));
    },
  };

  async function send<T>(action: string, name: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (statusOf(error) === 404 && !isBucketMissing(error)) throw error;
      const { name: kind, message } = error as Error;
      const why = statusOf(error) === 403 ? `${kind}; ${rights}` : `${kind}: ${message}`;
      throw new InputError(`--store ${place}: cannot ${action} ${name}: ${why}`, { cause: error });
    }
  }
  async function unlessAbsent<T>(action: string, name: string, request: () => Promise<T>): Promise<T | null> {
    try {
      return await send(action, name, request);
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  await store.write(".writable", []); // what is wrong is told now, not when the first result is there
  return store;
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;

const isBucketMissing = (error: unknown): boolean => (error as Error).name === "NoSuchBucket";

async function loadClient(): Promise<typeof import("@aws-sdk/client-s3")> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new InputError(
      "--store s3://...: needs the package @aws-sdk/client-s3, which is not there; npm install @aws-sdk/client-s3",
      { cause: error },
    );
  }
}
