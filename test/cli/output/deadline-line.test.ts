import { describe, expect, it } from "vitest";
import { deadlineLine } from "../../../cli/output/deadline-line.ts";
import { makePlan } from "../../../src/decoding/plan.ts";

const line = (leaveOut?: readonly number[], modelSchedule = "8x4,1x8") =>
  deadlineLine({
    plan: makePlan({ modelSchedule, ...(leaveOut && { leaveOut: [...leaveOut] }) }),
    stats: {
      seconds: 0.4,
      multiplyAdds: 1,
      baselineMultiplyAdds: 2,
      ratio: 2,
      batchSize: 1,
      deadline: { milliseconds: 500, isKept: true, planned: "8x4,1x8" },
    },
  });

describe("deadlineLine", () => {
  it("says whether it was kept, and that nothing changed", () => {
    expect(line()).toContain("deadline of 500 ms kept: 400 ms; planned 8x4,1x8, ran as planned;");
  });

  it("says by which sub-models it ran, and which steps were left out, from 1", () => {
    expect(line(undefined, "8x12")).toContain("planned 8x4,1x8, ran 8x12;");
    expect(line([3])).toContain("ran 8x4,1x8 without step 4;");
    expect(line([1, 3, 4, 5, 8, 9])).toContain("ran 8x4,1x8 without steps 2, 4-6, 9-10;");
  });
});
