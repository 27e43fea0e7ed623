/** An image as a canvas of its own pixels, with its token grid over it. */
import { useEffect, useRef } from "preact/hooks";
import type { Raster } from "../../src/browser.ts";

/** RGB bytes as the browser draws them. */
export function imageDataOf({ width, height, pixels }: Raster, frame = 0): ImageData {
  const data = new ImageData(width, height);
  const start = frame * width * height * 3;
  for (let i = 0; i < width * height; i++) {
    data.data[4 * i] = pixels[start + 3 * i]!;
    data.data[4 * i + 1] = pixels[start + 3 * i + 1]!;
    data.data[4 * i + 2] = pixels[start + 3 * i + 2]!;
    data.data[4 * i + 3] = 255;
  }
  return data;
}

/** @param props.label  what it shows; empty where words beside it say so */
export function Pixels({ raster, frame = 0, label }: { raster: Raster; frame?: number; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current!.getContext("2d")!.putImageData(imageDataOf(raster, frame), 0, 0);
  }, [raster, frame]);
  return (
    <canvas
      class="pixels"
      ref={canvas}
      width={raster.width}
      height={raster.height}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    />
  );
}

/** What a token shows over its pixels: a colour, or nothing. */
export type TokenColour = (token: number) => readonly [r: number, g: number, b: number, alpha: number] | null;

/** One pixel per token, stretched over the image. */
export function TokenOverlay({
  rows,
  columns,
  colourOf,
}: {
  rows: number;
  columns: number;
  colourOf: TokenColour;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const data = new ImageData(columns, rows);
    for (let token = 0; token < rows * columns; token++) {
      const colour = colourOf(token);
      if (!colour) continue;
      const [r, g, b, alpha] = colour;
      data.data.set([r, g, b, Math.round(255 * alpha)], 4 * token);
    }
    canvas.current!.getContext("2d")!.putImageData(data, 0, 0);
  });
  return (
    <span class="overlay" aria-hidden="true">
      <canvas class="pixels" ref={canvas} width={columns} height={rows} />
    </span>
  );
}
