import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Completion,
  filledIn,
  isGiven,
  knownTokens,
  withGivenFrames,
} from "../../src/data/completion.ts";
import { frameOf, type Video, videoOf } from "../../src/data/source.ts";

const cases = fc
  .record({ frames: fc.integer({ min: 2, max: 8 }), seed: fc.nat() })
  .chain(({ frames, seed }) =>
    fc.record({
      video: fc.constant(randomVideo(frames, seed)),
      completion: fc.oneof(
        fc.integer({ min: 1, max: frames - 1 }).map((given): Completion => ({ task: "predict", given })),
        fc.constant<Completion>({ task: "interpolate" }),
      ),
    }),
  );

function randomVideo(frames: number, seed: number): Video {
  const pixels = Uint8Array.from({ length: frames * 2 * 3 * 3 }, (_, i) => (seed * 31 + i * 101) % 256);
  return { width: 3, height: 2, frames, pixels };
}

const bytes = (video: Video, t: number) => [...frameOf(video, t).pixels];

describe("filledIn", () => {
  it("keeps given frames and reads nothing of the missing ones", () => {
    fc.assert(
      fc.property(cases, ({ video, completion }) => {
        const hidden = videoOf(
          Array.from({ length: video.frames }, (_, t) => {
            const frame = frameOf(video, t);
            return isGiven(completion, t, video.frames)
              ? frame
              : { ...frame, pixels: new Uint8Array(18).fill(7) };
          }),
        );
        const filled = filledIn(video, completion);
        expect(filledIn(hidden, completion)).toEqual(filled);
        for (let t = 0; t < video.frames; t++) {
          if (isGiven(completion, t, video.frames)) expect(bytes(filled, t)).toEqual(bytes(video, t));
        }
      }),
    );
  });

  it("repeats the last given frame, or blends the two ends", () => {
    const video = randomVideo(5, 3);
    const repeated = filledIn(video, { task: "predict", given: 2 });
    for (const t of [2, 3, 4]) expect(bytes(repeated, t)).toEqual(bytes(video, 1));
    const [a, b] = [bytes(video, 0), bytes(video, 4)];
    expect(bytes(filledIn(video, { task: "interpolate" }), 1)).toEqual(
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
      fc.property(cases, ({ video, completion }) => {
        const made = randomVideo(video.frames, 1e6);
        const pasted = withGivenFrames(made, video, completion);
        for (let t = 0; t < video.frames; t++) {
          const from = isGiven(completion, t, video.frames) ? video : made;
          expect(bytes(pasted, t)).toEqual(bytes(from, t));
        }
      }),
    );
  });
});
