/** The autoencoder: the published network by name, shape and count, and every part against plain loops. */
import { describe, expect, it } from "vitest";
import { type HostTensor, sizeOf } from "../../../src/core/tensor.ts";
import { Graph } from "../../../src/graph/index.ts";
import { countParameters, parameterInputs } from "../../../src/models/parameters.ts";
import { tokenizerParameters } from "../../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig } from "../../../src/models/tokenizer/config.ts";
import { autoencoderParameters, decodeLatents, encodePixels } from "../../../src/models/tokenizer/network.ts";
import { evaluate, float32, noise, numbers } from "../../graph/harness.ts";
import { mapsOf, normlessDecode, normlessEncode, plainDecode, plainEncode } from "./plain-network.ts";
import { magvitTokenizer, maskgitTokenizer } from "./published-tokenizers.ts";

describe("MaskGIT's configuration", () => {
  const specs = tokenizerParameters(maskgitTokenizer);

  it("has the published number of parameters, split as published", () => {
    const count = (prefix: string) => countParameters(specs.filter(({ name }) => name.startsWith(prefix)));
    expect(specs.length).toBe(168);
    expect(count("encoder.")).toBe(23_775_104);
    expect(count("decoder.")).toBe(30_478_339);
    expect(count("quantize.")).toBe(262_144);
    expect(countParameters(specs)).toBe(54_515_587);
  });

  it("has the tensors of the published file, by name and shape", () => {
    const expected: Record<string, number[]> = {
      "quantize.embedding.weight": [1024, 256],
      "encoder.conv_in.weight": [128, 3, 3, 3],
      "encoder.norm_out.weight": [512],
      "encoder.norm_out.bias": [512],
      "encoder.conv_out.weight": [256, 512, 1, 1],
      "encoder.conv_out.bias": [256],
      "decoder.conv_in.weight": [512, 256, 3, 3],
      "decoder.conv_in.bias": [512],
      "decoder.norm_out.weight": [128],
      "decoder.norm_out.bias": [128],
      "decoder.conv_out.weight": [3, 128, 3, 3],
      "decoder.conv_out.bias": [3],
      // Where the channels change, and there only.
      "encoder.down.2.block.0.nin_shortcut.weight": [256, 256, 1, 1],
      "encoder.down.4.block.0.nin_shortcut.weight": [512, 512, 1, 1],
      "decoder.up.3.block.0.nin_shortcut.weight": [256, 256, 1, 1],
      "decoder.up.1.block.0.nin_shortcut.weight": [128, 128, 1, 1],
    };
    const block = (name: string, into: number, out: number) => {
      for (const kind of ["weight", "bias"]) {
        expected[`${name}.norm1.${kind}`] = [into];
        expected[`${name}.norm2.${kind}`] = [out];
      }
      expected[`${name}.conv1.weight`] = [out, into, 3, 3];
      expected[`${name}.conv2.weight`] = [out, out, 3, 3];
    };
    const widths = [128, 128, 256, 256, 512];
    for (const i of [0, 1]) {
      block(`encoder.mid.${i}`, 512, 512);
      block(`decoder.mid.${i}`, 512, 512);
      for (const level of [0, 1, 2, 3, 4]) {
        const own = widths[level]!;
        block(`encoder.down.${level}.block.${i}`, i === 0 ? (widths[level - 1] ?? 128) : own, own);
        block(`decoder.up.${level}.block.${i}`, i === 0 ? (widths[level + 1] ?? 512) : own, own);
      }
    }
    for (const [level, width] of [
      [1, 128],
      [2, 256],
      [3, 256],
      [4, 512],
    ] as const) {
      expected[`decoder.up.${level}.upsample_conv.weight`] = [width, width, 3, 3];
      expected[`decoder.up.${level}.upsample_conv.bias`] = [width];
    }
    expect(Object.fromEntries(specs.map(({ name, shape }) => [name, shape]))).toEqual(expected);
  });

  it("decays kernels only", () => {
    for (const { name, shape, hasWeightDecay } of specs) {
      expect(hasWeightDecay, name).toBe(shape.length === 4);
    }
  });
});

