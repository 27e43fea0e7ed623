/** The frame around the views: tabs, the model, what the page is doing, and files dropped onto it. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { InputError } from "../src/browser.ts";
import { isPng, planIn, recordIn } from "./state/files.ts";
import * as generating from "./state/generate.ts";
import { job, sentenceOf } from "./state/job.ts";
import { readLink } from "./state/link.ts";
import { makePictures } from "./state/pictures.ts";
import { loadModels, models, sessions } from "./state/sessions.ts";
import { activity, complain, notice, remark } from "./state/status.ts";
import { placeText } from "./state/words.ts";
import { views } from "./views/index.ts";

const view = signal(views[0]!.name);

/** What happens when the page opens. */
export async function start(): Promise<void> {
  const link = readLink(location.hash);
  view.value = views.find(({ name }) => name === link.view)?.name ?? views[0]!.name;
  await loadModels();
  if (!models.value) return;
  await takeLink(link);
}

async function takeLink(link: ReturnType<typeof readLink>): Promise<void> {
  try {
    await generating.restore(link);
  } catch (error) {
    complain(sentenceOf(error));
    if (!sessions.image.peek()) return;
  }
  await generating.generate();
  if (sessions.image.peek()) await makePictures(sessions.image.peek()!);
}

/** A file that was dropped or chosen: an image that remembers what made it, or a plan. */
export async function takeFile(file: File): Promise<void> {
  try {
    if (isPng(file)) {
      const record = await recordIn(file);
      if (!record) {
        throw new InputError(
          `${file.name}: this PNG does not say what made it; drop one that was saved here, or open Edit to change it.`,
        );
      }
      view.value = "generate";
      await generating.restore(generating.linkOf(record));
      remark(`Restored from ${file.name}.`);
      await generating.generate();
    } else if (/\.json$/i.test(file.name)) {
      generating.setPlan(await planIn(file));
      await generating.generate();
    } else {
      throw new InputError(`${file.name}: drop a PNG that was saved here, or a plan as JSON.`);
    }
  } catch (error) {
    complain(sentenceOf(error));
  }
}

export function App() {
  useDrops();
  const current = views.find(({ name }) => name === view.value) ?? views[0]!;
  return (
    <>
      <header class="bar">
        <h1>
          MaGNeTS <span class="aside">studio</span>
        </h1>
        <nav aria-label="Views">
          {views.map(({ name, title }) => (
            <a
              key={name}
              href={`#view=${name}`}
              aria-current={name === current.name ? "page" : undefined}
              onClick={(event) => {
                event.preventDefault();
                view.value = name;
              }}
            >
              {title}
            </a>
          ))}
        </nav>
        <ModelChoice />
      </header>
      <main>
        <Notice />
        <current.Component />
      </main>
      <Status />
    </>
  );
}

function ModelChoice() {
  const session = sessions.image.value;
  const offered = models.value?.filter(({ makes }) => makes === "image") ?? [];
  if (!session) return null;
  return (
    <label class="inline model">
      <span>Model</span>
      <select
        value={session.listed.name}
        onChange={({ currentTarget }) => void takeLink({ model: currentTarget.value })}
      >
        {offered.map(({ name, resolution }) => (
          <option key={name} value={name}>
            {name}, {resolution} × {resolution}
          </option>
        ))}
      </select>
    </label>
  );
}

function Notice() {
  if (!notice.value) return null;
  const { kind, text } = notice.value;
  return (
    <div class={`notice is-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <p>{text}</p>
      <button type="button" onClick={() => (notice.value = null)} aria-label="Close this message">
        Close
      </button>
    </div>
  );
}

/** What it is doing, and where. */
function Status() {
  const session = sessions.image.value;
  const doing = activity.value ?? (job.value && { text: job.value.text, share: null });
  const where = session && `Computing on ${placeText(session.place)}`;
  return (
    <footer class="status">
      <p role="status" aria-live="polite" data-test="status">
        {doing ? doing.text : session ? "Ready" : ""}
      </p>
      {doing?.share != null && <progress value={doing.share} aria-label={doing.text} />}
      <p class="where" data-test="where">
        {where}
      </p>
    </footer>
  );
}

/** Files may be dropped anywhere. */
function useDrops(): void {
  useEffect(() => {
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files");
    const onOver = (event: DragEvent): void => {
      if (!isFile(event)) return;
      event.preventDefault();
      document.body.classList.add("is-dropping");
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) document.body.classList.remove("is-dropping");
    };
    const onDrop = (event: DragEvent): void => {
      document.body.classList.remove("is-dropping");
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      void takeFile(file);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
}
