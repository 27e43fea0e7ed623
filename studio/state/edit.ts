/**
 * Edit: an image of any size, of which a window as large as the model's images is made again where it is marked. What is
 * marked are whole tokens, since no less can be made again; every kept pixel stays as it is.
 */
import { computed, effect, signal } from "@preact/signals";
import type { ImageRecord, PixelMask, Raster, Seed } from "../../src/browser.ts";
import { runJob } from "./job.ts";
import { images } from "./request.ts";
import { newSeries, recordOf, type Series, withEvent, withMade } from "./series.ts";
import { callModel, openModel, sessions } from "./sessions.ts";

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** The whole image; null: none yet. */
export const canvas = signal<Raster | null>(null);
/** The upper left corner of the window. */
export const corner = signal<Place>({ x: 0, y: 0 });
/** [R * C] of the window: 1 where a token is made again. */
export const marked = signal<Uint8Array>(new Uint8Array());
/** Null: no condition. */
export const editClass = signal<string | null>(null);
export const editSeed = signal<Seed>(1);
export const versions = signal(4);
/** The versions of the window; null: none yet. */
export const made = signal<Series | null>(null);
/** The version that is shown in the window; null: the image as it was. */
export const shownVersion = signal<number | null>(null);
const before = signal<readonly { canvas: Raster; corner: Place }[]>([]);
export const canUndo = computed(() => before.value.length > 0);

const model = computed(() => sessions.image.value?.model ?? null);
export const resolution = computed(() => model.value?.tokenizer.config.resolution ?? 0);
export const grid = computed(
  () => (model.value?.transformer.config.grid ?? [1, 1]) as readonly number[] as readonly [number, number],
);
export const markedCount = computed(() => marked.value.reduce((sum, value) => sum + value, 0));

const modelName = computed(() => sessions.image.value?.listed.name ?? null);
// Tokens and sizes are the model's: with another model the image must be taken again.
effect(() => {
  void modelName.value;
  canvas.value = null;
  made.value = null;
  shownVersion.value = null;
  editClass.value = null;
  before.value = [];
});

/** Begins with an image of the model's size or larger. */
export function editImage(image: Raster): void {
  const [rows, columns] = grid.value;
  canvas.value = image;
  corner.value = { x: 0, y: 0 };
  marked.value = new Uint8Array(rows * columns);
  made.value = null;
  shownVersion.value = null;
  before.value = [];
  editClass.value ??= images.classes.value[0] ?? null;
}

/** Marks what `isMarked` says of each token. */
export function mark(isMarked: (row: number, column: number, before: boolean) => boolean): void {
  const columns = grid.value[1];
  marked.value = marked.value.map((value, i) =>
    Number(isMarked(Math.floor(i / columns), i % columns, value === 1)),
  );
  forget();
}

/** What was made does not belong to what is marked now. */
function forget(): void {
  if (made.value) made.value = null;
  shownVersion.value = null;
}

/** Moves the window, so far as the image goes; by whole tokens. */
export function moveWindow(to: Place): void {
  const image = canvas.value;
  if (!image) return;
  const side = resolution.value;
  const patch = side / grid.value[1];
  const within = (at: number, length: number) =>
    Math.round(Math.max(0, Math.min(length - side, at)) / patch) * patch;
  corner.value = { x: within(to.x, image.width), y: within(to.y, image.height) };
  marked.value = new Uint8Array(marked.value.length);
  forget();
}

/** The largest side that an image may be extended to, in pixels. */
const mostSide = 1024;

export type Direction = "left" | "right" | "up" | "down";

/** Adds half a window on one side, empty and marked, with the window over it. */
export function extend(direction: Direction): boolean {
  const image = canvas.value;
  if (!image) return false;
  const side = resolution.value;
  const half = side / 2;
  const isAcross = direction === "left" || direction === "right";
  const width = image.width + (isAcross ? half : 0);
  const height = image.height + (isAcross ? 0 : half);
  if (width > mostSide || height > mostSide) return false;
  remember();
  const at = { x: direction === "left" ? half : 0, y: direction === "up" ? half : 0 };
  canvas.value = continued(image, { width, height }, at);
  const last = {
    x: Math.max(0, Math.min(corner.value.x + at.x, width - side)),
    y: Math.max(0, Math.min(corner.value.y + at.y, height - side)),
  };
  corner.value = {
    x: direction === "left" ? 0 : direction === "right" ? width - side : last.x,
    y: direction === "up" ? 0 : direction === "down" ? height - side : last.y,
  };
  const [rows, columns] = grid.value;
  forget();
  mark((row, column) => {
    if (direction === "left") return column < columns / 2;
    if (direction === "right") return column >= columns / 2;
    return direction === "up" ? row < rows / 2 : row >= rows / 2;
  });
  return true;
}

