/** Images as half blocks: which colour goes where, and how wide. */
import { expect, it } from "vitest";
import { halfBlocks } from "../../../cli/output/terminal.ts";
import { encodeImage } from "../../../src/data/image/encode.ts";

it("draws two pixels per cell: the upper one in front, the lower one behind", async () => {
  // Columns red over green; a third row, blue, has nothing below it.
  const pixels = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255]);
  const text = await halfBlocks(await encodeImage({ width: 1, height: 3, pixels }));
  expect(text).toBe("\x1b[38;2;255;0;0m\x1b[48;2;0;255;0m▀\x1b[0m\n\x1b[38;2;0;0;255m\x1b[49m▀\x1b[0m");
});

it.each([
  [undefined, 80],
  [0, 80], // a terminal that does not know its width
  [30, 30],
  [500, 100], // never enlarged
])("fits %s columns with %i cells", async (columns, cells) => {
  const pixels = new Uint8Array(100 * 20 * 3);
  const text = await halfBlocks(await encodeImage({ width: 100, height: 20, pixels }), columns);
  for (const line of text.split("\n")) expect(line.split("▀").length - 1).toBe(cells);
});
