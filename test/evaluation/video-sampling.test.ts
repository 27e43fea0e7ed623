import { describe, expect, it } from "vitest";
import { samplingLike } from "../../src/evaluation/video-sampling.ts";

describe("the sampling of videos", () => {
  it("is what is asked for, else what the model learned from the same data", () => {
    const trained = { source: "./videos/", stride: 2, fold: 3 } as const;
    expect(samplingLike({ data: "videos" }, trained)).toEqual({ stride: 2, frameRate: undefined, fold: 3 });
    expect(samplingLike({ data: "videos", frameRate: 5 }, trained)).toEqual({
      stride: undefined,
      frameRate: 5,
      fold: 3,
    });
    expect(samplingLike({ data: "others" }, trained).stride).toBeUndefined();
    expect(samplingLike({}, trained).stride).toBeUndefined();
  });
});
