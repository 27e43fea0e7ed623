/** A training's log as the training view reads it: lines, charts, the time that is left. */
import { describe, expect, it } from "vitest";
import { chartsOf, parseLog, secondsLeft } from "../../../studio/state/run-log.ts";

describe("lines", () => {
  it("are read; what is none is passed over, and what JSON has no number for is not finite", () => {
    const lines = parseLog(
      '{"step":1,"loss":2}\nnonsense\n{"loss":3}\n\n{"step":2,"loss":"NaN","note":null}\n{"st',
    );
    expect(lines).toEqual([
      { step: 1, figures: { loss: 2 } },
      { step: 2, figures: { loss: Number.NaN } },
    ]);
  });
});

describe("charts", () => {
  const lines = parseLog(
    [
      '{"step":10,"loss":10,"loss.p1":2,"loss.p8":4,"gflops":20,"mine":1,"seconds":5}',
      '{"step":20,"loss":8,"loss.p1":1,"loss.p8":"NaN","heldOut.p1":1.5,"heldOut.loss":2,"gflops":21,"mine":2,"seconds":9}',
    ].join("\n"),
  );
  const charts = chartsOf(lines);

  it("come in their order, what is unknown last, and the clock not at all", () => {
    expect(charts.map(({ name, title }) => [name, title])).toEqual([
      ["loss", "Loss"],
      ["gflops", "Arithmetic"],
      ["mine", "mine"],
    ]);
  });

  it("have sub-models beside each other, held-out images dashed, and gaps where nothing is known", () => {
    expect(charts[0]!.steps).toEqual([10, 20]);
    expect(charts[0]!.series).toEqual([
      { label: "whole model", factor: 1, isHeldOut: false, values: [2, 1] },
      { label: "1/8", factor: 8, isHeldOut: false, values: [4, null] },
      { label: "whole model, held out", factor: 1, isHeldOut: true, values: [null, 1.5] },
    ]);
  });

  it("of a network without sub-models show its loss", () => {
    const [loss] = chartsOf(parseLog('{"step":1,"loss":2,"psnr":20}'));
    expect(loss!.series.map(({ values }) => values)).toEqual([[2]]);
  });
});

describe("the time left", () => {
  const log = (...points: [step: number, seconds: number][]) =>
    points.map(([step, seconds]) => ({ step, figures: { seconds } }));

  it("follows from the last lines", () => {
    // Slow at first, then a second a step: 60 steps to go.
    const lines = log([1, 500], [10, 900], [15, 905], [20, 910], [25, 915], [30, 920], [40, 930]);
    expect(secondsLeft(lines, 100)).toBeCloseTo(60);
  });

  it("is not known from one line, without an end, or of a clock that stands", () => {
    expect(secondsLeft(log([1, 2]), 100)).toBeNull();
    expect(secondsLeft(log([1, 2], [2, 3]), null)).toBeNull();
    expect(secondsLeft(log([1, 2], [2, 2]), 100)).toBeNull();
  });
});
