import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { readImage } from "../../../src/data/image/image-folder.ts";
import { boxMask } from "../../../src/pipelines/mask.ts";
import { readMask } from "../../../src/pipelines/node/mask-file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mask-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A black image with a white box; `orientation` is its EXIF's. */
async function whiteBox(
  name: string,
  [width, height]: [number, number],
  [left, top, boxWidth, boxHeight]: [number, number, number, number],
  orientation?: number,
): Promise<string> {
  const plain = (w: number, h: number, background: string) =>
    sharp({ create: { width: w, height: h, channels: 3, background } });
  const input = await plain(boxWidth, boxHeight, "white").png().toBuffer();
  const path = join(folder, name);
  const image = plain(width, height, "black").composite([{ input, left, top }]);
  await (orientation ? image.withMetadata({ orientation }) : image).png().toFile(path);
  return path;
}

const marked = (x: number, y: number, width: number, height: number, isOutside = false) =>
  boxMask({ width: 16, height: 16 }, { x, y, width, height }, isOutside);

describe("readMask", () => {
  it("takes a mask of the photo's size through what the photo goes through", async () => {
    // The photo is white where its mask is, so that what comes of both can be compared.
    const image = await whiteBox("photo.png", [96, 64], [32, 16, 24, 32]);
    const { pixels } = await readImage(image, null, { resolution: 16 });
    const seen = Uint8Array.from({ length: 256 }, (_, i) => (pixels[3 * i]! > 127 ? 1 : 0));
    const mask = await readMask(image, false, { image, resolution: 16 });
    expect(mask).toEqual({ width: 16, height: 16, data: seen });
    expect(mask).toEqual(marked(4, 4, 6, 8));
    expect(await readMask(image, true, { image, resolution: 16 })).toEqual(marked(4, 4, 6, 8, true));
  });

  it("goes by the sizes that are seen, of a photo that lies on its side", async () => {
    const image = await whiteBox("turned.png", [96, 64], [0, 0, 8, 8], 6); // seen upright: 64 x 96
    const mask = await whiteBox("upright.png", [64, 96], [16, 32, 32, 24]);
    expect(await readMask(mask, false, { image, resolution: 16 })).toEqual(marked(4, 4, 8, 6));
  });

  it("takes a mask of the model's size as it is", async () => {
    const image = await whiteBox("photo.png", [96, 64], [0, 0, 8, 8]);
    const mask = await whiteBox("small.png", [16, 16], [1, 2, 3, 4]);
    expect(await readMask(mask, false, { image, resolution: 16 })).toEqual(marked(1, 2, 3, 4));
    expect(await readMask(mask)).toEqual(marked(1, 2, 3, 4));
  });

  it("refuses a mask of neither size, and files that are none, by name", async () => {
    const image = await whiteBox("photo.png", [96, 64], [0, 0, 8, 8]);
    const mask = await whiteBox("odd.png", [64, 96], [0, 0, 8, 8]);
    const refused = (path: string, photo = image) =>
      expect(readMask(path, false, { image: photo, resolution: 16 })).rejects;
    await refused(mask).toThrow(InputError);
    await refused(mask).toThrow(
      `${mask}: must be as large as ${image}, 96 x 64 pixels, or as the model's images, 16 x 16, got 64 x 96`,
    );
    const text = join(folder, "notes.png");
    await writeFile(text, "no image");
    await refused(text).toThrow(`cannot read the mask ${text}`);
    await refused(mask, text).toThrow(`cannot read image ${text}`);
    const empty = join(folder, "empty.png");
    await writeFile(empty, "");
    await refused(empty).toThrow(`cannot read the mask ${empty}: `);
    await refused(empty).toThrow(InputError);
    await refused(mask, empty).toThrow(`cannot read image ${empty}: `);
    await refused(mask, empty).toThrow(InputError);
    await refused(join(folder, "gone.png")).toThrow("does not exist");
  });
});
