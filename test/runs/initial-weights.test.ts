/** What a transformer starts from where its grid is not that of the model it comes from. */
import { expect, it } from "vitest";
import { type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { initialTransformer } from "../../src/runs/initial-weights.ts";
import { temporaryFolder } from "../data/video/films.ts";
import { toyModel } from "../pipelines/toy-model.ts";

const folder = temporaryFolder();

/** A plane over the image, by the middle of each of a grid's cells: 1 + 2 y + 5 x at column 0, half of that at column 1. */
function plane([rows, columns]: readonly [number, number], width: number): Float32Array {
  const values = new Float32Array((1 + rows * columns) * width);
  values.fill(9, 0, width); // the row that is no place
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const value = 1 + (2 * (y + 0.5)) / rows + (5 * (x + 0.5)) / columns;
      values.set([value, value / 2], (1 + y * columns + x) * width);
    }
  }
  return values;
}

async function positionsFor(grid: readonly [number, number]): Promise<HostTensor> {
  const model = toyModel();
  const { config, tensors } = model.transformer;
  const positions = tensor("float32", [17, config.width], plane([4, 4], config.width));
  const given = { ...model, transformer: { config, tensors: { ...tensors, "positions.weight": positions } } };
  await writeModel(folder.path, given, { store: "float32" });
  const made = await initialTransformer(folder.path, {
    ...{ config: { ...config, grid: [...grid] }, classNames: model.classNames },
    ...{ tokenizer: model.tokenizer.tensors, key: [1, 2] },
  });
  for (const [name, { data }] of Object.entries(tensors)) {
    if (name !== "positions.weight") expect(made![name]!.data, name).toEqual(data);
  }
  return made!["positions.weight"]!;
}

it("positions of a smaller grid are between those of the cells that they cover", async () => {
  for (const grid of [
    [4, 4],
    [2, 2],
    [1, 4],
    [3, 2],
  ] as const) {
    const { dims, data } = await positionsFor(grid);
    expect(dims).toEqual([1 + sizeOf(grid), 16]);
    const expected = plane(grid, 16);
    for (const [i, value] of data.entries()) expect(Number(value)).toBeCloseTo(expected[i]!, 5);
  }
});

it("positions of a larger grid lie on the same plane, but for the border, which is continued", async () => {
  const { data } = await positionsFor([8, 8]);
  const expected = plane([8, 8], 16);
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const inside = (at: number) => Math.max(1, Math.min(7, at + 0.5)); // the middles of the outer cells
      const at = (1 + y * 8 + x) * 16;
      expect(Number(data[at])).toBeCloseTo(1 + (2 * inside(y)) / 8 + (5 * inside(x)) / 8, 5);
    }
  }
  expect([...data.subarray(0, 16)]).toEqual([...expected.subarray(0, 16)]);
});
