/** Both halves of checking a folder's files, as a training takes them one after the other. */
import {
  type FolderSource,
  lookThrough,
  type Verified,
  type VerifyOptions,
  withoutUnreadable,
} from "../../src/data/image/image-folder.ts";

export async function verifyFolder<S extends FolderSource>(
  source: S,
  options: VerifyOptions = {},
): Promise<Verified<S>> {
  return withoutUnreadable(source, await lookThrough(source, options), options);
}
