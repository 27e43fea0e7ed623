/**
 * The models of the server, and those that are open: one of images and one of videos, each in a worker of its own. Opening
 * tries the devices in turn and says so; a device that fails later is replaced by the next one in the same way.
 */
import { signal } from "@preact/signals";
import {
  type GenerativeModel,
  InputError,
  type ListedModel,
  modelListName,
  parseModelList,
} from "../../src/browser.ts";
import { type Engine, EngineError, startEngine } from "../engine/client.ts";
import type { CallName, Calls, EngineEvent, Place } from "../engine/protocol.ts";
import { createLatencyModel, type LatencyModel } from "./latency.ts";
import { placesFor, threadsHere } from "./places.ts";
import { busy, complain, idle, remark } from "./status.ts";
import { megabytesText, placeText } from "./words.ts";

/** A model that is open. */
export interface Session {
  readonly listed: ListedModel;
  /** Without its weights. */
  readonly model: GenerativeModel;
  readonly place: Place;
  readonly engine: Engine;
  readonly latency: LatencyModel;
}

export type Kind = ListedModel["makes"];

/** Null until the server told them. */
export const models = signal<readonly ListedModel[] | null>(null);
export const sessions: Readonly<Record<Kind, ReturnType<typeof signal<Session | null>>>> = {
  image: signal<Session | null>(null),
  video: signal<Session | null>(null),
};

const modelsUrl = new URL("models", document.baseURI).href;
const runtimeUrl = new URL("ort/", document.baseURI).href;

/** Where a model's folder and the runtime are. */
export const modelUrls = (name: string) => ({ url: `${modelsUrl}/${encodeURIComponent(name)}`, runtimeUrl });

/** Asks the server for its models. */
export async function loadModels(): Promise<void> {
  const address = `${modelsUrl}/${modelListName}`;
  try {
    const response = await fetch(address, { cache: "no-cache" });
    if (!response.ok) throw new InputError(`the server answered ${response.status} to ${address}`);
    // The lightest comes first, so that a page without a wish opens soon.
    models.value = parseModelList(await response.json(), address).models.toSorted(
      (a, b) => bytesOf(a) - bytesOf(b),
    );
  } catch (error) {
    complain(
      `The list of models could not be read: ${(error as Error).message}. Check that the server runs, then reload.`,
    );
  }
}

const bytesOf = ({ files }: ListedModel): number =>
  Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);

const opening = new Map<Kind, Promise<Session>>();

/** The open model of a kind; opens `name`, or the first of its kind, where another or none is open. */
export function openModel(kind: Kind, name?: string): Promise<Session> {
  const turn = (opening.get(kind) ?? Promise.resolve(null))
    .catch(() => null)
    .then(async () => {
      const offered = models.value?.filter(({ makes }) => makes === kind) ?? [];
      const current = sessions[kind].peek();
      const listed =
        name === undefined ? (current?.listed ?? offered[0]) : offered.find((model) => model.name === name);
      if (!listed) {
        throw new InputError(
          name === undefined
            ? `This server has no model of ${kind}s; put a model folder into its models.`
            : `This server has no model of ${kind}s called "${name}"; it has ${offered.map((model) => model.name).join(", ") || "none"}. Choose one above.`,
        );
      }
      if (current?.listed.name === listed.name) return current;
      return openAt(listed, placesFor(listed.name));
    });
  opening.set(kind, turn);
  return turn;
}

/** Opens a model at the first of the places that works. */
export async function openAt(listed: ListedModel, places: readonly Place[]): Promise<Session> {
  let reason = "";
  for (const [i, place] of places.entries()) {
    const next = places[i + 1];
    try {
      const session = await openHere(listed, place);
      adopt(session);
      if (i > 0) remark(`Now computing on ${placeText(place)}: ${reason}`);
      else if (threadsHere() === 1 && place.device === "wasm") {
        remark(
          "Computing with one thread: this page is not isolated, so the browser allows no more. " +
            "magnets studio sends the headers that isolate it.",
        );
      }
      return session;
    } catch (error) {
      if (!(await serverAnswers())) {
        throw new InputError(
          `The server does not answer, so ${listed.name} cannot be opened. This page keeps working with what it has ` +
            "loaded; when the server runs again, open this view again.",
        );
      }
      if (!(error instanceof EngineError && error.reason === "device") || !next) throw error;
      reason = `${placeText(place)} failed (${error.message}).`;
    }
  }
  throw new Error("openAt: needs at least one place");
}

/** How long the server may take to say that it is there, in milliseconds. */
const answerWithin = 5000;

/** Whether the server answers, with whatever: else it is stopped, or the machine offline. */
const serverAnswers = (): Promise<boolean> =>
  fetch(document.baseURI, {
    method: "HEAD",
    cache: "no-store",
    signal: AbortSignal.timeout(answerWithin),
  }).then(
    () => true,
    () => false,
  );

/** Takes a session in the place of the one of its kind, which ends. */
export function adopt(session: Session): void {
  const place = sessions[session.listed.makes];
  place.peek()?.engine.close();
  place.value = session;
}

async function openHere(listed: ListedModel, place: Place): Promise<Session> {
  const engine = startEngine();
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === "stage") busy(`${event.text} on ${placeText(place)}`);
    if (event.kind !== "loading") return;
    const { loadedBytes, totalBytes } = event.progress;
    const share = totalBytes ? loadedBytes / totalBytes : null;
    busy(
      `Loading ${listed.name}, ${megabytesText(loadedBytes)}${totalBytes ? ` of ${megabytesText(totalBytes)}` : ""}`,
      share,
    );
  };
  busy(`Opening ${listed.name}`);
  try {
    const args = { ...place, model: listed, ...modelUrls(listed.name) };
    const { model, storageProblem } = await engine.call("open", args, { onEvent });
    if (storageProblem) remark(storageProblem);
    return { listed, model, place, engine, latency: createLatencyModel() };
  } catch (error) {
    engine.close();
    throw error;
  } finally {
    idle();
  }
}

/**
 * A call of the open model; where its device fails, the next one is taken and the call made again.
 *
 * @param signal  cancels it
 */
export async function callModel<Name extends Exclude<CallName, "open">>(
  kind: Kind,
  name: Name,
  args: Calls[Name]["args"],
  hooks: { signal: AbortSignal; onEvent: (event: EngineEvent, session: Session) => void },
): Promise<Calls[Name]["result"]> {
  const session = sessions[kind].peek() ?? (await openModel(kind));
  const { signal } = hooks;
  const callOf = ({ engine }: Session, own: Session) =>
    engine.call(name, args, { signal, onEvent: (event) => hooks.onEvent(event, own) });
  try {
    return await callOf(session, session);
  } catch (error) {
    if (!(error instanceof EngineError && error.reason === "device")) throw error;
    const { place, listed } = session;
    const left = [
      ...(place.device === "webgpu" && threadsHere() > 1
        ? [{ device: "wasm", threads: threadsHere() } as const]
        : []),
      ...(place.device === "webgpu" || place.threads > 1 ? [{ device: "wasm", threads: 1 } as const] : []),
    ];
    if (left.length === 0) throw error;
    const next = await openAt(listed, left);
    remark(`${placeText(place)} failed (${error.message}); now computing on ${placeText(next.place)}.`);
    return callOf(next, next);
  }
}
