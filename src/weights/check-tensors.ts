/** Whether the tensors of a file are the ones a model expects, told in one message. */
import { editDistance, InputError } from "../core/errors.ts";
import type { DType } from "../core/tensor.ts";
import type { Tensors } from "./safetensors.ts";

export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default "float32". */
  readonly dtype?: DType;
}

/** How many faults of one kind a message spells out. */
const shown = 4;

/**
 * Checks names, shapes and types, and that every number is finite.
 *
 * @param where  the file or folder, for the message
 * @throws InputError listing what is missing, what is not expected (with the nearest expected name) and what has
 *   another shape or type: the first few of each, and their counts.
 */
export function checkTensors(where: string, tensors: Tensors, expected: readonly ExpectedTensor[]): void {
  const known = new Set(expected.map(({ name }) => name));
  const missing = expected.filter(({ name }) => !Object.hasOwn(tensors, name));
  const unexpected = Object.keys(tensors).filter((name) => !known.has(name));
  const different = expected.filter(({ name, shape, dtype = "float32" }) => {
    if (!Object.hasOwn(tensors, name)) return false;
    const came = tensors[name];
    return came.dtype !== dtype || came.dims.join() !== shape.join();
  });
  if (missing.length + unexpected.length + different.length === 0) {
    requireFinite(where, tensors);
    return;
  }

  // A renamed tensor is missing under one name and unexpected under another.
  const candidates = (missing.length > 0 ? missing : expected).map(({ name }) => name);
  const lines = [
    ...summary("missing", missing, ({ name, shape }) => `${name} [${shape}]`),
    ...summary(
      "not expected",
      unexpected,
      (name) => `${name} [${tensors[name].dims}]${hint(name, candidates)}`,
    ),
    ...summary("of another shape or type", different, ({ name, shape, dtype = "float32" }) => {
      const came = tensors[name];
      return `${name} is ${came.dtype} [${came.dims}], required ${dtype} [${shape}]`;
    }),
  ];
  throw new InputError(
    `${where}: these weights do not fit the model (${expected.length} tensors expected):\n${lines.join("\n")}\n` +
      "Check that the weights and config.json come from the same model.",
  );
}

/** @throws InputError for weights with NaN or infinite numbers: the bytes of a file were damaged, or a training diverged. */
function requireFinite(where: string, tensors: Tensors): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (dtype !== "float32") continue;
    const at = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    throw new InputError(
      `${where}: the weights must be finite numbers, but ${name} has ${data[at]} at place ${at}; the file is damaged, so copy it again`,
    );
  }
}

function summary<T>(kind: string, faults: readonly T[], describe: (fault: T) => string): string[] {
  if (faults.length === 0) return [];
  const rest = faults.length > shown ? `; and ${faults.length - shown} more` : "";
  return [`  ${faults.length} ${kind}: ${faults.slice(0, shown).map(describe).join("; ")}${rest}`];
}

function hint(name: string, candidates: readonly string[]): string {
  const distances = candidates.map((candidate) => editDistance(name, candidate));
  const least = Math.min(...distances);
  return least <= Math.max(2, name.length / 3) ? ` (nearest: ${candidates[distances.indexOf(least)]})` : "";
}
