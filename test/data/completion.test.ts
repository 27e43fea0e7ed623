import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Completion,
  filledIn,
  isGiven,
  knownTokens,
  withGivenFrames,
} from "../../src/data/completion.ts";
import { type Clip, clipOf, frameOf } from "../../src/data/source.ts";

const cases = fc
  .record({ frames: fc.integer({ min: 2, max: 8 }), seed: fc.nat() })
  .chain(({ frames, seed }) =>
    fc.record({
      clip: fc.constant(randomClip(frames, seed)),
      completion: fc.oneof(
        fc.integer({ min: 1, max: frames - 1 }).map((given): Completion => ({ task: "predict", given })),
        fc.constant<Completion>({ task: "interpolate" }),
      ),
    }),
  );

function randomClip(frames: number, seed: number): Clip {
  const pixels = Uint8Array.from({ length: frames * 2 * 3 * 3 }, (_, i) => (seed * 31 + i * 101) % 256);
  return { width: 3, height: 2, frames, pixels };
}

const bytes = (clip: Clip, t: number) => [...frameOf(clip, t).pixels];

describe("filledIn", () => {
  it("keeps given frames and reads nothing of the missing ones", () => {
    fc.assert(
      fc.property(cases, ({ clip, completion }) => {
        const hidden = clipOf(
          Array.from({ length: clip.frames }, (_, t) => {
            const frame = frameOf(clip, t);
            return isGiven(completion, t, clip.frames)
              ? frame
              : { ...frame, pixels: new Uint8Array(18).fill(7) };
          }),
        );
        const filled = filledIn(clip, completion);
        expect(filledIn(hidden, completion)).toEqual(filled);
        for (let t = 0; t < clip.frames; t++) {
          if (isGiven(completion, t, clip.frames)) expect(bytes(filled, t)).toEqual(bytes(clip, t));
        }
      }),
    );
  });

  it("repeats the last given frame, or blends the two ends", () => {
    const clip = randomClip(5, 3);
    const repeated = filledIn(clip, { task: "predict", given: 2 });
    for (const t of [2, 3, 4]) expect(bytes(repeated, t)).toEqual(bytes(clip, 1));
    const [a, b] = [bytes(clip, 0), bytes(clip, 4)];
    expect(bytes(filledIn(clip, { task: "interpolate" }), 1)).toEqual(
      a.map((value, i) => Math.round(0.75 * value + 0.25 * b[i]!)),
    );
  });
});

describe("knownTokens", () => {
  it("marks the tokens whose frames include a given one: 5 of 16 frames are 2 of 4 latent frames", () => {
    const grid = [4, 2, 3] as const;
    const known = (completion: Completion) => knownTokens(completion, 16, grid);
    const layers = (completion: Completion) => [0, 6, 12, 18].map((at) => known(completion)[at]);
    expect(layers({ task: "predict", given: 5 })).toEqual([true, true, false, false]);
    expect(layers({ task: "predict", given: 4 })).toEqual([true, false, false, false]);
    expect(layers({ task: "predict", given: 1 })).toEqual([true, false, false, false]);
    expect(layers({ task: "interpolate" })).toEqual([true, false, false, true]);
    expect(known({ task: "predict", given: 5 })).toHaveLength(24);
  });
});

describe("withGivenFrames", () => {
  it("puts back exactly the given frames", () => {
    fc.assert(
      fc.property(cases, ({ clip, completion }) => {
        const made = randomClip(clip.frames, 1e6);
        const pasted = withGivenFrames(made, clip, completion);
        for (let t = 0; t < clip.frames; t++) {
          const from = isGiven(completion, t, clip.frames) ? clip : made;
          expect(bytes(pasted, t)).toEqual(bytes(from, t));
        }
      }),
    );
  });
});
