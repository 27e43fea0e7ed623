/** What to ask for: class, seed, count and budget; the same for images and for videos. */
import { useEffect } from "preact/hooks";
import { classImages, mostClassImages } from "../state/class-images.ts";
import { job } from "../state/job.ts";
import { type Asking, drawnSeed, mostImages } from "../state/request.ts";
import type { Session } from "../state/sessions.ts";
import { ClassNames, ClassPicker } from "./class-picker.tsx";
import { Dial } from "./dial.tsx";
import { SeedField } from "./seed-field.tsx";

export function RequestControls({
  asking,
  session,
  hasKey = true,
}: {
  asking: Asking;
  session: Session;
  hasKey?: boolean;
}) {
  const { classNames } = session.model;
  const { plan, cost, seed, count, classes } = asking;
  const chooseClasses = (chosen: readonly string[]): void => {
    classes.value = chosen;
    asking.decodeSoon();
  };
  return (
    <section class="controls" aria-label="What to generate">
      {classNames.length > mostClassImages ? (
        <ClassNames names={classNames} chosen={classes.value} onChange={chooseClasses} />
      ) : (
        <ClassPicker
          names={classNames}
          images={classImages.value.get(session.listed.name) ?? new Map()}
          chosen={classes.value}
          onChange={chooseClasses}
        />
      )}
      <SeedField
        seed={seed.value}
        onChange={(typed) => {
          seed.value = typed;
          asking.decodeSoon();
        }}
        onDraw={() => {
          seed.value = drawnSeed();
          void asking.decode();
        }}
      />
      <CountField
        count={count.value}
        noun={asking.kind}
        onChange={(typed) => {
          count.value = typed;
          asking.decodeSoon();
        }}
      />
      <Dial
        stops={asking.stops.value}
        plan={plan.value!}
        multiplyAdds={cost.value!.multiplyAdds}
        expected={asking.expectedSeconds.value}
        count={count.value}
        noun={asking.kind}
        onChange={(chosen) => {
          asking.setPlan(chosen);
          asking.decodeSoon();
        }}
      />
      <DecodeButton onDecode={() => void asking.decode()} label="Generate" hasKey={hasKey} />
      <p class="hint keys">
        <kbd>G</kbd> cancels and starts again, <kbd>N</kbd> with a new seed, <kbd>Esc</kbd> cancels
      </p>
    </section>
  );
}

/** Starts, or while it runs cancels. */
export function DecodeButton({
  label,
  onDecode,
  isDisabled = false,
  hasKey = true,
}: {
  label: string;
  onDecode: () => void;
  isDisabled?: boolean;
  /** Whether it is what the key G does now. */
  hasKey?: boolean;
}) {
  const isRunning = job.value !== null && !job.value.isBackground;
  return (
    <button
      type="button"
      class="primary"
      disabled={isDisabled && !isRunning}
      onClick={() => (isRunning ? job.value?.cancel() : onDecode())}
    >
      {isRunning ? "Cancel" : label} {(isRunning || hasKey) && <kbd>{isRunning ? "Esc" : "G"}</kbd>}
    </button>
  );
}

function CountField({
  count,
  noun,
  onChange,
}: {
  count: number;
  noun: string;
  onChange: (count: number) => void;
}) {
  return (
    <div class="field">
      <label for="count">{noun === "video" ? "Videos" : "Images"}</label>
      <input
        id="count"
        type="number"
        min={1}
        max={mostImages}
        value={count}
        onChange={({ currentTarget }) => {
          const typed = Math.max(1, Math.min(mostImages, Math.round(currentTarget.valueAsNumber) || 1));
          currentTarget.value = String(typed);
          onChange(typed);
        }}
      />
    </div>
  );
}

/** Keys of a view, but not while somebody types: G cancels and starts again, N with a new seed; Escape cancels. */
export function useDecodeKeys(onDecode: (isNewSeed: boolean) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      if (event.key === "Escape" && job.value) {
        job.value.cancel();
        return;
      }
      const isTyping =
        target instanceof HTMLElement && target.matches("input:not([type=range]), select, textarea");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "g" || key === "n") onDecode(key === "n");
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
}
