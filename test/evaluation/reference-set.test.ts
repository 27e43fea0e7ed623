import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import type { ClassifierFolder } from "../../src/evaluation/features/classifier-folder.ts";
import { requireFittingClassifier } from "../../src/evaluation/reference-set.ts";

const classifierOf = (classNames: readonly string[], resolution = 64) =>
  ({ config: { resolution }, classNames }) as unknown as ClassifierFolder;

describe("requireFittingClassifier", () => {
  it("takes the same names, however their accents are written", () => {
    const made = { resolution: 64, classNames: ["cat", "cafe\u0301"] };
    expect(() => requireFittingClassifier(made, classifierOf(["cat", "caf\u00e9"]))).not.toThrow();
    expect(() => requireFittingClassifier(made, classifierOf(["cat", "cafe"]))).toThrow(InputError);
    expect(() => requireFittingClassifier(made, classifierOf(["cat"]))).toThrow(/images of cat; give/);
    expect(() => requireFittingClassifier(made, classifierOf(made.classNames, 32))).toThrow(
      /64 x 64.*32 x 32/,
    );
  });

  it("tells of very many classes the first one that is another", () => {
    const classNames = Array.from({ length: 1200 }, (_, i) => `class number ${i}`);
    const others = [...classNames.slice(0, 1000), "dog", ...classNames.slice(1001)];
    expect(() => requireFittingClassifier({ resolution: 64, classNames }, classifierOf(others))).toThrow(
      "of 1200 classes (class 1000: class number 1000), got one of 64 x 64 images of 1200 classes (class 1000: dog);",
    );
  });
});
