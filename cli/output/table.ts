/** Text tables: columns as wide as their widest cell, numbers to the right. */

/** @param rows  cells as text or numbers; every row as long as `head` */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumeric = head.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === "number"));
  const cells = [head, ...rows.map((row) => row.map((cell) => String(cell)))];
  const widths = head.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => (isNumeric[c] ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join("  ")
      .trimEnd();
  return [
    line(cells[0]!),
    widths.map((width) => "-".repeat(width)).join("  "),
    ...cells.slice(1).map(line),
  ].join("\n");
}

/** A big number for people: 1234567 as "1.23 M". */
export function short(value: number): string {
  const units = ["", " k", " M", " G", " T", " P"];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${power === 0 ? value : (value / 1000 ** power).toPrecision(3)}${units[power]}`;
}