describe("MAGVIT's configurations", () => {
  const conv = (into: number, out: number) => 27 * into * out;
  const block = (into: number, out: number) =>
    2 * into + conv(into, out) + 2 * out + conv(out, out) + (into === out ? 0 : into * out);
  const upsampled = (width: number) => conv(width, width) + width;

  it.each([
    ["B", 64, 40.6],
    ["L", 128, 157.8],
  ] as const)("%s has the published number of parameters, counted layer by layer", (size, f, millions) => {
    const specs = tokenizerParameters(magvitTokenizer[size]);
    const count = (prefix: string) => countParameters(specs.filter(({ name }) => name.startsWith(prefix)));
    const encoder =
      conv(3, f) +
      2 * block(f, f) +
      block(f, 2 * f) +
      block(2 * f, 2 * f) +
      2 * block(2 * f, 2 * f) +
      block(2 * f, 4 * f) +
      block(4 * f, 4 * f) +
      2 * block(4 * f, 4 * f) +
      2 * 4 * f +
      (4 * f * 256 + 256);
    const decoder =
      conv(256, 4 * f) +
      4 * f +
      2 * block(4 * f, 4 * f) +
      2 * block(4 * f, 4 * f) +
      upsampled(4 * f) +
      block(4 * f, 2 * f) +
      block(2 * f, 2 * f) +
      upsampled(2 * f) +
      2 * block(2 * f, 2 * f) +
      upsampled(2 * f) +
      block(2 * f, f) +
      block(f, f) +
      2 * f +
      (conv(f, 3) + 3);
    expect(count("encoder.")).toBe(encoder);
    expect(count("decoder.")).toBe(decoder);
    expect(countParameters(specs)).toBe(encoder + decoder + 1024 * 256);
    expect(Math.round(countParameters(specs) / 1e5) / 10).toBe(millions);
  });

  it("have kernels over time and space, and points where channels change", () => {
    const shapes = Object.fromEntries(
      tokenizerParameters(magvitTokenizer.B).map(({ name, shape }) => [name, shape]),
    );
    expect(shapes["encoder.conv_in.weight"]).toEqual([64, 3, 3, 3, 3]);
    expect(shapes["encoder.down.1.block.0.nin_shortcut.weight"]).toEqual([128, 64, 1, 1, 1]);
    expect(shapes["encoder.conv_out.weight"]).toEqual([256, 256, 1, 1, 1]);
    expect(shapes["decoder.up.3.upsample_conv.weight"]).toEqual([256, 256, 3, 3, 3]);
    expect(shapes["decoder.conv_out.weight"]).toEqual([3, 64, 3, 3, 3]);
  });
});

