/** Edit: mark a part of an image, and make it again. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ClassNames, ClassPicker } from "../parts/class-picker.tsx";
import { FileButton } from "../parts/file-button.tsx";
import { imageDataOf, Pixels } from "../parts/pixels.tsx";
import { DecodeButton, useDecodeKeys } from "../parts/request-controls.tsx";
import { SeedField } from "../parts/seed-field.tsx";
import { classImages, mostClassImages } from "../state/class-images.ts";
import * as edit from "../state/edit.ts";
import { imageIn, pngOf, save } from "../state/files.ts";
import { job } from "../state/job.ts";
import { drawnSeed, images, told, toldOfFile } from "../state/request.ts";
import { imageAt } from "../state/series.ts";
import { type Session, sessions } from "../state/sessions.ts";
import { complain } from "../state/status.ts";
import { multiplyAddsText, secondsText } from "../state/words.ts";

/** Of the brush, in tokens across. */
const brush = signal(1);
const isErasing = signal(false);

/** Takes an image file to edit. */
export async function takeImage(file: File): Promise<void> {
  edit.editImage(await imageIn(file, edit.resolution.value));
}

export function EditView() {
  const session = sessions.image.value;
  useDecodeKeys((isNewSeed) => {
    if (isNewSeed) edit.editSeed.value = drawnSeed();
    void edit.regenerate();
  });
  if (!session) return <div class="view waiting" />;
  const image = edit.canvas.value;
  return (
    <div class="view with-controls">
      <section
        class="stage-side"
        aria-label="Image"
        aria-busy={job.value !== null && !job.value.isBackground}
      >
        {image ? <Canvas /> : <Nothing />}
        {image && <Tools />}
        {edit.made.value && <Versions />}
      </section>
      <EditControls session={session} />
    </div>
  );
}

function Nothing() {
  const generated = images.series.value?.made?.images[0];
  return (
    <div class="drop-here">
      <p>Drop an image here, or take one.</p>
      <div class="buttons">
        <FileButton accept="image/*" onFile={(file) => void toldOfFile(takeImage(file))}>
          Choose an image
        </FileButton>
        {generated && (
          <button type="button" onClick={() => edit.editImage(generated)}>
            Take the generated one
          </button>
        )}
      </div>
    </div>
  );
}

/** The image with its window, the tokens of which are marked by pointer or by keyboard. */
function Canvas() {
  const drawing = useRef<HTMLCanvasElement>(null);
  const pad = useRef<HTMLDivElement>(null);
  const cursor = useRef({ row: 0, column: 0 });
  const image = edit.shownCanvas.value!;
  const [rows, columns] = edit.grid.value;
  const side = edit.resolution.value;
  const { x, y } = edit.corner.value;
  useEffect(() => {
    drawing.current!.getContext("2d")!.putImageData(imageDataOf(image), 0, 0);
  }, [image]);

  const share = (value: number, of: number): string => `${(100 * value) / of}%`;
  const paintAt = (row: number, column: number): void => {
    const reach = (brush.value - 1) / 2;
    edit.mark((r, c, was) => {
      const isNear = Math.abs(r - row) <= reach && Math.abs(c - column) <= reach;
      return isNear ? !isErasing.value : was;
    });
  };
  const paintUnder = (event: PointerEvent): void => {
    const box = pad.current!.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    if (row >= 0 && row < rows && column >= 0 && column < columns) paintAt(row, column);
  };
  const onKey = (event: KeyboardEvent): void => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const at = cursor.current;
    if (move) {
      at.row = Math.max(0, Math.min(rows - 1, at.row + move[0]!));
      at.column = Math.max(0, Math.min(columns - 1, at.column + move[1]!));
      pad.current!.style.setProperty("--row", String(at.row));
      pad.current!.style.setProperty("--column", String(at.column));
      pad.current!.setAttribute("aria-valuetext", `row ${at.row + 1}, column ${at.column + 1}`);
      pad.current!.setAttribute("aria-valuenow", String(at.row * columns + at.column));
    } else if (event.key === " ") paintAt(at.row, at.column);
    else return;
    event.preventDefault();
  };
  const onOutside = (event: PointerEvent): void => {
    const box = drawing.current!.getBoundingClientRect();
    const scale = image.width / box.width;
    edit.moveWindow({
      x: (event.clientX - box.left) * scale - side / 2,
      y: (event.clientY - box.top) * scale - side / 2,
    });
  };
  return (
    <div
      class="edit-canvas"
      style={{
        aspectRatio: `${image.width} / ${image.height}`,
        maxWidth: `min(100%, ${(560 * image.width) / Math.max(image.height, side)}px)`,
      }}
    >
      <canvas
        class="pixels"
        ref={drawing}
        width={image.width}
        height={image.height}
        role="img"
        aria-label="The image"
        data-test="canvas"
        onPointerDown={onOutside}
      />
      <div
        ref={pad}
        class={image.width > side || image.height > side ? "edit-window is-part" : "edit-window"}
        style={{
          left: share(x, image.width),
          top: share(y, image.height),
          width: share(side, image.width),
          height: share(side, image.height),
          "--rows": rows,
          "--columns": columns,
        }}
        role="slider"
        tabIndex={0}
        aria-label="Tokens to make again: arrow keys move, space marks"
        aria-valuemin={0}
        aria-valuemax={rows * columns - 1}
        aria-valuenow={0}
        aria-valuetext="row 1, column 1"
        data-test="pad"
        onKeyDown={onKey}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          paintUnder(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) paintUnder(event);
        }}
      >
        {edit.shownVersion.value === null &&
          Array.from(edit.marked.value, (isMarked, i) =>
            isMarked ? (
              <i
                key={i}
                class="edit-mark"
                style={{
                  left: share(i % columns, columns),
                  top: share(Math.floor(i / columns), rows),
                  width: share(1, columns),
                  height: share(1, rows),
                }}
              />
            ) : null,
          )}
        <i class="edit-cursor" />
      </div>
    </div>
  );
}

