/** The seed, typed or drawn. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Seed } from "../../src/browser.ts";
import { readSeed, seedRule } from "../state/link.ts";

interface SeedFieldProps {
  /** Of the field, where a view has several. */
  readonly name?: string;
  readonly seed: Seed;
  readonly onChange: (seed: Seed) => void;
  readonly onDraw: () => void;
}

export function SeedField({ name = "seed", seed, onChange, onDraw }: SeedFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  // What is typed is the field's own until it is taken, whatever is drawn anew meanwhile; a text that is refused stays.
  const [draft, setDraft] = useState<string | null>(null);
  const isWrong = draft !== null && readSeed(draft) === null;
  const take = (text: string): void => {
    const read = readSeed(text);
    setDraft(read === null ? text : null);
    if (read !== null && read !== seed) onChange(read);
  };
  // A seed from elsewhere, a link or a key, takes the place of a text that was refused.
  useEffect(() => {
    if (document.activeElement !== input.current) setDraft(null);
  }, [seed]);
  return (
    <div class="field">
      <label for={name}>Seed</label>
      <input
        ref={input}
        id={name}
        type="text"
        inputMode="numeric"
        autocomplete="off"
        value={draft ?? String(seed)}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${name}-wrong` : undefined}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onChange={({ currentTarget }) => take(currentTarget.value)}
        onBlur={({ currentTarget }) => take(currentTarget.value)}
      />
      <button
        type="button"
        aria-label="A new seed"
        onClick={() => {
          setDraft(null);
          onDraw();
        }}
      >
        New
      </button>
      {isWrong && (
        <p class="wrong" id={`${name}-wrong`}>
          A seed is {seedRule}.
        </p>
      )}
    </div>
  );
}
