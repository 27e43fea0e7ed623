import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { setSizes } from "../../src/evaluation/set-sizes.ts";

const holding = (length: number | null) => ({ name: "photos/", length });

describe("setSizes", () => {
  it.each([
    [null, {}, [2000, 10_000]],
    [12_000, {}, [2000, 10_000]],
    [12_000, { samples: 40 }, [40, 10_000]],
    [60, { samples: 40, referenceImages: 20 }, [40, 20]],
  ])("of %j images and %j asked needs no word", (length, asked, [samples, referenceImages]) => {
    expect(setSizes(holding(length), asked)).toEqual({ samples, referenceImages, warnings: [] });
  });

  it.each([
    [11_999, {}, [2000, 9999]],
    [5000, {}, [2000, 3000]],
    [200, {}, [100, 100]],
    [41, {}, [20, 21]],
    [8, {}, [4, 4]],
    [200, { samples: 40 }, [40, 160]],
    [200, { referenceImages: 150 }, [50, 150]],
  ])("of %j images and %j asked takes what there is, and says what that is worth", (length, asked, sizes) => {
    const { samples, referenceImages, warnings } = setSizes(holding(length), asked);
    expect([samples, referenceImages]).toEqual(sizes);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `photos/ holds out few images, so ${samples} are compared with ${referenceImages} in the place of 2000 with ` +
        "10000 (--samples, --reference-images): distances of small sets are too large",
    );
  });

  it.each([
    [
      7,
      {},
      /evaluate: data: must hold out 4 images .*--samples.* 4 others .*--reference-images.*out 7: give more/,
    ],
    [0, {}, /got "photos\/"; which holds out 0/],
    [
      50,
      { samples: 40, referenceImages: 20 },
      /40 images to measure .* 20 others .* holds out 50: ask for fewer/,
    ],
    [50, { samples: 48 }, /48 images to measure .* 4 others/],
    [50, { referenceImages: 50 }, /4 images to measure .* 50 others/],
  ])("refuses %j images with %j asked", (length, asked, message) => {
    expect(() => setSizes(holding(length), asked)).toThrow(InputError);
    expect(() => setSizes(holding(length), asked)).toThrow(message);
  });
});
