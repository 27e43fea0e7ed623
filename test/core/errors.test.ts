/** The error for a name that nobody knows. */
import { describe, expect, it } from "vitest";
import { unknownName } from "../../src/core/errors.ts";

describe("unknownName", () => {
  it("lists what there is and suggests the nearest", () => {
    expect(unknownName("classes", "dgo", ["cat", "dog"]).message).toBe(
      'classes: must be one of cat, dog, got "dgo"; did you mean "dog"?',
    );
  });

  it("suggests nothing where nothing is like it", () => {
    expect(unknownName("classes", "zeppelin", ["cat", "dog"]).message).toBe(
      'classes: must be one of cat, dog, got "zeppelin"',
    );
  });

  it("of twelve hundred names lists the nearest five", () => {
    const names = Array.from({ length: 1200 }, (_, i) => `class ${i}`);
    const { message } = unknownName("classes", "class 120x", names);
    expect(message).toMatch(
      /^classes: must be one of 1200 names, of which the nearest are class 120, (class \d+, ){3}class \d+, got/,
    );
    expect(message).toContain('did you mean "class 120"?');
    expect(message.length).toBeLessThan(200);
  });
});
