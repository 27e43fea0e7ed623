/**
 * One job at a time for each kind of model. What somebody asks for cancels what runs; what the page does of its own accord
 * (images of classes, measuring) waits until nothing else runs, and gives way.
 */
import { signal } from "@preact/signals";
import { InputError } from "../../src/browser.ts";
import { EngineError } from "../engine/client.ts";
import { complain, forgetFile } from "./status.ts";

/** What runs: its words for people, and how to cancel it. */
export interface Job {
  readonly text: string;
  readonly isBackground: boolean;
  cancel(): void;
}

/** Null: nothing runs. */
export const job = signal<Job | null>(null);

/**
 * Runs a job; one that ran before is cancelled. One in the background does not begin where another runs: somebody may have
 * asked for something since the page saw that nothing ran.
 *
 * @returns null where it was cancelled, or failed, which the page then says, or did not begin
 */
export async function runJob<T>(
  text: string,
  work: (signal: AbortSignal) => Promise<T>,
  { isBackground = false }: { readonly isBackground?: boolean } = {},
): Promise<T | null> {
  if (isBackground && job.peek()) return null;
  const stop = new AbortController();
  const own: Job = { text, isBackground, cancel: () => stop.abort() };
  job.peek()?.cancel();
  job.value = own;
  try {
    const result = await work(stop.signal);
    if (stop.signal.aborted) return null;
    if (!isBackground) forgetFile();
    return result;
  } catch (error) {
    if (!stop.signal.aborted && !isBackground) complain(sentenceOf(error));
    if (isBackground && !stop.signal.aborted) console.warn(error);
    return null;
  } finally {
    if (job.peek() === own) job.value = null;
  }
}

/** A failure in words: what refuses says it itself, anything else gets a remedy. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isTold = error instanceof InputError || (error instanceof EngineError && error.reason !== "device");
  return isTold ? message : `The computation failed: ${message}. Reload the page to start afresh.`;
}
