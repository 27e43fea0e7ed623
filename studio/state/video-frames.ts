/** Frames of a video file: of a GIF, animated WebP or PNG as they stand in it, of other videos as many a second as models want. */
import { InputError, type Raster } from "../../src/browser.ts";
import { framesPerSecond } from "./animation.ts";
import { rasterOf } from "./files.ts";

/** What decodes the frames of an image file, where the browser has it. */
interface FrameDecoder {
  readonly tracks: {
    readonly ready: Promise<void>;
    readonly selectedTrack: { readonly frameCount: number } | null;
  };
  readonly completed: Promise<void>;
  decode(options: { frameIndex: number }): Promise<{ readonly image: VideoFrame }>;
  close(): void;
}
type FrameDecoderClass = new (options: { data: ArrayBuffer; type: string }) => FrameDecoder;

/**
 * The first frames of a file, each its middle square in a model's size.
 *
 * @param most  frames at most; at least one comes
 * @throws InputError for a file without readable frames, saying what to give
 */
export async function framesIn(file: File, resolution: number, most: number): Promise<Raster[]> {
  const frames = /^video\//.test(file.type)
    ? await played(file, resolution, most)
    : await decoded(file, resolution, most);
  if (frames.length === 0) throw new InputError(`${file.name}: holds no frame that the browser can read`);
  return frames;
}

async function decoded(file: File, resolution: number, most: number): Promise<Raster[]> {
  const { ImageDecoder } = globalThis as { ImageDecoder?: FrameDecoderClass };
  if (!ImageDecoder) {
    throw new InputError(
      `${file.name}: this browser cannot read its frames; give an MP4 or WebM video, or use Chrome or Firefox`,
    );
  }
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type });
  try {
    await decoder.tracks.ready;
    await decoder.completed;
    const count = Math.min(most, decoder.tracks.selectedTrack?.frameCount ?? 0);
    const frames: { raster: Raster; duration: number }[] = [];
    for (let frameIndex = 0; frameIndex < count; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      const raster = rasterOf(image, image.displayWidth, image.displayHeight, resolution);
      frames.push({ raster, duration: image.duration ?? 1 });
      image.close();
    }
    // Equal frames may stand in a file as one that lasts longer.
    const shortest = Math.max(1, Math.min(...frames.map(({ duration }) => duration)));
    const all = frames.flatMap(({ raster, duration }) =>
      Array<Raster>(Math.max(1, Math.round(duration / shortest))).fill(raster),
    );
    return all.slice(0, most);
  } catch (error) {
    throw new InputError(
      `${file.name}: the browser cannot read it (${(error as Error).message}); give a GIF, WebP, MP4 or WebM`,
    );
  } finally {
    decoder.close();
  }
}

async function played(file: File, resolution: number, most: number): Promise<Raster[]> {
  const video = document.createElement("video");
  const address = URL.createObjectURL(file);
  video.muted = true;
  video.preload = "auto";
  const happens = (name: string) =>
    new Promise<void>((resolve, reject) => {
      video.addEventListener(name, () => resolve(), { once: true });
      video.addEventListener(
        "error",
        () => reject(new Error(video.error?.message || "it is no video it knows")),
        { once: true },
      );
    });
  try {
    const loaded = happens("loadeddata");
    video.src = address;
    await loaded;
    const frames: Raster[] = [];
    for (let t = 0; t < most; t++) {
      const at = (t + 0.5) / framesPerSecond;
      if (t > 0 && at > video.duration) break;
      const sought = happens("seeked");
      video.currentTime = Math.min(at, video.duration);
      await sought;
      frames.push(rasterOf(video, video.videoWidth, video.videoHeight, resolution));
    }
    return frames;
  } catch (error) {
    throw new InputError(
      `${file.name}: the browser cannot play it (${(error as Error).message}); give a GIF, WebP, MP4 or WebM`,
    );
  } finally {
    video.removeAttribute("src");
    URL.revokeObjectURL(address);
  }
}
