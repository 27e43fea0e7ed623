/**
 * The safetensors format: 8 bytes of little-endian header length, a JSON header padded with spaces to 8 bytes, then the
 * tensors' bytes without gaps. Files come from strangers, so everything the header claims is checked before it is used.
 * Format: https://github.com/huggingface/safetensors#format. Hosts are taken to be little-endian, as JavaScript's are.
 */
import { InputError, requireInput, unknownName } from "../core/errors.ts";
import { type DType, type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import { fromBfloat16, fromFloat16, maxFloat16, toFloat16 } from "./float16.ts";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, HostTensor>>;

/** What a file holds. */
export interface SafetensorsContent {
  readonly tensors: Record<string, HostTensor>;
  readonly metadata: Record<string, string>;
}

export interface StoreOptions {
  /** Strings for the header. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How float32 tensors are stored; default "float32". Other types are stored as they are. */
  readonly store?: "float32" | "float16";
}

/** The format's names: bytes per element, and the type on the host (halves are widened). */
const formats: Record<string, { size: number; dtype: DType }> = {
  F64: { size: 8, dtype: "float64" },
  F32: { size: 4, dtype: "float32" },
  F16: { size: 2, dtype: "float32" },
  BF16: { size: 2, dtype: "float32" },
  I64: { size: 8, dtype: "int64" },
  I32: { size: 4, dtype: "int32" },
  U16: { size: 2, dtype: "uint16" },
  U8: { size: 1, dtype: "uint8" },
  I8: { size: 1, dtype: "int8" },
  BOOL: { size: 1, dtype: "bool" },
};

const codeOf: Record<DType, string> = {
  float64: "F64",
  float32: "F32",
  int64: "I64",
  int32: "I32",
  uint16: "U16",
  uint8: "U8",
  int8: "I8",
  bool: "BOOL",
};

/** The reference implementation's own limit; it also bounds the work a hostile header can ask for. */
const maxHeaderBytes = 100_000_000;

/**
 * A file's bytes, in chunks. Wider elements come first, then names in code-unit order, so that equal content gives
 * equal bytes and every tensor is aligned.
 *
 * @throws InputError for a number that float16 cannot hold (while the chunks are taken), and for the reserved names
 *   `__metadata__` and `__proto__`.
 */
export function encodeSafetensors(tensors: Tensors, options: StoreOptions = {}): Iterable<Uint8Array> {
  const { metadata = {}, store = "float32" } = options;
  const code = ({ dtype }: HostTensor) =>
    dtype === "float32" && store === "float16" ? "F16" : codeOf[dtype];
  const order = Object.keys(tensors).sort(
    (a, b) => formats[code(tensors[b])].size - formats[code(tensors[a])].size || (a < b ? -1 : 1),
  );

  const entries: [string, unknown][] = [];
  const strings = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (strings.length > 0) entries.push(["__metadata__", Object.fromEntries(strings)]);
  let offset = 0;
  for (const name of order) {
    requireInput(
      name !== "__metadata__" && name !== "__proto__",
      `safetensors: a tensor cannot be named "${name}": the name is reserved; choose another`,
    );
    const { dims, data } = tensors[name];
    const end = offset + data.length * formats[code(tensors[name])].size;
    entries.push([name, { dtype: code(tensors[name]), shape: dims, data_offsets: [offset, end] }]);
    offset = end;
  }
  // A JavaScript object would move names like "7" to the front, so the entries are joined by hand.
  const json = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);

  return (function* chunks() {
    yield header;
    for (const name of order) {
      const { data } = tensors[name];
      const stored = code(tensors[name]) === "F16" ? halves(name, data as Float32Array) : data;
      yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    }
  })();
}

function halves(name: string, data: Float32Array): Uint16Array {
  const codes = toFloat16(data);
  const lost = codes.findIndex((code, i) => (code & 0x7fff) === 0x7c00 && Number.isFinite(data[i]));
  requireInput(
    lost < 0,
    `safetensors: tensor "${name}" holds ${data[lost]}, but float16 ends at ${maxFloat16}; store it as float32`,
  );
  return codes;
}

