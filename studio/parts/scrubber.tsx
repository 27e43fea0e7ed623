/** Going back and forth through the steps of a decode. */
interface ScrubberProps {
  /** Steps seen, and steps in all. */
  readonly steps: number;
  readonly total: number;
  /** From 1; null: as far as it is. */
  readonly value: number | null;
  readonly isRunning: boolean;
  readonly onChange: (step: number | null) => void;
}

export function Scrubber({ steps, total, value, isRunning, onChange }: ScrubberProps) {
  const at = value ?? steps;
  return (
    <div class="scrubber">
      <label for="scrub">Step</label>
      <input
        id="scrub"
        type="range"
        min={Math.min(1, steps)}
        max={total}
        step={1}
        value={at}
        style={{ "--fill": `${(100 * (at - 1)) / Math.max(1, total - 1)}%` }}
        aria-valuetext={`after step ${at} of ${total}`}
        onInput={(event) => {
          const step = Math.min(steps, Number(event.currentTarget.value));
          onChange(step >= steps && !isRunning ? null : step);
        }}
      />
      <output for="scrub">
        {at} / {total}
      </output>
    </div>
  );
}
