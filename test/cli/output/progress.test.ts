/** The words for the time left. */
import { expect, it } from "vitest";
import { timeLeft } from "../../../cli/output/progress.ts";

it.each([
  [0, "0s left"],
  [59.9, "59s left"],
  [60, "1m00s left"],
  [3599, "59m59s left"],
  [3600, "1h00m left"],
  [7500, "2h05m left"],
  ["INF", ""], // the library's word for a rate of 0
])("says %s seconds as %j", (seconds, words) => {
  expect(timeLeft(seconds)).toBe(words);
});
