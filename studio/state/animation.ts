/**
 * Animated WebP: each frame is encoded by the browser as a still WebP, and its image data put into one container (RIFF, with
 * the chunks VP8X, ANIM and one ANMF per frame).
 */
import { InputError, type Raster } from "../../src/browser.ts";
import { imageDataOf } from "../parts/pixels.tsx";

/** Of videos: what the models were trained at, and what saved files play at. */
export const framesPerSecond = 8;

/**
 * A video as an animated WebP that repeats.
 *
 * @throws InputError where the browser writes no WebP
 */
export async function animationOf(video: Raster): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, frames = 1 } = video;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  const pieces: Uint8Array[] = [];
  for (let t = 0; t < frames; t++) {
    context.putImageData(imageDataOf(video, t), 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.95 });
    if (blob.type !== "image/webp") {
      throw new InputError("This browser writes no WebP; save the video in Chrome, Edge or Firefox.");
    }
    const place = [
      ...u24(0),
      ...u24(0),
      ...u24(width - 1),
      ...u24(height - 1),
      ...u24(Math.round(1000 / framesPerSecond)),
      0,
    ];
    pieces.push(
      chunk("ANMF", [Uint8Array.from(place), ...imageChunks(new Uint8Array(await blob.arrayBuffer()))]),
    );
  }
  const isAnimated = 0b10;
  const header = chunk("VP8X", [
    Uint8Array.from([isAnimated, 0, 0, 0, ...u24(width - 1), ...u24(height - 1)]),
  ]);
  const background = chunk("ANIM", [Uint8Array.from([0, 0, 0, 0, 0, 0])]); // no colour; repeats for ever
  return chunk("RIFF", [letters("WEBP"), header, background, ...pieces]);
}

/** The chunks of a still WebP that hold its image. */
function imageChunks(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset);
  const found: Uint8Array[] = [];
  for (let at = 12; at + 8 <= file.length; ) {
    const name = String.fromCharCode(...file.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    const end = at + 8 + length + (length & 1);
    if (["VP8 ", "VP8L", "ALPH"].includes(name)) found.push(file.subarray(at, end));
    at = end;
  }
  return found;
}

const letters = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const u24 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255];

/** A chunk: name, length, content, and a zero where the length is odd. */
function chunk(name: string, content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = content.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(8 + length + (length & 1));
  bytes.set(letters(name), 0);
  new DataView(bytes.buffer).setUint32(4, length, true);
  let at = 8;
  for (const piece of content) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
