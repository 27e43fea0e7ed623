/** NumPy's NPY format (Node), for what people open in Python or bring from there: token ids, statistics. By npyjs. */
import { dump, parse } from "npyjs";
import { InputError, requireInput } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { type ArrayOf, type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";

/** The types a NPY file can hold here, by the names that NumPy gives them. */
const types = {
  f4: "float32",
  f8: "float64",
  i4: "int32",
  i8: "int64",
  u2: "uint16",
  u1: "uint8",
} as const;

export type NpyDType = (typeof types)[keyof typeof types];

/** A tensor as the bytes of a NPY file, row-major. */
export function encodeNpy({ data, dims }: HostTensor<NpyDType>): Uint8Array {
  return new Uint8Array(dump(data, [...dims]));
}

/**
 * Writes a tensor as a NPY file, whole or not at all.
 *
 * @throws InputError when the system refuses.
 */
export async function writeNpy(path: string, tensor: HostTensor<NpyDType>): Promise<void> {
  await writeFileAtomic(path, encodeNpy(tensor));
}

/**
 * The tensor in the bytes of a NPY file, row-major, whichever order the file keeps.
 *
 * @param where  what error messages begin with, e.g. the file's path
 * @throws InputError when the bytes are not such a file, hold another type, or end too early
 */
export function decodeNpy(bytes: Uint8Array, where: string): HostTensor<NpyDType> {
  const { data, shape, dtype: code, fortranOrder } = parsed(bytes, where);
  const dtype = types[code as keyof typeof types];
  const known = Object.values(types).join(", ");
  requireInput(
    dtype,
    `${where}: must be an array of one of ${known}, got NumPy's "${code}"; convert it with astype`,
  );
  requireInput(
    (data as ArrayOf[NpyDType]).length === sizeOf(shape),
    `${where}: its shape [${shape.join(", ")}] needs ${sizeOf(shape)} numbers, it holds ` +
      `${(data as ArrayOf[NpyDType]).length}; copy or save it again`,
  );
  const read = tensor(dtype, shape, data as ArrayOf[NpyDType]);
  return fortranOrder ? rowMajor(read) : read;
}

function parsed(bytes: Uint8Array, where: string): ReturnType<typeof parse> {
  try {
    return parse(new Uint8Array(bytes).buffer);
  } catch (error) {
    throw new InputError(
      `${where}: not a NPY file that can be read (${(error as Error).message}); save it again`,
      {
        cause: error,
      },
    );
  }
}

/** Column-major numbers in row-major order. */
function rowMajor<T extends NpyDType>({ dtype, dims, data }: HostTensor<T>): HostTensor<T> {
  const ordered = data.slice() as ArrayOf[T];
  const strides = dims.map((_, axis) => sizeOf(dims.slice(0, axis)));
  for (let i = 0; i < data.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += (rest % dims[axis]!) * strides[axis]!;
      rest = Math.floor(rest / dims[axis]!);
    }
    ordered[i] = data[from]!;
  }
  return tensor(dtype, dims, ordered);
}
