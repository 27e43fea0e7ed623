/**
 * Text in PNG files: a `tEXt` chunk, a keyword and Latin-1 text, which readers of images pass over. Portable: bytes in,
 * bytes out.
 *
 * A PNG is a signature of eight bytes, then chunks: length (4 bytes, big-endian), type (4 letters), data, CRC-32 of type and
 * data. The last one is `IEND`.
 */
import { InputError, requireInput } from "../core/errors.ts";

const signature = [137, 80, 78, 71, 13, 10, 26, 10];
const latin1 = new TextDecoder("latin1");

interface Chunk {
  readonly type: string;
  /** Where the chunk begins, and where its data does. */
  readonly start: number;
  readonly data: Uint8Array;
}

/**
 * A PNG with a text in it, in the place of one that it has under the same keyword.
 *
 * @param keyword  1 to 79 characters of Latin-1
 * @param text     printable Latin-1; JSON can be written in ASCII alone: {@link asciiJson}
 * @throws InputError for bytes that are no whole PNG, and a text beyond Latin-1
 */
export function withPngText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const isLatin1 = (content: string): boolean => /^[\u0020-\u007e\u00a1-\u00ff\t\n\r]*$/.test(content);
  requireInput(
    isLatin1(keyword) && keyword.length >= 1 && keyword.length <= 79 && isLatin1(text),
    `png: a text must have a keyword of 1 to 79 characters and hold printable Latin-1 only, got keyword "${keyword}"`,
  );
  const content = `${keyword}\0${text}`;
  const data = Uint8Array.from(content, (character) => character.charCodeAt(0));
  const kept = chunksOf(png).filter((chunk) => keyOf(chunk) !== keyword);
  const pieces = kept.flatMap((chunk) => {
    const whole = png.subarray(chunk.start, chunk.start + 12 + chunk.data.length);
    return chunk.type === "IEND" ? [chunkOf("tEXt", data), whole] : [whole];
  });
  return joined([png.subarray(0, signature.length), ...pieces]);
}

/**
 * The text under a keyword; null where the PNG has none.
 *
 * @throws InputError for bytes that are no whole PNG
 */
export function pngText(png: Uint8Array, keyword: string): string | null {
  const chunk = chunksOf(png).find((chunk) => keyOf(chunk) === keyword);
  return chunk ? latin1.decode(chunk.data.subarray(keyword.length + 1)) : null;
}

/** JSON in ASCII alone: other characters as `\uXXXX`. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The keyword of a text chunk. */
function keyOf({ type, data }: Chunk): string | null {
  return type === "tEXt" ? latin1.decode(data.subarray(0, Math.max(0, data.indexOf(0)))) : null;
}

function chunksOf(png: Uint8Array): Chunk[] {
  requireInput(
    signature.every((byte, i) => png[i] === byte),
    "png: must be a PNG file, but does not begin like one",
  );
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let start = signature.length; start + 12 <= png.length; ) {
    const length = view.getUint32(start);
    const end = start + 8 + length;
    if (end + 4 > png.length) break;
    const type = latin1.decode(png.subarray(start + 4, start + 8));
    chunks.push({ type, start, data: png.subarray(start + 8, end) });
    if (type === "IEND") return chunks;
    start = end + 4;
  }
  throw new InputError("png: must be a whole PNG file, but ends before its end; save it again");
}

function chunkOf(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

/** CRC-32 as PNG has it (ISO 3309), bit by bit: a text is short. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
