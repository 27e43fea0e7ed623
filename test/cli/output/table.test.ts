import { expect, it } from "vitest";
import { markdownTable, table } from "../../../cli/output/table.ts";

const rows = [
  ["baseline", 10],
  ["a|b", 9],
] as const;

it("aligns columns for a terminal, numbers to the right", () => {
  expect(table(["plan", "n"], rows)).toBe("plan   n\n----  --\nflat  10\na|b    9");
});

it("writes the same in Markdown, with nothing that ends a cell early", () => {
  expect(markdownTable(["plan", "n"], rows)).toBe(
    "| plan | n |\n| --- | --- |\n| baseline | 10 |\n| a\\|b | 9 |",
  );
});