/** A larger image with `image` in it; around it its edge goes on, which what is made there blends with. */
function continued(image: Raster, size: { width: number; height: number }, at: Place): Raster {
  const pixels = new Uint8Array(size.width * size.height * 3);
  const within = (value: number, length: number): number => Math.max(0, Math.min(length - 1, value));
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const from = 3 * (within(y - at.y, image.height) * image.width + within(x - at.x, image.width));
      pixels.set(image.pixels.subarray(from, from + 3), 3 * (y * size.width + x));
    }
  }
  return { ...size, pixels };
}

/** The window's part of the image. */
export function windowOf(image: Raster, { x, y }: Place, side: number): Raster {
  const pixels = new Uint8Array(side * side * 3);
  for (let row = 0; row < side; row++) {
    const start = ((y + row) * image.width + x) * 3;
    pixels.set(image.pixels.subarray(start, start + side * 3), row * side * 3);
  }
  return { width: side, height: side, pixels };
}

/** An image with another one laid over it. */
export function pasted(image: Raster, over: Raster, { x, y }: Place): Raster {
  const pixels = image.pixels.slice();
  for (let row = 0; row < over.height; row++) {
    const line = over.pixels.subarray(row * over.width * 3, (row + 1) * over.width * 3);
    pixels.set(line, ((y + row) * image.width + x) * 3);
  }
  return { ...image, pixels };
}

/** The image with the shown version in it. */
export const shownCanvas = computed<Raster | null>(() => {
  const image = canvas.value;
  const version = shownVersion.value === null ? null : made.value?.made?.images[shownVersion.value];
  return image && version ? pasted(image, version, corner.value) : image;
});

function remember(): void {
  before.value = [...before.value.slice(-20), { canvas: canvas.value!, corner: corner.value }];
}

/** The shown version becomes the image. */
export function keepVersion(): void {
  const image = shownCanvas.value;
  if (!image || shownVersion.value === null) return;
  remember();
  canvas.value = image;
  marked.value = new Uint8Array(marked.value.length);
  forget();
}

/** Takes back the last thing that was kept or extended. */
export function undo(): void {
  const last = before.value.at(-1);
  if (!last) return;
  before.value = before.value.slice(0, -1);
  canvas.value = last.canvas;
  corner.value = last.corner;
  marked.value = new Uint8Array(marked.value.length);
  forget();
}

/** Set where a token is marked. */
function pixelMask(): PixelMask {
  const side = resolution.value;
  const [rows, columns] = grid.value;
  const data = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      data[y * side + x] =
        marked.value[Math.floor((y * rows) / side) * columns + Math.floor((x * columns) / side)]!;
    }
  }
  return { width: side, height: side, data };
}

/** Makes the marked part again, in several versions. */
export async function regenerate(): Promise<void> {
  const image = canvas.value;
  if (!image || markedCount.value === 0) return;
  await runJob("Editing", async (signal) => {
    const session = sessions.image.value ?? (await openModel("image"));
    const plan = images.plan.value ?? session.model.plan;
    const request = { seed: editSeed.value, count: versions.value, plan };
    let own = newSeries(session, { ...request, maskedTokens: markedCount.value });
    made.value = null;
    shownVersion.value = null;
    const args = {
      image: windowOf(image, corner.value, resolution.value),
      mask: pixelMask(),
      class: editClass.value,
      request,
    };
    const result = await callModel("image", "edit", args, {
      signal,
      onEvent: (event, from) => {
        if (signal.aborted) return;
        own = withEvent(own, event, from);
        made.value = own;
      },
    });
    if (signal.aborted) return;
    made.value = withMade(own, result, sessions.image.value!);
    shownVersion.value = 0;
  });
}

/** What makes the shown version again, where the image is that window alone; else null. */
export function editRecord(): ImageRecord | null {
  const image = canvas.value;
  const isWindow = image?.width === resolution.value && image.height === resolution.value;
  return isWindow && made.value?.made && shownVersion.value !== null
    ? recordOf(made.value, shownVersion.value)
    : null;
}
