/** Turns what the operating system says about a file into a sentence for the person who named the file. */
import { AbsentError, InputError } from "../errors.ts";

const explanations: Record<string, string> = {
  ENOENT: "it does not exist; check the path",
  ENOSPC: "the disk is full; free some space or choose a folder on another disk",
  EDQUOT: "the disk quota is used up; free some space or choose another folder",
  EACCES: "permission denied; choose a place you may use or change its permissions",
  EPERM: "the system does not permit it; choose another place",
  EROFS: "the file system is read-only; choose another folder",
  ENOTDIR: "a part of the path is a file, not a folder; choose another path",
  EEXIST: "a file stands where a folder is needed; choose another path or move that file",
  EISDIR: "it is a folder, not a file; choose another name",
  ENOTEMPTY: "it is a folder, not a file; choose another name",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  EMFILE: "too many files are open; close some or raise the limit (ulimit -n)",
  EFBIG: "the file is larger than the system allows; choose another disk or raise the limit (ulimit -f)",
};

/**
 * The InputError for a failed file operation, `action path: explanation (code)`, with the cause kept; an AbsentError
 * where there is no such file.
 *
 * @param action  what was being done, e.g. `cannot write`
 * @param overrides  explanations by error code that say more than the general ones
 */
export function fileError(
  action: string,
  path: string,
  error: unknown,
  overrides: Readonly<Record<string, string>> = {},
): InputError {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = code && (overrides[code] ?? explanations[code]);
  const Kind = code === "ENOENT" ? AbsentError : InputError;
  return new Kind(`${action} ${path}: ${known ? `${known} (${code})` : (message ?? String(error))}`, {
    cause: error,
  });
}
