import { expect, it } from "vitest";
import { openTimeLeft } from "../../src/evaluation/time-left.ts";

it("goes by the work done so far, and by nothing that was skipped", () => {
  let time = 100;
  const left = openTimeLeft(100, () => time);
  left.finish(40, true); // 60 left
  expect(left.seconds(0)).toBeNull(); // the clock starts
  time += 10;
  expect(left.seconds(20)).toBeCloseTo(20, 12); // 20 in 10 s, 40 to go
  left.finish(30, false);
  time += 20;
  expect(left.seconds(0)).toBeCloseTo(30, 12); // 30 in 30 s, 30 to go
  left.finish(30, false);
  expect(left.seconds(0)).toBe(0);
});
