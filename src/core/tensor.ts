/** Element types that travel between rooms, with the typed array that holds each on the host. */
export interface ArrayOf {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type DType = keyof ArrayOf;

/** A dense row-major array in JavaScript's own memory. */
export interface HostTensor<T extends DType = DType> {
  readonly dtype: T;
  readonly dims: readonly number[];
  readonly data: ArrayOf[T];
}

/** Bytes of one element of each type. */
export const bytesPerElement: Record<DType, number> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A host tensor over `data` (not copied). Throws when the number of elements and the shape disagree. */
export function tensor<T extends DType>(dtype: T, dims: readonly number[], data: ArrayOf[T]): HostTensor<T> {
  if (data.length !== sizeOf(dims)) {
    throw new Error(`tensor: shape [${dims}] needs ${sizeOf(dims)} elements, got ${data.length}`);
  }
  return { dtype, dims, data };
}

/** A scalar float32 tensor. */
export function scalar(value: number): HostTensor<"float32"> {
  return tensor("float32", [], Float32Array.of(value));
}
