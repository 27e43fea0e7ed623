import { expect, it } from "vitest";
import { table } from "../../../cli/output/table.ts";

it("aligns columns for a terminal, numbers to the right", () => {
  const rows = [
    ["baseline", 10],
    ["a|b", 9],
  ];
  expect(table(["plan", "n"], rows)).toBe("plan       n\n--------  --\nbaseline  10\na|b        9");
});
