import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { encodeImage } from "../../../src/data/image/encode.ts";
import { readPngText, withPngText } from "../../../src/data/image/png-text.ts";

const image = { width: 3, height: 2, pixels: Uint8Array.from({ length: 18 }, (_, i) => i * 13) };
const making = {
  ...{ model: "sprites", seed: "18446744073709551615", index: 4 },
  ...{ class: 'Žluťoučký "kůň" 😀', plan: { steps: 12 } },
};

describe("a PNG with a text", () => {
  it("gives it back, whatever its letters, and the same pixels", async () => {
    const png = await encodeImage(image, { making });
    expect(JSON.parse(readPngText(png, "magnets")!)).toEqual(making);
    expect(readPngText(png, "other")).toBeNull();
    expect(await sharp(png).raw().toBuffer()).toEqual(Buffer.from(image.pixels));
  });

  it("is read by others: sharp finds the text, and the checksum is zlib's", async () => {
    const png = await encodeImage(image, { making });
    const { comments } = await sharp(png).metadata();
    expect(comments!.map(({ keyword }) => keyword)).toEqual(["magnets"]);
    expect(JSON.parse(comments![0]!.text)).toEqual(making);
    const at = Buffer.from(png).indexOf("tEXt");
    const length = Buffer.from(png).readUInt32BE(at - 4);
    const sum = Buffer.from(png).readUInt32BE(at + 4 + length);
    expect(sum).toBe(crc32(png.subarray(at, at + 4 + length)));
  });

  it("is the file without it but for its chunk", async () => {
    const plain = await encodeImage(image);
    const png = withPngText(plain, "magnets", making);
    const at = Buffer.from(png).indexOf("tEXt") - 4;
    const length = Buffer.from(png).readUInt32BE(at);
    expect(Buffer.concat([png.subarray(0, at), png.subarray(at + 12 + length)])).toEqual(Buffer.from(plain));
    expect(readPngText(plain, "magnets")).toBeNull();
  });

  it("is refused where it is no PNG, or cut off", async () => {
    const png = await encodeImage(image, { making });
    expect(() => readPngText(Uint8Array.of(1, 2, 3), "magnets")).toThrow(InputError);
    expect(() => readPngText(png.subarray(0, 60), "magnets")).toThrow(/cut off/);
    expect(() => withPngText(new Uint8Array(0), "magnets", making)).toThrow(/no PNG/);
    for (let length = 8; length < png.length; length++) {
      try {
        readPngText(png.subarray(0, length), "magnets");
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  });
});

describe("encodeImage", () => {
  it("repeats pixels, and keeps every one in a PNG", async () => {
    const png = await encodeImage(image, { scale: 2 });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([6, 4]);
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 6; x++) {
        const from = 3 * (3 * (y >> 1) + (x >> 1));
        expect([...data.subarray(3 * (6 * y + x), 3 * (6 * y + x) + 3)]).toEqual([
          ...image.pixels.subarray(from, from + 3),
        ]);
      }
    }
  });

  it("has the quality that is asked for, and refuses what is none", async () => {
    const large = {
      width: 64,
      height: 64,
      pixels: Uint8Array.from({ length: 12288 }, (_, i) => (i * i) % 251),
    };
    const [low, high] = await Promise.all(
      [10, 95].map((quality) => encodeImage(large, { format: "jpeg", quality })),
    );
    expect(low!.length).toBeLessThan(high!.length);
    expect((await sharp(await encodeImage(image, { format: "webp" })).metadata()).format).toBe("webp");
    await expect(encodeImage(image, { scale: 0 })).rejects.toThrow(/scale must be a whole number/);
    await expect(encodeImage(image, { format: "jpeg", quality: 101 })).rejects.toThrow(/quality must be/);
  });
});
