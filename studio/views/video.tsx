/** Video: generate, and watch it play while it decodes; or go on with a given one. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Raster } from "../../src/browser.ts";
import { FileButton } from "../parts/file-button.tsx";
import { Pixels } from "../parts/pixels.tsx";
import { isBusy, PlanSide } from "../parts/plan-side.tsx";
import { DecodeButton, RequestControls, useDecodeKeys } from "../parts/request-controls.tsx";
import { SeedField } from "../parts/seed-field.tsx";
import { type ColourBy, Stage } from "../parts/stage.tsx";
import { copy, recordText, Watch } from "../parts/watch.tsx";
import { animationOf, framesPerSecond } from "../state/animation.ts";
import { save } from "../state/files.ts";
import { drawnSeed, told, toldOfFile, videos } from "../state/request.ts";
import { imageAt, type Series } from "../state/series.ts";
import { sessions } from "../state/sessions.ts";
import * as video from "../state/video.ts";
import { multiplyAddsText, secondsText } from "../state/words.ts";

const colourBy = signal<ColourBy>("none");
const selected = signal(0);
const frame = signal(0);
const isPlaying = signal(!matchMedia("(prefers-reduced-motion: reduce)").matches);

export function VideoView() {
  const session = sessions.video.value;
  useDecodeKeys((isNewSeed) => {
    if (video.shown.value === "completed") {
      if (isNewSeed) video.completionSeed.value = drawnSeed();
      void video.complete();
      return;
    }
    if (isNewSeed) videos.seed.value = drawnSeed();
    void videos.decode();
  });
  const frames = session?.model.tokenizer.config.frames ?? 1;
  usePlaying(frames);
  if (!session || !videos.plan.value || !videos.cost.value) return <div class="view waiting" />;
  const isCompleted = video.shown.value === "completed" && video.completed.value !== null;
  const series = isCompleted ? video.completed.value : videos.series.value;
  const index = isCompleted ? 0 : Math.min(selected.value, (series?.count ?? 1) - 1);
  const isGiven = isCompleted ? video.givenFrames.value : [];
  const step = isCompleted ? null : videos.shownStep.value;
  const now = series && imageAt(series, index, step);
  return (
    <div class="view with-controls">
      <section class="stage-side" aria-label="Videos" aria-busy={isBusy(videos)}>
        <div class="stage-and-watch">
          {series ? (
            <div class={isGiven[frame.value] ? "player is-given" : "player"}>
              <Stage
                series={series}
                step={step}
                colourBy={colourBy.value}
                frame={frame.value}
                selected={selected}
              />
            </div>
          ) : (
            <div class="stage is-empty" />
          )}
          {isCompleted ? (
            <Completed series={video.completed.value!} />
          ) : (
            series && (
              <Watch asking={videos} series={series} selected={selected.value} colourBy={colourBy}>
                {series.made && (
                  <button
                    type="button"
                    onClick={() => video.giveVideo(series.made!.images[index]!, "the generated video")}
                  >
                    Go on with this video
                  </button>
                )}
              </Watch>
            )
          )}
        </div>
        {now && <FilmStrip video={now} isGiven={isGiven} />}
        {!isCompleted && <PlanSide asking={videos} />}
      </section>
      <div class="controls">
        <CompletionControls frames={frames} />
        <RequestControls asking={videos} session={session} hasKey={!isCompleted} />
      </div>
    </div>
  );
}

/** Moves through the frames while it plays. */
function usePlaying(frames: number): void {
  const plays = isPlaying.value;
  useEffect(() => {
    if (!plays) return;
    const timer = setInterval(() => {
      frame.value = (frame.value + 1) % frames;
    }, 1000 / framesPerSecond);
    return () => clearInterval(timer);
  }, [plays, frames]);
}

