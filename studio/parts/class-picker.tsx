/** Classes by image: each is shown by one that the model made of it. Several take turns. */
import type { Raster } from "../../src/browser.ts";
import { Pixels } from "./pixels.tsx";

interface ClassPickerProps {
  readonly names: readonly string[];
  /** By class; none where none was made yet. */
  readonly images: ReadonlyMap<string, Raster>;
  readonly chosen: readonly string[];
  /** One class, or several that take turns; default several. */
  readonly isSingle?: boolean;
  readonly onChange: (chosen: readonly string[]) => void;
}

export function ClassPicker({ names, images, chosen, isSingle = false, onChange }: ClassPickerProps) {
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
            {images.has(name) ? (
              <Pixels raster={images.get(name)!} label="" />
            ) : (
              // Until there is an image, the name stands in its place.
              <span class="class-blank">{name}</span>
            )}
            {images.has(name) && <span>{name}</span>}
          </button>
        ))}
      </div>
      {chosen.length === 0 && <p class="hint">No class: the model draws what it likes.</p>}
    </fieldset>
  );
}

interface ClassNamesProps {
  readonly names: readonly string[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Many classes by name. Names of two words that go each with each, "cat orbit", are chosen word by word. */
export function ClassNames({ names, chosen, onChange }: ClassNamesProps) {
  const words = names.map((name) => name.split(" "));
  const firsts = [...new Set(words.map(([first]) => first!))];
  const seconds = [...new Set(words.map(([, second]) => second ?? ""))];
  const isProduct =
    words.every(({ length }) => length === 2) && firsts.length * seconds.length === names.length;
  const [name = ""] = chosen;
  if (!isProduct)
    return (
      <Choice label="Class" options={names} value={name} onChange={(one) => onChange(one ? [one] : [])} />
    );
  const [first = "", second = ""] = name.split(" ");
  return (
    <div class="word-choices">
      <Choice
        label="What"
        options={firsts}
        value={first}
        onChange={(one) => onChange(one ? [`${one} ${second || seconds[0]}`] : [])}
      />
      <Choice
        label="Does"
        options={seconds}
        value={second}
        onChange={(one) => onChange(one ? [`${first || firsts[0]} ${one}`] : [])}
      />
    </div>
  );
}

function Choice({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        <option value="">anything</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}
