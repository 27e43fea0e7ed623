/**
 * Text inside of a PNG file: `tEXt` chunks (PNG specification, third edition, section 11.3.3), which every reader of PNG
 * passes over and many programs show. An image carries so how it was made.
 */
import { InputError, requireInput } from "../../core/errors.ts";

/** The keyword under which an image says how it was made: JSON, {@link MakingRecord}. */
export const makingKeyword = "magnets";

/** How an image was made: with the model, all that is needed to make it again. */
export interface MakingRecord {
  /** The model's name. */
  readonly model: string;
  /** Written as decimal text beyond 2^53. */
  readonly seed: number | bigint | string;
  /** Its index in the seed's series. */
  readonly index: number;
  /** The class's name; null: no condition. */
  readonly class: string | null;
  /** As it ran. */
  readonly plan: object;
  /** Of an edit, [N]: the tokens that were given, -1 where one was made. */
  readonly given?: readonly number[];
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length, type and checksum of a chunk. */
const frame = 12;

/**
 * A PNG file with a text in it, right behind its header. JSON may hold any characters: those beyond Latin-1, which `tEXt`
 * cannot hold, are written as JSON's escapes.
 *
 * @param keyword  1 to 79 Latin-1 characters
 * @throws InputError for bytes that are no PNG
 */
export function withPngText(png: Uint8Array, keyword: string, value: unknown): Uint8Array {
  const [header] = chunksOf(png);
  const data = Uint8Array.from(`${keyword}\0${asciiJson(value)}`, (letter) => letter.charCodeAt(0));
  const chunk = new Uint8Array(frame + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set(latin1Bytes("tEXt"), 4);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  const result = new Uint8Array(png.length + chunk.length);
  result.set(png.subarray(0, header!.end));
  result.set(chunk, header!.end);
  result.set(png.subarray(header!.end), header!.end + chunk.length);
  return result;
}

/**
 * A PNG file with the record of its image in it. The one place that writes records: whoever writes one, its keys come in the
 * same order.
 *
 * @throws InputError for bytes that are no PNG
 */
export function withMakingRecord(png: Uint8Array, record: MakingRecord): Uint8Array {
  const { model, seed, index, class: className, plan, given } = record;
  // JSON has no whole numbers beyond 2^53.
  const written = typeof seed === "number" && Number.isSafeInteger(seed) ? seed : String(seed);
  const ordered = { model, seed: written, index, class: className, plan, ...(given && { given }) };
  return withPngText(png, makingKeyword, ordered);
}

/**
 * The text that a PNG file has under a keyword, or null where it has none.
 *
 * @throws InputError for bytes that are no PNG, or a file that is cut off
 */
export function readPngText(png: Uint8Array, keyword: string): string | null {
  for (const { type, data } of chunksOf(png)) {
    if (type !== "tEXt") continue;
    const text = latin1(data);
    if (text.startsWith(`${keyword}\0`)) return text.slice(keyword.length + 1);
  }
  return null;
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** The place behind it. */
  readonly end: number;
}

function* chunksOf(png: Uint8Array): Generator<Chunk, undefined> {
  requireInput(
    signature.every((byte, i) => png[i] === byte),
    "these bytes are no PNG image; give a PNG file",
  );
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = signature.length; at < png.length; ) {
    const length = at + frame <= png.length ? view.getUint32(at) : Infinity;
    const end = at + frame + length;
    if (end > png.length) throw new InputError("this PNG image is cut off; fetch it again");
    yield { type: latin1(png.subarray(at + 4, at + 8)), data: png.subarray(at + 8, end - 4), end };
    at = end;
  }
}

const latin1Bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const latin1 = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The checksum of PNG and ZIP: CRC-32, reflected, polynomial 0xEDB88320. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