/**
 * Reads a file's bytes. Tensors are views into `bytes` where alignment allows, copies otherwise; F16 and BF16 become
 * float32.
 *
 * @param where  the file's name, for messages
 * @throws InputError when anything is inconsistent
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafetensorsContent {
  const { header, data } = splitHeader(bytes, where);
  const metadata = checkMetadata(header.get("__metadata__"), where);
  header.delete("__metadata__");
  const entries = [...header].map(([name, entry]) => checkEntry(name, entry, data.length, where));
  checkCoverage(entries, data.length, where);
  return {
    tensors: Object.fromEntries(entries.map((entry) => [entry.name, readEntry(entry, data, where)])),
    metadata,
  };
}

interface Entry {
  readonly name: string;
  readonly code: string;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function splitHeader(bytes: Uint8Array, where: string): { header: Map<string, unknown>; data: Uint8Array } {
  requireInput(
    bytes.length >= 8,
    `${where}: not a safetensors file: required at least 8 bytes, got ${bytes.length}; copy it again`,
  );
  const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  requireInput(
    claimed <= maxHeaderBytes && Number(claimed) <= bytes.length - 8,
    `${where}: truncated or not a safetensors file: its header claims ${claimed} bytes, but ` +
      `${bytes.length - 8} follow (limit ${maxHeaderBytes}); copy or download it again`,
  );
  const length = Number(claimed);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw new InputError(
      `${where}: not a safetensors file: its header is not JSON (${(error as Error).message}); copy it again`,
      { cause: error },
    );
  }
  requireInput(
    isObject(parsed),
    `${where}: not a safetensors file: its header must be a JSON object, got ${kindOf(parsed)}`,
  );
  return { header: new Map(Object.entries(parsed)), data: bytes.subarray(8 + length) };
}

function checkMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {};
  requireInput(isObject(value), `${where}: __metadata__ must be an object of strings, got ${kindOf(value)}`);
  for (const [key, text] of Object.entries(value)) {
    requireInput(
      typeof text === "string" && key !== "__proto__",
      `${where}: __metadata__ "${key}" must be a string under an ordinary name, got ${kindOf(text)}`,
    );
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, entry: unknown, dataLength: number, where: string): Entry {
  const at = `${where}: tensor ${JSON.stringify(name)}`;
  requireInput(name !== "__proto__", `${at}: the name is not allowed; rename the tensor`);
  requireInput(
    isObject(entry),
    `${at}: required an object {dtype, shape, data_offsets}, got ${kindOf(entry)}`,
  );
  const { dtype, shape, data_offsets: offsets } = entry;
  requireInput(typeof dtype === "string", `${at}: dtype must be a string, got ${kindOf(dtype)}`);
  if (!Object.hasOwn(formats, dtype)) throw unknownName(`${at}: dtype`, dtype, Object.keys(formats));
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  requireInput(
    Array.isArray(shape) && shape.every(isCount),
    `${at}: shape must be a list of integers from 0, got ${shorten(shape)}`,
  );
  requireInput(
    Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount),
    `${at}: data_offsets must be two integers from 0, got ${shorten(offsets)}`,
  );
  const [begin, end] = offsets as [number, number];
  requireInput(
    begin <= end && end <= dataLength,
    `${at}: data_offsets [${begin}, ${end}] leave the file's ${dataLength} data bytes; it is truncated or damaged`,
  );
  const needed = sizeOf(shape) * formats[dtype].size;
  // A product too large for float64 is Infinity or, with a zero among huge dims, NaN: neither equals a length.
  requireInput(
    needed === end - begin,
    `${at}: ${dtype} ${shorten(shape)} needs ${needed} bytes, but data_offsets [${begin}, ${end}] hold ${end - begin}`,
  );
  return { name, code: dtype, dims: shape, begin, end };
}

/** Every data byte belongs to exactly one tensor. */
function checkCoverage(entries: readonly Entry[], dataLength: number, where: string): void {
  let reached = 0;
  let before = "the header";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    requireInput(
      begin === reached,
      `${where}: tensor ${JSON.stringify(name)} begins at byte ${begin}, but ${before} ends at ${reached}: ` +
        `the data ${begin < reached ? "overlap" : "have a gap"}; the file is damaged`,
    );
    reached = end;
    before = `tensor ${JSON.stringify(name)}`;
  }
  requireInput(
    reached === dataLength,
    `${where}: ${dataLength - reached} bytes after ${before} belong to no tensor; the file is damaged`,
  );
}

function readEntry({ name, code, dims, begin, end }: Entry, data: Uint8Array, where: string): HostTensor {
  const { size, dtype } = formats[code];
  const isAligned = (data.byteOffset + begin) % size === 0;
  // Not `data.slice()`, which in Node's `Buffer` shares memory and so stays where it is.
  const bytes = isAligned ? data.subarray(begin, end) : new Uint8Array(data.subarray(begin, end));
  const { byteOffset } = bytes;
  const buffer = bytes.buffer as ArrayBuffer;
  const count = (end - begin) / size;
  if (code === "F16") return tensor("float32", dims, fromFloat16(new Uint16Array(buffer, byteOffset, count)));
  if (code === "BF16") {
    return tensor("float32", dims, fromBfloat16(new Uint16Array(buffer, byteOffset, count)));
  }
  if (dtype === "bool") {
    const odd = bytes.find((byte) => byte > 1);
    requireInput(
      odd === undefined,
      `${where}: tensor ${JSON.stringify(name)}: a BOOL byte must be 0 or 1, got ${odd}; the file is damaged`,
    );
  }
  return tensor(dtype, dims, new arrayOf[dtype](buffer, byteOffset, count));
}

const arrayOf = {
  float64: Float64Array,
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "a list"
      : value === undefined
        ? "nothing"
        : typeof value;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
