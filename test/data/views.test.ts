import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyFromSeed } from "../../src/core/random.ts";
import { type Image, type ImageSource, mirror, toPlanes } from "../../src/data/source.ts";
import { imageBatches, keptInMemory, randomBatch, selected } from "../../src/data/views.ts";

/** Ten images whose classId is their index; `read` tells which ones were drawn. */
function ten(): { source: ImageSource; drawn: number[] } {
  const drawn: number[] = [];
  const source: ImageSource = {
    name: "ten",
    classNames: [],
    resolution: 1,
    length: 10,
    async read(index): Promise<Image> {
      if (!(index >= 0 && index < 10)) throw new RangeError(`no image ${index}`);
      drawn.push(index);
      return { width: 1, height: 1, pixels: new Uint8Array(3), classId: index };
    },
  };
  return { source, drawn };
}

describe("randomBatch", () => {
  // Image i: a row of two pixels, i and 100 + i.
  const source: ImageSource = {
    ...ten().source,
    read: async (i) => ({
      width: 2,
      height: 1,
      pixels: Uint8Array.of(i, i, i, 100 + i, 100 + i, 100 + i),
      classId: i,
    }),
  };
  const draw = async (randomFlip: boolean, seed = 3) => {
    const { pixels, images } = await randomBatch(source, {
      ...{ count: 5, size: 400, randomFlip },
      key: keyFromSeed(seed),
    });
    expect(pixels.dims).toEqual([400, 3, 1, 2]);
    const left = images.map((_, i) => Math.round(255 * pixels.data[6 * i]!));
    return { classIds: images.map(({ classId }) => classId), left };
  };

  it("draws with replacement from the first ones, about equally often, by its key alone", async () => {
    const { classIds, left } = await draw(false);
    expect(left).toEqual(classIds);
    for (const classId of [0, 1, 2, 3, 4]) {
      const times = classIds.filter((drawn) => drawn === classId).length;
      expect(Math.abs(times - 80)).toBeLessThan(40); // five standard deviations
    }
    expect(await draw(false)).toEqual({ classIds, left });
    expect((await draw(false, 4)).classIds).not.toEqual(classIds);
  });

  it("turns about half of the same images", async () => {
    const { classIds, left } = await draw(true);
    expect(classIds).toEqual((await draw(false)).classIds);
    const turned = left.filter((value, i) => value === 100 + classIds[i]!).length;
    expect(left.filter((value, i) => value === classIds[i]!).length).toBe(400 - turned);
    expect(Math.abs(turned - 200)).toBeLessThan(50);
  });

  it("moves the same images by as many pixels to either side as it may, the border going on", async () => {
    const one = { count: 5, size: 300, randomFlip: false, key: keyFromSeed(3) };
    const { pixels, images } = await randomBatch(source, { ...one, shift: 1 });
    expect(images.map(({ classId }) => classId)).toEqual((await draw(false)).classIds.slice(0, 300));
    const rows = images.map(({ classId }, i) =>
      [0, 1].map((x) => Math.round(255 * pixels.data[6 * i + x]!) - classId!).join(),
    );
    // To the left, not at all, to the right; up and down there is one row.
    expect(new Set(rows)).toEqual(new Set(["100,100", "0,100", "0,0"]));
    for (const kind of new Set(rows)) {
      expect(Math.abs(rows.filter((row) => row === kind).length - 100)).toBeLessThan(41); // five deviations
    }
  });
});

describe("selected", () => {
  it("has the chosen images in the chosen order, and no others", async () => {
    const some = selected(ten().source, Int32Array.of(7, 0, 7));
    expect(some.length).toBe(3);
    const classIds = await Promise.all([0, 1, 2].map(async (index) => (await some.read(index)).classId));
    expect(classIds).toEqual([7, 0, 7]);
    await expect(some.read(3)).rejects.toThrow(RangeError);
  });
});

describe("keptInMemory", () => {
  it("draws each image once", async () => {
    const { source, drawn } = ten();
    const kept = keptInMemory(source);
    for (const index of [3, 1, 3, 1, 3]) expect((await kept.read(index)).classId).toBe(index);
    expect(drawn).toEqual([3, 1]);
  });
});

describe("imageBatches", () => {
  it("covers from..from+count-1 once, in order, in full batches but the last", async () => {
    const range = { from: fc.nat(5), count: fc.nat(5), size: fc.integer({ min: 1, max: 6 }) };
    await fc.assert(
      fc.asyncProperty(fc.record(range), async ({ from, count, size }) => {
        const { source, drawn } = ten();
        const batches: (number | null)[][] = [];
        for await (const batch of imageBatches(source.read, { from, count, size })) {
          batches.push(batch.map(({ classId }) => classId));
        }
        expect(batches.flat()).toEqual(Array.from({ length: count }, (_, i) => from + i));
        expect(batches.slice(0, -1).every((batch) => batch.length === size)).toBe(true);
        expect(drawn).toEqual(batches.flat());
      }),
    );
  });

  it("reads one batch ahead of the caller, no more", async () => {
    const { source, drawn } = ten();
    for await (const _ of imageBatches(source.read, { count: 10, size: 2 })) break;
    expect(drawn).toEqual([0, 1, 2, 3]);
  });

  it("stops with the signal's reason, and passes on what a read throws", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const all = async (count: number) => {
      for await (const batch of imageBatches(ten().source.read, { count, size: 4 })) {
        seen.push(batch.length);
      }
    };
    await expect(all(11)).rejects.toThrow("no image 10");
    expect(seen).toEqual([4, 4]);
    const { signal } = controller;
    const stopped = (async () => {
      for await (const _ of imageBatches(ten().source.read, { count: 8, size: 4, signal })) {
        controller.abort(new Error("enough"));
      }
    })();
    await expect(stopped).rejects.toThrow("enough");
  });
});

describe("mirror", () => {
  const row = (...reds: number[]): Image => ({
    width: reds.length,
    height: 1,
    pixels: Uint8Array.from(reds.flatMap((red) => [red, 0, 255 - red])),
    classId: 0,
  });

  it("turns one image or all of them left to right, every channel", () => {
    const planes = toPlanes([row(1, 2, 3), row(4, 5, 6)]);
    mirror(planes, 1);
    expect(planes).toEqual(toPlanes([row(1, 2, 3), row(6, 5, 4)]));
    mirror(planes);
    expect(planes).toEqual(toPlanes([row(3, 2, 1), row(4, 5, 6)]));
  });
});
