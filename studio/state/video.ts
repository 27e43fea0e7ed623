/** Video: a given one that is gone on with, and what is played. */
import { signal } from "@preact/signals";
import { InputError, type Raster, type Seed, type Task } from "../../src/browser.ts";
import { runJob } from "./job.ts";
import { newSeries, type Series, withEvent, withMade } from "./series.ts";
import { callModel, openModel, sessions } from "./sessions.ts";
import { framesIn } from "./video-frames.ts";

/** The frames of the given video, one after another; null: none. */
export const givenVideo = signal<Raster | null>(null);
export const givenName = signal("");
/** First frames that are given, for predicting. */
export const given = signal(5);
export const task = signal<Task>("predict");
export const completionSeed = signal<Seed>(1);
/** What came of the given video; null: nothing yet. */
export const completed = signal<Series | null>(null);
/** Which frames of `completed` were given. */
export const givenFrames = signal<readonly boolean[]>([]);
/** What is played: what was generated, or the completed video. */
export const shown = signal<"generated" | "completed">("generated");

/** Frames one after another as one video. */
function videoOf(frames: readonly Raster[]): Raster {
  const { width, height } = frames[0]!;
  const pixels = new Uint8Array(frames.length * width * height * 3);
  for (const [t, frame] of frames.entries()) pixels.set(frame.pixels, t * width * height * 3);
  return { width, height, frames: frames.length, pixels };
}

/** Takes a video from a file. Throws InputError. */
export async function takeVideo(file: File): Promise<void> {
  const { model } = await openModel("video");
  const { resolution, frames = 1 } = model.tokenizer.config;
  giveVideo(videoOf(await framesIn(file, resolution, frames)), file.name);
}

/** Takes a video of the model's size, e.g. a generated one. */
export function giveVideo(video: Raster, name: string): void {
  givenVideo.value = video;
  givenName.value = name;
  given.value = Math.min(given.value, video.frames ?? 1);
  completed.value = null;
}

/** Predicts the frames after the given ones, or those between the first and the last. */
export async function complete(): Promise<void> {
  const video = givenVideo.value;
  if (!video) return;
  await runJob(task.value === "predict" ? "Predicting" : "Filling in", async (signal) => {
    const session = sessions.video.value ?? (await openModel("video"));
    const { completionPlan: plan, tokenizer } = session.model;
    if (!plan || !session.model.transformer.config.tasks.includes(task.value)) {
      throw new InputError(
        `${session.listed.name} was not trained to ${task.value}; choose another model of videos.`,
      );
    }
    const { frames = 1 } = tokenizer.config;
    const asked = { task: task.value, given: given.value };
    givenFrames.value = Array.from({ length: frames }, (_, t) =>
      asked.task === "predict" ? t < asked.given : t === 0 || t === frames - 1,
    );
    const request = { seed: completionSeed.value, count: 1, plan };
    let own = newSeries(session, request);
    shown.value = "completed";
    const made = await callModel(
      "video",
      "complete",
      { ...asked, video, request },
      {
        signal,
        onEvent: (event, from) => {
          if (signal.aborted) return;
          own = withEvent(own, event, from);
          completed.value = own;
        },
      },
    );
    if (signal.aborted) return;
    const { given: _, ...whole } = made; // of a completion no token is given as it is
    completed.value = withMade(own, whole, sessions.video.value!);
  });
}
