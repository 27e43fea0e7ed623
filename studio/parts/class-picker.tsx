/** Classes by picture: each one's picture is an image that the model made of it. Several take turns. */
import type { Raster } from "../../src/browser.ts";
import { Pixels } from "./pixels.tsx";

interface ClassPickerProps {
  readonly names: readonly string[];
  /** By class; none where none was made yet. */
  readonly pictures: ReadonlyMap<string, Raster>;
  readonly chosen: readonly string[];
  /** One class, or several that take turns; default several. */
  readonly isSingle?: boolean;
  readonly onChange: (chosen: readonly string[]) => void;
}

export function ClassPicker({ names, pictures, chosen, isSingle = false, onChange }: ClassPickerProps) {
  const choose = (name: string, isAdding: boolean): void => {
    const isChosen = chosen.includes(name);
    if (isSingle || !isAdding) onChange(isChosen && chosen.length === 1 ? [] : [name]);
    else onChange(isChosen ? chosen.filter((other) => other !== name) : [...chosen, name]);
  };
  return (
    <fieldset class="classes">
      <legend>
        Class
        {!isSingle && <small>Shift-click for several</small>}
      </legend>
      <div class="class-grid">
        {names.map((name) => (
          <button
            key={name}
            type="button"
            class="class-tile"
            aria-pressed={chosen.includes(name)}
            onClick={(event) => choose(name, event.shiftKey || event.ctrlKey || event.metaKey)}
          >
            {pictures.has(name) ? (
              <Pixels raster={pictures.get(name)!} label="" />
            ) : (
              <span class="class-blank" aria-hidden="true" />
            )}
            <span>{name}</span>
          </button>
        ))}
      </div>
      {chosen.length === 0 && <p class="hint">No class: the model draws what it likes.</p>}
    </fieldset>
  );
}
