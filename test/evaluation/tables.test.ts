import { expect, it } from "vitest";
import { markdownTable } from "../../src/evaluation/tables.ts";

it("is written in Markdown, with nothing that ends a cell early", () => {
  const rows = [
    ["baseline", "10"],
    ["a|b", "9"],
  ];
  expect(markdownTable({ head: ["plan", "n"], rows })).toBe(
    "| plan | n |\n| --- | --- |\n| baseline | 10 |\n| a\\|b | 9 |",
  );
});
