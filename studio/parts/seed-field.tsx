/** The seed, typed or drawn. */
import { useState } from "preact/hooks";
import type { Seed } from "../../src/browser.ts";
import { readSeed } from "../state/link.ts";

interface SeedFieldProps {
  /** Of the field, where a view has several. */
  readonly name?: string;
  readonly seed: Seed;
  readonly onChange: (seed: Seed) => void;
  readonly onDraw: () => void;
}

export function SeedField({ name = "seed", seed, onChange, onDraw }: SeedFieldProps) {
  const [isWrong, setWrong] = useState(false);
  return (
    <div class="field">
      <label for={name}>Seed</label>
      <input
        id={name}
        type="text"
        inputMode="numeric"
        autocomplete="off"
        value={String(seed)}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${name}-wrong` : undefined}
        onInput={(event) => setWrong(readSeed(event.currentTarget.value) === null)}
        onChange={(event) => {
          const read = readSeed(event.currentTarget.value);
          if (read !== null) onChange(read);
        }}
      />
      <button type="button" onClick={onDraw} aria-label="A new seed">
        New
      </button>
      {isWrong && (
        <p class="wrong" id={`${name}-wrong`}>
          A seed is a whole number from 0 to 18446744073709551615.
        </p>
      )}
    </div>
  );
}
