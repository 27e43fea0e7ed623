/** Generate: choose, and watch the decode. */
import { signal } from "@preact/signals";
import { isBusy, PlanSide } from "../parts/plan-side.tsx";
import { RequestControls, useDecodeKeys } from "../parts/request-controls.tsx";
import { type ColourBy, Stage } from "../parts/stage.tsx";
import { Watch } from "../parts/watch.tsx";
import { editImage } from "../state/edit.ts";
import { drawnSeed, images } from "../state/request.ts";
import { sessions } from "../state/sessions.ts";
import { go } from "../state/view.ts";

const colourBy = signal<ColourBy>("none");
const selected = signal(0);

export function GenerateView() {
  const session = sessions.image.value;
  const series = images.series.value;
  useDecodeKeys((isNewSeed) => {
    if (isNewSeed) images.seed.value = drawnSeed();
    void images.decode();
  });
  if (!session || !images.plan.value || !images.cost.value) return <div class="view waiting" />;
  const edited = series?.made?.images[Math.min(selected.value, series.count - 1)];
  return (
    <div class="view with-controls">
      <section class="stage-side" aria-label="Images" aria-busy={isBusy(images)}>
        <div class="stage-and-watch">
          {series ? (
            <Stage
              series={series}
              step={images.shownStep.value}
              colourBy={colourBy.value}
              selected={selected}
            />
          ) : (
            <div class="stage is-empty" />
          )}
          {series && (
            <Watch asking={images} series={series} selected={selected.value} colourBy={colourBy}>
              {edited && (
                <button
                  type="button"
                  onClick={() => {
                    editImage(edited);
                    go("edit");
                  }}
                >
                  Edit this image
                </button>
              )}
            </Watch>
          )}
        </div>
        <PlanSide asking={images} />
      </section>
      <RequestControls asking={images} session={session} />
    </div>
  );
}