describe("encoder and decoder equal the plain loops", () => {
  it.each([
    ["input", 1, [1, 2], "direct", {}, [4, 4]],
    ["output", 1, [1, 2], "direct", {}, [4, 4]],
    ["output", 1, [2, 1, 2], "unfolded", {}, [2, 2]],
    ["input", 2, [1, 2], "unfolded", {}, [2, 2]],
    ["input", 4, [1], "direct", {}, [2, 2]],
    ["input", 4, [1], "direct", { frames: 3 }, [3, 2, 2]],
    ["output", 2, [1, 2], "direct", { frames: 4 }, [2, 2, 2]],
    ["input", 2, [1, 2], "unfolded", { frames: 4, framePatch: 2 }, [1, 2, 2]],
    [
      "input",
      1,
      [1, 2, 1],
      "unfolded",
      { frames: 4, framePatch: 2, temporalDownsampling: [true, false] },
      [1, 2, 2],
    ],
    ["input", 1, [1, 2, 1], "direct", { frames: 2, temporalDownsampling: [false, true] }, [1, 2, 2]],
  ] as const)(
    "shortcut from the %s, patches of %i, levels %j, %s, %j",
    async (shortcut, patchSize, levels, method, time, grid) => {
      const config = parseTokenizerConfig(
        {
          ...time,
          resolution: 8,
          patchSize,
          channels: 4,
          multipliers: levels,
          residualBlocks: 1,
          latentWidth: 3,
          groups: 2,
          shortcut,
          quantizer: { kind: "vq", codebookSize: 8 },
        },
        "test",
      );
      const specs = autoencoderParameters(config);
      const values: Record<string, HostTensor> = Object.fromEntries(
        specs.map(({ name, shape }, i) => {
          const size = shape.reduce((a, b) => a * b, 1);
          const centre = name.includes("norm") && name.endsWith("weight") ? 1 : 0;
          return [
            name,
            float32(
              shape,
              noise(size, i + 1).map((x) => centre + 0.5 * x),
            ),
          ];
        }),
      );
      const outer = [2, 3, ...("frames" in time ? [time.frames] : []), 8, 8];
      const inner = [2, 3, ...grid];
      const pixels = float32(
        outer,
        noise(sizeOf(outer), 77).map((x) => 0.5 + 0.5 * x),
      );
      const latents = float32(inner, noise(sizeOf(inner), 78));
      const graph = new Graph("network");
      const context = { config, weights: parameterInputs(graph, specs), method };
      graph.output("latents out", encodePixels(graph.input("pixels", "float32", outer), context));
      graph.output("pixels out", decodeLatents(graph.input("latents", "float32", inner), context));
      const found = await evaluate(graph, { ...values, pixels, latents });
      expect(found["latents out"]!.dims).toEqual(inner);
      expect(found["pixels out"]!.dims).toEqual(outer);
      const expected = {
        "latents out": [0, 1].flatMap((b) => plainEncode(mapsOf(pixels, b), values, config).data),
        "pixels out": [0, 1].flatMap((b) => plainDecode(mapsOf(latents, b), values, config).data),
      };
      for (const [name, plain] of Object.entries(expected)) {
        // float32 through a dozen layers of sums of up to 216 terms.
        numbers(found[name]).forEach((value, i) => {
          expect(Math.abs(value - plain[i]!), `${name}[${i}]`).toBeLessThan(1e-4 * (1 + Math.abs(plain[i]!)));
        });
      }
    },
  );

  it.each([
    [1, [1], "direct", {}, [8, 8]],
    [2, [1, 2], "kernel", {}, [2, 2]],
    [2, [2, 1, 3], "unfolded", {}, [1, 1]],
    [4, [1, 2], "kernel", { frames: 4, framePatch: 2 }, [1, 1, 1]],
    [2, [1, 2], "direct", { frames: 2, temporalDownsampling: [false] }, [2, 2, 2]],
    [2, [1, 2], "kernel", { frames: 4, framePatch: 2, temporalKernel: 1 }, [1, 2, 2]],
  ] as const)(
    "of the network without norms, patches of %i, levels %j, %s, %j",
    async (patchSize, levels, method, time, grid) => {
      const config = parseTokenizerConfig(
        {
          ...time,
          network: "plain",
          resolution: 8,
          patchSize,
          channels: 4,
          multipliers: levels,
          residualBlocks: 2,
          detailChannels: 5,
          detailBlocks: 1,
          latentWidth: 3,
          quantizer: { kind: "fsq", levels: [4, 4, 4], bins: "uniform" },
        },
        "test",
      );
      const specs = autoencoderParameters(config);
      const values: Record<string, HostTensor> = Object.fromEntries(
        specs.map(({ name, shape }, i) => [
          name,
          float32(
            shape,
            noise(sizeOf(shape), i + 1).map((x) => 0.3 * x),
          ),
        ]),
      );
      const outer = [2, 3, ...("frames" in time ? [time.frames] : []), 8, 8];
      const inner = [2, 3, ...grid];
      const pixels = float32(
        outer,
        noise(sizeOf(outer), 77).map((x) => 0.5 + 0.5 * x),
      );
      const latents = float32(inner, noise(sizeOf(inner), 78));
      const graph = new Graph("network");
      const context = { config, weights: parameterInputs(graph, specs), method };
      graph.output("latents out", encodePixels(graph.input("pixels", "float32", outer), context));
      graph.output("pixels out", decodeLatents(graph.input("latents", "float32", inner), context));
      const found = await evaluate(graph, { ...values, pixels, latents });
      expect(found["latents out"]!.dims).toEqual(inner);
      expect(found["pixels out"]!.dims).toEqual(outer);
      const expected = {
        "latents out": [0, 1].flatMap((b) => normlessEncode(mapsOf(pixels, b), values, config).data),
        "pixels out": [0, 1].flatMap((b) => normlessDecode(mapsOf(latents, b), values, config).data),
      };
      for (const [name, plain] of Object.entries(expected)) {
        numbers(found[name]).forEach((value, i) => {
          expect(Math.abs(value - plain[i]!), `${name}[${i}]`).toBeLessThan(1e-4 * (1 + Math.abs(plain[i]!)));
        });
      }
    },
  );

  it("and the two shortcuts are not the same network", () => {
    const sizes = (["input", "output"] as const).map((shortcut) =>
      countParameters(autoencoderParameters({ ...maskgitTokenizer, shortcut })),
    );
    // 1x1 kernels [out, into] against [out, out]: 128 x 256 and 256 x 512 of the encoder are smaller than their
    // squares by 256 x 128 and 512 x 256; the decoder's 512 -> 256 and 256 -> 128 are larger by 256 x 256 and 128 x 128.
    expect(sizes[1]! - sizes[0]!).toBe(256 * 128 + 512 * 256 - 256 * 256 - 128 * 128);
  });
});