/** Every frame, the given ones marked; one is chosen to stop at. */
function FilmStrip({
  video: { frames = 1, ...whole },
  isGiven,
}: {
  video: Raster;
  isGiven: readonly boolean[];
}) {
  return (
    <section class="film" aria-label="Frames">
      <div class="film-row">
        <button
          type="button"
          aria-pressed={isPlaying.value}
          onClick={() => {
            isPlaying.value = !isPlaying.value;
          }}
        >
          {isPlaying.value ? "Pause" : "Play"}
        </button>
        <input
          type="range"
          aria-label="Frame"
          min={0}
          max={frames - 1}
          value={frame.value}
          style={{ "--fill": `${(100 * frame.value) / Math.max(1, frames - 1)}%` }}
          aria-valuetext={`frame ${frame.value + 1} of ${frames}${isGiven[frame.value] ? ", given" : ""}`}
          onInput={({ currentTarget }) => {
            isPlaying.value = false;
            frame.value = Number(currentTarget.value);
          }}
        />
        <output>
          {frame.value + 1} / {frames}
        </output>
      </div>
      <div class="film-frames" style={{ "--frames": frames }}>
        {Array.from({ length: frames }, (_, t) => (
          <span
            key={t}
            class={`film-frame${isGiven[t] ? " is-given" : ""}${t === frame.value ? " is-now" : ""}`}
          >
            <Pixels
              raster={{ ...whole, frames }}
              frame={t}
              label={`Frame ${t + 1}${isGiven[t] ? ", given" : ""}`}
            />
          </span>
        ))}
      </div>
      {isGiven.some(Boolean) && (
        <p class="hint">
          <i class="key-given" /> given frames; the others were made
        </p>
      )}
    </section>
  );
}

function Completed({ series }: { series: Series }) {
  const { made, steps, cost } = series;
  return (
    <div class="watch">
      <p>
        {made ? "Completed" : `Step ${steps.length} of ${cost.steps.length}`}: {video.givenName.value}
      </p>
      {made && (
        <p class="took" data-test="took">
          {secondsText(made.stats.seconds)}, {multiplyAddsText(made.stats.multiplyAdds)} multiply-adds
        </p>
      )}
      <div class="buttons">
        {made && (
          <button
            type="button"
            onClick={() =>
              void told(
                animationOf(made.images[0]!).then((bytes) => save("completed.webp", "image/webp", bytes)),
              )
            }
          >
            Save WebP
          </button>
        )}
        {made && (
          <button type="button" onClick={() => copy("seed, plan and tokens, as JSON", recordText(series, 0))}>
            Copy seed and plan
          </button>
        )}
        <button
          type="button"
          onClick={() => {
            video.shown.value = "generated";
          }}
        >
          Back to what was generated
        </button>
      </div>
    </div>
  );
}

function CompletionControls({ frames }: { frames: number }) {
  const start = video.givenVideo.value;
  return (
    <section class="completion" aria-label="Go on with a given video">
      <div class="field">
        <span class="field-name">Video</span>
        <span class="given-name" data-test="given">
          {start ? `${video.givenName.value}, ${start.frames} frames` : "none: drop one anywhere"}
        </span>
        <FileButton
          accept="video/*,image/gif,image/webp"
          onFile={(file) => void toldOfFile(video.takeVideo(file))}
        >
          Open
        </FileButton>
      </div>
      {start && (
        <>
          <div class="field">
            <label for="task">Make</label>
            <select
              id="task"
              value={video.task.value}
              onChange={({ currentTarget }) => {
                video.task.value = currentTarget.value as typeof video.task.value;
              }}
            >
              <option value="predict">the frames after it</option>
              <option value="interpolate" disabled={(start.frames ?? 1) < 2}>
                the frames between its ends
              </option>
            </select>
          </div>
          {video.task.value === "predict" && (
            <div class="field">
              <label for="given">Given</label>
              <input
                id="given"
                type="number"
                min={1}
                max={Math.min(frames - 1, start.frames ?? 1)}
                value={video.given.value}
                onChange={({ currentTarget }) => {
                  const most = Math.min(frames - 1, start.frames ?? 1);
                  video.given.value = Math.max(
                    1,
                    Math.min(most, Math.round(currentTarget.valueAsNumber) || 1),
                  );
                }}
              />
              <span class="aside">of {frames} frames</span>
            </div>
          )}
          <SeedField
            name="completion-seed"
            seed={video.completionSeed.value}
            onChange={(seed) => {
              video.completionSeed.value = seed;
            }}
            onDraw={() => {
              video.completionSeed.value = drawnSeed();
              void video.complete();
            }}
          />
          <DecodeButton
            label={video.task.value === "predict" ? "Predict" : "Fill in"}
            hasKey={video.shown.value === "completed"}
            onDecode={() => void video.complete()}
          />
        </>
      )}
    </section>
  );
}
