/**
 * Central inflation: a tokenizer of videos starts as a tokenizer of images (MAGVIT, Yu et al., CVPR 2023, on
 * training from few videos). A kernel over rows and columns becomes the middle moment of a kernel over time, the other
 * moments zero; everything else is copied.
 *
 * The two networks agree on still videos: the tokens of every moment are those of the image, and so is every frame
 * of the reconstruction. On videos that move the norms see all frames together, so there they agree only roughly.
 */
import { InputError, requireInput } from "../../core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { tokenizerParameters } from "./codec.ts";
import type { TokenizerConfig } from "./config.ts";

/** What must be alike, so that every parameter of videos has one of images to start from. */
const shared = [
  "network",
  "detailChannels",
  "detailBlocks",
  "patchSize",
  "channels",
  "multipliers",
  "residualBlocks",
  "groups",
  "pixelShortcut",
  "shortcut",
] as const;

/**
 * Weights of a tokenizer of videos from those of a tokenizer of images. Where a channel axis holds several
 * frames (blocks of `framePatch`, or whole tokens with a pixel shortcut), what comes in is read at the middle frame
 * and what goes out is the same for every frame.
 *
 * @param imageTensors  every parameter of the tokenizer of images, checked by the caller
 * @returns every parameter of the tokenizer of videos
 * @throws InputError when the two differ in more than time and resolution
 */
export function inflateWeights(
  imageTensors: Readonly<Record<string, HostTensor>>,
  imageConfig: TokenizerConfig,
  videoConfig: TokenizerConfig,
): Record<string, HostTensor<"float32">> {
  requireSameNetwork(imageConfig, videoConfig);
  return Object.fromEntries(
    tokenizerParameters(videoConfig).map(({ name, shape }) => {
      const image = imageTensors[name] as HostTensor<"float32">;
      const isKernel = image.dims.length === 4;
      return [name, isKernel ? inflateKernel(image, shape) : repeatRows(image, shape)];
    }),
  );
}

function requireSameNetwork(image: TokenizerConfig, video: TokenizerConfig): void {
  requireInput(
    image.frames === undefined && video.frames !== undefined,
    `inflateWeights: makes a tokenizer of videos from one of images, got one of ${kind(video)} from one of ${kind(image)}`,
  );
  const differ = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) === JSON.stringify(b)) return;
    throw new InputError(
      `inflateWeights: the tokenizer of videos must have the ${what} of the tokenizer of images, ${JSON.stringify(a)}, got ${JSON.stringify(b)}`,
    );
  };
  for (const field of shared) differ(field, image[field], video[field]);
  // With a pixel shortcut the width follows from the pixels of a token.
  if (!image.pixelShortcut) differ("latentWidth", image.latentWidth, video.latentWidth);
  differ("quantizer", codes(image), codes(video));
}

const kind = ({ frames }: TokenizerConfig): string =>
  frames === undefined ? "images" : `videos of ${frames} frames`;

/** What of the quantiser the weights depend on. */
const codes = ({ quantizer }: TokenizerConfig): unknown =>
  quantizer.kind === "vq" ? { kind: "vq", codebookSize: quantizer.codebookSize } : quantizer;

/** A kernel [o, i, rows, columns] as [O, I, time, rows, columns], O and I being multiples of o and i: one per frame. */
function inflateKernel(image: HostTensor<"float32">, shape: readonly number[]): HostTensor<"float32"> {
  const [o, i, ...extent] = image.dims as [number, number, ...number[]];
  const [out, into, time] = shape as [number, number, number];
  const area = sizeOf(extent);
  const firstIn = Math.floor(into / i / 2) * i;
  const moment = (time - 1) / 2;
  const data = new Float32Array(sizeOf(shape));
  for (let to = 0; to < out; to++) {
    for (let from = 0; from < i; from++) {
      const source = ((to % o) * i + from) * area;
      const target = ((to * into + firstIn + from) * time + moment) * area;
      data.set(image.data.subarray(source, source + area), target);
    }
  }
  return tensor("float32", shape, data);
}

/** A vector, or a table of them, with every vector repeated to the new width: its values for every frame. */
function repeatRows(image: HostTensor<"float32">, shape: readonly number[]): HostTensor<"float32"> {
  const [narrow, wide] = [image.dims.at(-1)!, shape.at(-1)!];
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, at) => image.data[Math.floor(at / wide) * narrow + ((at % wide) % narrow)]!,
  );
  return tensor("float32", shape, data);
}
