/** The frame around the views: tabs, the model, what the page is doing, and files dropped onto it. */
import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { InputError } from "../src/browser.ts";
import { makeClassImages, showKeptClassImages } from "./state/class-images.ts";
import { isPng, planIn, recordIn } from "./state/files.ts";
import { job, sentenceOf } from "./state/job.ts";
import { type Link, readLink } from "./state/link.ts";
import { measureDevices } from "./state/measure.ts";
import { type Asking, images, linkOf, toldOfFile, videos } from "./state/request.ts";
import { type Kind, loadModels, models, sessions } from "./state/sessions.ts";
import { activity, complain, notice, remark } from "./state/status.ts";
import { loadRuns, runs, showRun, trainingLink } from "./state/training.ts";
import { takeVideo } from "./state/video.ts";
import { go, view } from "./state/view.ts";
import { placeText } from "./state/words.ts";
import { takeImage } from "./views/edit.tsx";
import { views } from "./views/index.ts";

const askings: Readonly<Record<Kind, Asking>> = { image: images, video: videos };
const current = () => views.find(({ name }) => name === view.value) ?? views[0]!;

/** The views that have something to show. */
const offered = (shown: string) =>
  views.filter(({ name }) => name !== "training" || name === shown || (runs.value?.length ?? 0) > 0);

/** Kinds of models that were asked for, so that a view opens its model once. */
const begun = new Set<Kind>();

/** Links whose model did not open, by its kind: they are tried again when a view is opened, or a model chosen. */
const unopened = new Map<Kind, Link>();

/** What the address says; a view that there is, is shown. */
function followAddress(): Link {
  const link = readLink(location.hash);
  const { view: wanted, unread = [] } = link;
  if (wanted === undefined) return link;
  const names = views.map(({ name }) => name);
  if (!names.includes(wanted))
    return { ...link, unread: [...unread, `view=${wanted} (${names.join(", ")})`] };
  view.value = wanted;
  return link;
}

/** What happens when the page opens. */
export async function start(): Promise<void> {
  const link = followAddress();
  const { kind } = current();
  if (kind) begun.add(kind);
  await Promise.all([loadModels(), loadRuns()]);
  // A server of trainings alone shows them.
  if (!link.view && models.value?.length === 0) {
    begun.clear();
    view.value = "training";
  }
  if (models.value) await takeLink(link);
}

/** Takes what an address says, into the view that is shown, and does what waits for a quiet moment. */
async function takeLink(link: Link): Promise<void> {
  const { kind, name } = current();
  if (!kind) return showRun(link.run ?? null, link.stage);
  begun.add(kind);
  try {
    const isWhole = await askings[kind].restore(link);
    unopened.delete(kind);
    const opened = sessions[kind].peek();
    if (opened) void showKeptClassImages(opened);
    // It opened, so that nothing did is no longer true.
    if (notice.peek()?.view !== undefined) notice.value = null;
    if (isWhole) await askings[kind].decode();
  } catch (error) {
    // Where another model is open it stays, and nothing is tried again.
    if (!sessions[kind].peek()) {
      begun.delete(kind);
      unopened.set(kind, link);
    }
    complain(sentenceOf(error), { view: name });
  }
}

/** Opens a chosen model: with what a link asked for whose model did not open, but for its plan and tokens, which were that one's. */
function takeModel(kind: Kind, model: string): Promise<void> {
  const { plan: _plan, given: _given, ...link } = unopened.get(kind) ?? {};
  return takeLink({ ...link, model });
}

/** How long nothing must have run before the page does something of its own accord, in milliseconds. */
const quiet = 500;

/** What fails again and again is left alone. */
const mostQuietTries = 8;
const quietTries = new WeakMap<object, number>();

/** Images of the classes, then which device is faster. Whatever somebody asks for goes first, and it is tried again then. */
async function whenQuiet(kind: Kind): Promise<void> {
  const session = sessions[kind].peek();
  if (!session || job.peek()) return;
  const tries = quietTries.get(session) ?? 0;
  if (tries >= mostQuietTries) return;
  await makeClassImages(session);
  if (job.peek()) return; // somebody came first: no try that failed
  quietTries.set(session, tries + 1);
  await measureDevices(session);
}