function Tools() {
  const count = edit.markedCount.value;
  const extend = (direction: edit.Direction) => () => {
    if (!edit.extend(direction))
      complain("The image has reached 1024 pixels; save it and begin with a part of it.");
  };
  const [rows, columns] = edit.grid.value;
  return (
    <div class="tools">
      <div class="buttons" role="toolbar" aria-label="Marking">
        <label class="inline">
          Brush
          <select
            value={brush.value}
            onChange={({ currentTarget }) => {
              brush.value = Number(currentTarget.value);
            }}
          >
            <option value={1}>1 token</option>
            <option value={3}>3 tokens</option>
            <option value={5}>5 tokens</option>
          </select>
        </label>
        <button
          type="button"
          aria-pressed={isErasing.value}
          onClick={() => {
            isErasing.value = !isErasing.value;
          }}
        >
          Erase
        </button>
        <button type="button" onClick={() => edit.mark(() => true)}>
          All
        </button>
        <button type="button" onClick={() => edit.mark(() => false)}>
          None
        </button>
        <button type="button" onClick={() => edit.mark((_row, _column, was) => !was)}>
          Swap
        </button>
        <span class="aside" data-test="marked">
          {count} of {rows * columns} tokens marked
        </span>
      </div>
      <div class="buttons" role="toolbar" aria-label="Canvas">
        <span class="aside">Extend</span>
        <button type="button" onClick={extend("left")}>
          Left
        </button>
        <button type="button" onClick={extend("right")}>
          Right
        </button>
        <button type="button" onClick={extend("up")}>
          Up
        </button>
        <button type="button" onClick={extend("down")}>
          Down
        </button>
        <button type="button" disabled={!edit.canUndo.value} onClick={edit.undo}>
          Undo
        </button>
        <FileButton accept="image/*" onFile={(file) => void toldOfFile(takeImage(file))}>
          Open
        </FileButton>
        <button
          type="button"
          onClick={() =>
            void told(
              pngOf(edit.shownCanvas.value!, edit.editRecord()).then((bytes) =>
                save("edited.png", "image/png", bytes),
              ),
            )
          }
        >
          Save PNG
        </button>
      </div>
    </div>
  );
}

/** The versions of the marked part; the chosen one is shown in its place. */
function Versions() {
  const series = edit.made.value!;
  const { made } = series;
  return (
    <section aria-label="Versions" class="versions">
      <div class="version-row">
        {Array.from({ length: series.count }, (_, index) => {
          const image = imageAt(series, index, null);
          return image ? (
            <button
              key={index}
              type="button"
              class="stage-tile"
              disabled={made === null}
              aria-pressed={edit.shownVersion.value === index}
              aria-label={`Version ${index + 1}`}
              onClick={() => {
                edit.shownVersion.value = edit.shownVersion.value === index ? null : index;
              }}
            >
              <Pixels raster={image} label={`Version ${index + 1} of ${series.count}`} />
            </button>
          ) : null;
        })}
      </div>
      {made && (
        <div class="watch-row">
          <p class="took" data-test="took">
            {secondsText(made.stats.seconds)}, {multiplyAddsText(made.stats.multiplyAdds)} multiply-adds
          </p>
          <button type="button" disabled={edit.shownVersion.value === null} onClick={edit.keepVersion}>
            Keep this version
          </button>
        </div>
      )}
    </section>
  );
}

function EditControls({ session: { model, listed } }: { session: Session }) {
  const chosen = edit.editClass.value === null ? [] : [edit.editClass.value];
  const choose = ([name]: readonly string[]): void => {
    edit.editClass.value = name ?? null;
  };
  const { classNames } = model;
  const isEmpty = edit.canvas.value === null;
  return (
    <section class="controls" aria-label="How to edit">
      {classNames.length > mostClassImages ? (
        <ClassNames names={classNames} chosen={chosen} onChange={choose} />
      ) : (
        <ClassPicker
          isSingle
          names={classNames}
          images={classImages.value.get(listed.name) ?? new Map()}
          chosen={chosen}
          onChange={choose}
        />
      )}
      <SeedField
        seed={edit.editSeed.value}
        onChange={(seed) => {
          edit.editSeed.value = seed;
        }}
        onDraw={() => {
          edit.editSeed.value = drawnSeed();
          void edit.regenerate();
        }}
      />
      <div class="field">
        <label for="versions">Versions</label>
        <input
          id="versions"
          type="number"
          min={1}
          max={8}
          value={edit.versions.value}
          onChange={({ currentTarget }) => {
            edit.versions.value = Math.max(1, Math.min(8, Math.round(currentTarget.valueAsNumber) || 1));
          }}
        />
      </div>
      <DecodeButton
        label="Make it again"
        isDisabled={isEmpty || edit.markedCount.value === 0}
        onDecode={() => void edit.regenerate()}
      />
      <p class="hint">
        {isEmpty
          ? "First take an image."
          : edit.markedCount.value === 0
            ? "Mark what shall be made again: paint on the image, or focus it and use arrow keys and space."
            : "What is not marked keeps its pixels."}
      </p>
    </section>
  );
}
