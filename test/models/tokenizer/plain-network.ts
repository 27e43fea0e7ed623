/** The tokenizer's autoencoder for one picture as plain float64 loops, from the description of MaskGIT's network. */
import type { HostTensor } from "../../../src/core/tensor.ts";
import type { TokenizerConfig } from "../../../src/models/tokenizer/config.ts";

/** maps[channel][row][column] */
type Maps = number[][][];
type Weights = Readonly<Record<string, HostTensor>>;

const grid = (
  channels: number,
  height: number,
  width: number,
  at: (c: number, y: number, x: number) => number,
) =>
  Array.from({ length: channels }, (_, c) =>
    Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => at(c, y, x))),
  );

const like = (maps: Maps, at: (c: number, y: number, x: number) => number): Maps =>
  grid(maps.length, maps[0]!.length, maps[0]![0]!.length, at);

const add = (a: Maps, b: Maps): Maps => like(a, (c, y, x) => a[c]![y]![x]! + b[c]![y]![x]!);

function convolve(maps: Maps, name: string, weights: Weights): Maps {
  const kernel = weights[`${name}.weight`]!;
  const [out, into, size] = kernel.dims as [number, number, number];
  const bias = weights[`${name}.bias`];
  const reach = (size - 1) / 2;
  return grid(out, maps[0]!.length, maps[0]![0]!.length, (o, y, x) => {
    let total = bias ? Number(bias.data[o]) : 0;
    for (let i = 0; i < into; i++) {
      for (let dy = 0; dy < size; dy++) {
        for (let dx = 0; dx < size; dx++) {
          const value = maps[i]![y + dy - reach]?.[x + dx - reach] ?? 0;
          total += value * Number(kernel.data[((o * into + i) * size + dy) * size + dx]);
        }
      }
    }
    return total;
  });
}

/** Group norm over (channels of the group, all positions), then x sigmoid(x). */
function activate(maps: Maps, name: string, weights: Weights, groups: number): Maps {
  const per = maps.length / groups;
  const statistics = Array.from({ length: groups }, (_, g) => {
    const all = maps.slice(g * per, (g + 1) * per).flat(2);
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
    return { mean, deviation: Math.sqrt(variance + 1e-6) };
  });
  return like(maps, (c, y, x) => {
    const { mean, deviation } = statistics[Math.floor(c / per)]!;
    const gain = Number(weights[`${name}.weight`]!.data[c]);
    const value = ((maps[c]![y]![x]! - mean) / deviation) * gain + Number(weights[`${name}.bias`]!.data[c]);
    return value / (1 + Math.exp(-value));
  });
}

function block(maps: Maps, name: string, weights: Weights, config: TokenizerConfig): Maps {
  const h = convolve(activate(maps, `${name}.norm1`, weights, config.groups), `${name}.conv1`, weights);
  const y = convolve(activate(h, `${name}.norm2`, weights, config.groups), `${name}.conv2`, weights);
  if (!weights[`${name}.nin_shortcut.weight`]) return add(maps, y);
  const skipped = config.shortcut === "input" ? maps : y;
  return add(convolve(skipped, `${name}.nin_shortcut`, weights), y);
}

/** Channel (dy * size + dx) * C + c of a token is pixel (dy, dx) of colour c of its patch. */
export function toPatches(maps: Maps, size: number): Maps {
  const colours = maps.length;
  return grid(colours * size * size, maps[0]!.length / size, maps[0]![0]!.length / size, (k, y, x) => {
    const place = Math.floor(k / colours);
    return maps[k % colours]![y * size + Math.floor(place / size)]![x * size + (place % size)]!;
  });
}

export function fromPatches(patches: Maps, size: number): Maps {
  const colours = patches.length / size ** 2;
  return grid(colours, patches[0]!.length * size, patches[0]![0]!.length * size, (c, y, x) => {
    const place = (y % size) * size + (x % size);
    return patches[place * colours + c]![Math.floor(y / size)]![Math.floor(x / size)]!;
  });
}

export function plainEncode(pixels: Maps, weights: Weights, config: TokenizerConfig): Maps {
  let x = convolve(toPatches(pixels, config.patchSize), "encoder.conv_in", weights);
  config.multipliers.forEach((_, level) => {
    for (let i = 0; i < config.residualBlocks; i++)
      x = block(x, `encoder.down.${level}.block.${i}`, weights, config);
    if (level === config.multipliers.length - 1) return;
    const fine = x;
    x = grid(fine.length, fine[0]!.length / 2, fine[0]![0]!.length / 2, (c, row, column) => {
      const [a, b] = [fine[c]![2 * row]!, fine[c]![2 * row + 1]!];
      return (a[2 * column]! + a[2 * column + 1]! + b[2 * column]! + b[2 * column + 1]!) / 4;
    });
  });
  for (let i = 0; i < config.residualBlocks; i++) x = block(x, `encoder.mid.${i}`, weights, config);
  return convolve(activate(x, "encoder.norm_out", weights, config.groups), "encoder.conv_out", weights);
}

export function plainDecode(latents: Maps, weights: Weights, config: TokenizerConfig): Maps {
  let x = convolve(latents, "decoder.conv_in", weights);
  for (let i = 0; i < config.residualBlocks; i++) x = block(x, `decoder.mid.${i}`, weights, config);
  for (let level = config.multipliers.length - 1; level >= 0; level--) {
    for (let i = 0; i < config.residualBlocks; i++)
      x = block(x, `decoder.up.${level}.block.${i}`, weights, config);
    if (level === 0) break;
    const coarse = x;
    const doubled = grid(x.length, 2 * x[0]!.length, 2 * x[0]![0]!.length, (c, row, column) => {
      return coarse[c]![row >> 1]![column >> 1]!;
    });
    x = convolve(doubled, `decoder.up.${level}.upsample_conv`, weights);
  }
  const patches = convolve(
    activate(x, "decoder.norm_out", weights, config.groups),
    "decoder.conv_out",
    weights,
  );
  return fromPatches(patches, config.patchSize);
}

/** Picture `index` of planes [B, C, H, W]. */
export function mapsOf({ dims, data }: HostTensor, index = 0): Maps {
  const [, channels, height, width] = dims as [number, number, number, number];
  return grid(channels, height, width, (c, y, x) =>
    Number(data[((index * channels + c) * height + y) * width + x]),
  );
}
