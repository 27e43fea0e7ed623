/**
 * The trainings that the server was given, watched: every two seconds the list, and of the log that is shown what was added to
 * it. Nothing is kept in the page that the run folder does not hold, so a reload shows the same.
 */
import { computed, signal } from "@preact/signals";
import type { ListedRun, ListedStage, RunList } from "../run-list.ts";
import { writeLink } from "./link.ts";
import { type LogLine, parseLog } from "./run-log.ts";

const everyMs = 2000;

/** Null until the server has told them. */
export const runs = signal<readonly ListedRun[] | null>(null);
/** Whether the server answered the last time. */
export const isReached = signal(true);
/** The log that is shown. */
export const log = signal<readonly LogLine[]>([]);

/** What somebody chose to see; null: what trains now, or trained last. */
const chosen = signal<{ readonly run: string | null; readonly stage: string | null }>({
  run: null,
  stage: null,
});

export const shownRun = computed<ListedRun | null>(() => {
  const all = runs.value ?? [];
  return (
    all.find(({ name }) => name === chosen.value.run) ??
    all.find(({ isTraining }) => isTraining) ??
    all.at(-1) ??
    null
  );
});

export const shownStage = computed<ListedStage | null>(() => {
  const stages = shownRun.value?.stages ?? [];
  return stages.find(({ name }) => name === chosen.value.stage) ?? stages.at(-1) ?? null;
});

/** For the page's address. */
export const trainingLink = computed(() => {
  const { run, stage } = chosen.value;
  return writeLink({ view: "training", ...(run && { run }), ...(stage && { stage }) });
});

/** Shows a training, or one stage of it. */
export function showRun(run: string | null, stage: string | null = null): void {
  chosen.value = { run, stage };
  void look();
}

/** Asks the server for its trainings; a host of files alone may have none. */
export async function loadRuns(): Promise<void> {
  try {
    const response = await fetch(new URL("runs/index.json", document.baseURI), { cache: "no-store" });
    if (response.ok) runs.value = ((await response.json()) as RunList).runs;
    else runs.value ??= [];
    isReached.value = true;
  } catch {
    runs.value ??= [];
    isReached.value = false;
  }
}

/** How far the shown log is read. */
let read = { url: "", id: "", bytes: 0 };
let looking: Promise<void> | null = null;
let isStale = false;

/** Brings the list and the log up to date; one at a time, and once more for whoever asked meanwhile. */
function look(): Promise<void> {
  isStale = true;
  looking ??= (async () => {
    while (isStale) {
      isStale = false;
      await loadRuns();
      await readOn(shownStage.peek()?.metrics ?? null);
    }
    looking = null;
  })();
  return looking;
}

async function readOn(metrics: ListedStage["metrics"]): Promise<void> {
  if (!metrics) {
    read = { url: "", id: "", bytes: 0 };
    log.value = [];
    return;
  }
  const isSame = metrics.url === read.url && metrics.id === read.id && metrics.bytes >= read.bytes;
  const from = isSame ? read.bytes : 0;
  if (isSame && metrics.bytes === from) return;
  try {
    const url = new URL(metrics.url, document.baseURI);
    const response = await fetch(url, { headers: { range: `bytes=${from}-` }, cache: "no-store" });
    if (!response.ok) return; // it was written anew just now: the next look knows
    const bytes = new Uint8Array(await response.arrayBuffer());
    const start = response.status === 206 ? from : 0;
    // A line that is not whole yet is read the next time.
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    const lines = parseLog(new TextDecoder().decode(whole));
    log.value = start > 0 ? [...log.peek(), ...lines] : lines;
    read = { url: metrics.url, id: metrics.id, bytes: start + whole.length };
  } catch {
    isReached.value = false;
  }
}

/** Watches until the returned function is called; a page that nobody sees waits. */
export function watchRuns(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const turn = async (): Promise<void> => {
    clearTimeout(timer);
    if (!document.hidden) await look();
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(() => void turn(), everyMs);
  };
  const onSeen = (): void => {
    if (!document.hidden) void turn();
  };
  document.addEventListener("visibilitychange", onSeen);
  void turn();
  return () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onSeen);
  };
}