/** A file that was dropped: what it is for depends on what it is, and on the view. */
async function takeFile(file: File): Promise<void> {
  const record = isPng(file) ? await recordIn(file) : null;
  if (record) return restoreFrom(file, record);
  if (/\.json$/i.test(file.name)) {
    const kind = current().kind ?? "image";
    const { plan, model } = await planIn(file);
    const makes = models.value?.find(({ name }) => name === model)?.makes ?? kind;
    if (makes !== kind) {
      throw new InputError(
        `${file.name}: is the plan of ${model}, a model of ${makes}s, and this view makes ${kind}s; drop it in a view of ${makes}s.`,
      );
    }
    askings[kind].takePlan(plan, file.name);
    return askings[kind].decode();
  }
  if (/^video\/|^image\/gif$/.test(file.type) || (view.value === "video" && /^image\//.test(file.type))) {
    go("video");
    return takeVideo(file);
  }
  if (/^image\//.test(file.type)) {
    await takeImage(file);
    go("edit");
    return;
  }
  throw new InputError(
    `${file.name}: drop an image, a video, a PNG that was saved here, or a plan as JSON, got a file of type "${file.type}".`,
  );
}

async function restoreFrom(
  file: File,
  record: NonNullable<Awaited<ReturnType<typeof recordIn>>>,
): Promise<void> {
  if (!models.value?.some(({ name }) => name === record.model)) {
    const known = models.value?.map(({ name }) => name).join(", ");
    throw new InputError(
      `${file.name}: was made by model "${record.model}", which this server does not have; it has ${known || "none"}.`,
    );
  }
  const { makes } = models.value.find(({ name }) => name === record.model)!;
  const name = makes === "image" ? "generate" : "video";
  const told = notice.peek();
  const isWhole = await askings[makes].restore(linkOf(name, record), file.name);
  go(name);
  if (!isWhole) return;
  // What of it could not be taken was said.
  if (notice.peek() === told)
    remark(`Restored from ${file.name}: ${record.class ?? "no class"}, seed ${record.seed}, its own plan.`);
  await askings[makes].decode();
}

export function App() {
  useDrops();
  useAddress();
  const { name: shown, kind, Component } = current();
  // A view opens its model when it is first seen.
  useEffect(() => {
    if (kind && models.value && !begun.has(kind)) void takeLink(unopened.get(kind) ?? { view: shown });
  }, [shown, kind, models.value]);
  useEffect(() => {
    if (!kind || job.value || !sessions[kind].value) return;
    const timer = setTimeout(() => void whenQuiet(kind), quiet);
    return () => clearTimeout(timer);
  }, [kind, job.value, kind && sessions[kind].value]);
  return (
    <>
      <header class="bar">
        <h1>
          MaGNeTS <span class="aside">studio</span>
        </h1>
        <nav aria-label="Views">
          {offered(shown).map(({ name, title }) => (
            <a
              key={name}
              href={`#view=${name}`}
              aria-current={name === shown ? "page" : undefined}
              onClick={(event) => {
                event.preventDefault();
                go(name);
              }}
            >
              {title}
            </a>
          ))}
        </nav>
        {kind && <ModelChoice kind={kind} />}
      </header>
      <main>
        <Notice />
        <Component />
      </main>
      <Status kind={kind} />
    </>
  );
}

function ModelChoice({ kind }: { kind: Kind }) {
  const session = sessions[kind].value;
  const offered = models.value?.filter(({ makes }) => makes === kind) ?? [];
  // Before the first one is open there is nothing to say; where that came to nothing, another one can be chosen.
  if (!session && (notice.value?.view === undefined || offered.length === 0)) return null;
  const opened = () => sessions[kind].peek()?.listed.name ?? "";
  return (
    <label class="inline model">
      <span>Model</span>
      <select
        value={session?.listed.name ?? ""}
        onChange={async ({ currentTarget }) => {
          await takeModel(kind, currentTarget.value);
          currentTarget.value = opened(); // it stays at the last one where the chosen one does not open
        }}
      >
        {!session && (
          <option value="" disabled>
            choose one
          </option>
        )}
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
  if (!notice.value || (notice.value.view ?? view.value) !== view.value) return null;
  const { kind, text } = notice.value;
  return (
    <div class={`notice is-${kind}`} role={kind === "error" ? "alert" : "status"} data-test="notice">
      <p>{text}</p>
      <button
        type="button"
        aria-label="Close this message"
        onClick={() => {
          notice.value = null;
        }}
      >
        Close
      </button>
    </div>
  );
}

/** What it is doing, and where. */
function Status({ kind }: { kind: Kind | null }) {
  const session = kind && sessions[kind].value;
  const doing = activity.value ?? (job.value && { text: job.value.text, share: null });
  return (
    <footer class="status">
      <p role="status" data-test="status">
        {doing ? doing.text : session ? "Ready" : ""}
      </p>
      {doing?.share != null && <progress value={doing.share} aria-label={doing.text} />}
      <p class="where" data-test="where">
        {session && `Computing on ${placeText(session.place)}`}
      </p>
    </footer>
  );
}

/** The address says what is shown, and what it says is shown. */
function useAddress(): void {
  useSignalEffect(() => {
    const { name, kind } = current();
    const own = kind ? askings[kind].link.value : trainingLink.value;
    const says = own.replace(/^view=\w+/, `view=${name}`);
    // While no model is open the address stays what it was: reloading tries it again.
    if (says) history.replaceState(null, "", `#${says}`);
    else if (readLink(location.hash).view !== name && name !== views[0]!.name) {
      history.replaceState(null, "", `#view=${name}`);
    }
  });
  useEffect(() => {
    const onChange = (): void => {
      void takeLink(followAddress());
    };
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
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
      void toldOfFile(takeFile(file));
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
