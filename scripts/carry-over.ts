/**
 * Carries a transformer over to another tokenizer with the same grid of tokens, as a start for its training there:
 *
 *     node --import tsx scripts/carry-over.ts models/motions runs/new/model out/carried --clips 480
 *     magnets train configs/motions.yaml --out runs/new --resume --set transformer.init=out/carried
 *
 * Both tokenizers see the same drawn videos. A new code's embedding is the mean of those of the old codes that stood
 * where it stands; its bias gives it its part of their probabilities. All else stays.
 */
import { Command } from "commander";
import { InputError } from "../src/core/errors.ts";
import { type HostTensor, tensor } from "../src/core/tensor.ts";
import { openSource } from "../src/data/open-source.ts";
import { toPlanes } from "../src/data/source.ts";
import { loadTokenizer } from "../src/models/tokenizer/codec.ts";
import { readModel, writeModel } from "../src/pipelines/node/model-folder.ts";
import { readTokenizer } from "../src/runs/initial-weights.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";

/** How often old code w stood where new code v stands: `counts[v][w]`. */
type Table = readonly Float64Array[];

const batch = 8;

const program = new Command("carry-over")
  .argument("<model>", "the model folder whose transformer is carried over")
  .argument("<to>", "a model folder with the other tokenizer, e.g. what --stage tokenizer leaves")
  .argument("<out>", "the new model folder")
  .option("--clips <n>", "drawn videos that both tokenizers see", Number, 480)
  .option("--threads <n>", "CPU threads", Number);
program.parse();
const [from, to, out] = program.args as [string, string, string];
const { clips, threads } = program.opts<{ clips: number; threads?: number }>();

const model = await readModel(from);
const tokenizer = await readTokenizer(to);
const runner = await createNodeRunner({ threads });
const oldCodec = await loadTokenizer(runner, model.tokenizer.config, model.tokenizer.tensors);
const newCodec = await loadTokenizer(runner, tokenizer.config, tokenizer.tensors);
if (oldCodec.grid.join() !== newCodec.grid.join()) {
  throw new InputError(`${to}: must have the grid of ${from}, ${oldCodec.grid}, got ${newCodec.grid}`);
}
const { resolution, frames } = tokenizer.config;
const source = await openSource({ source: "motions", seed: 0, resolution, frames });
const counts = Array.from({ length: newCodec.codebookSize }, () => new Float64Array(oldCodec.codebookSize));
for (let first = 0; first < clips; first += batch) {
  const indexes = Array.from({ length: Math.min(batch, clips - first) }, (_, i) => first + i);
  const planes = toPlanes(await Promise.all(indexes.map((index) => source.read(index))));
  const [old, made] = [await oldCodec.encode(planes), await newCodec.encode(planes)];
  for (const [i, id] of made.data.entries()) counts[id]![old.data[i]!]!++;
}
await runner.close();

const { config, tensors } = model.transformer;
await writeModel(
  out,
  {
    ...model,
    tokenizer,
    transformer: {
      config: { ...config, codebookSize: counts.length },
      tensors: {
        ...tensors,
        "tokens.weight": carriedEmbeddings(tensors["tokens.weight"]!, counts),
        "head.bias": carriedBias(tensors["head.bias"]!, counts),
      },
    },
  },
  { store: "float32" },
);
const seen = counts.filter((row) => sumOf(row) > 0).length;
console.log(`${out}: ${seen} of ${counts.length} codes were seen; the others begin as the mask`);

/** [V + 1, D] of the new codes and the mask, from [W + 1, D]. A code that was not seen begins as the mask. */
function carriedEmbeddings({ dims, data }: HostTensor, table: Table): HostTensor<"float32"> {
  const [rows, width] = dims as [number, number];
  const carried = new Float32Array((table.length + 1) * width);
  for (const [v, row] of [...table, new Float64Array(rows - 1)].entries()) {
    const total = sumOf(row);
    const shares = total > 0 ? [...row].map((count) => count / total) : [...row, 1];
    for (const [w, share] of shares.entries()) {
      if (share === 0) continue;
      for (let d = 0; d < width; d++) carried[v * width + d]! += share * Number(data[w * width + d]);
    }
  }
  return tensor("float32", [table.length + 1, width], carried);
}

/** [V] from [W]: an old code's probability is shared out among the new ones that stood at its places. */
function carriedBias({ data }: HostTensor, table: Table): HostTensor<"float32"> {
  const totals = Array.from({ length: data.length }, (_, w) => table.reduce((sum, row) => sum + row[w]!, 0));
  const least = 1e-6; // of codes that were not seen, so that no logit is infinite
  const biases = table.map((row) => {
    const shares = [...row].map((count, w) =>
      count === 0 ? 0 : (count / totals[w]!) * Math.exp(Number(data[w])),
    );
    return Math.log(Math.max(least, sumOf(shares)));
  });
  return tensor("float32", [table.length], Float32Array.from(biases));
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
