/** What the page says of itself: what it is doing now, what it remarked, what went wrong. Screen readers hear all of it. */
import { signal } from "@preact/signals";

export interface Activity {
  readonly text: string;
  /** 0 to 1; null: not known. */
  readonly share: number | null;
}

/** What it is doing; null: nothing. */
export const activity = signal<Activity | null>(null);

export interface Notice {
  readonly kind: "error" | "remark";
  readonly text: string;
  /** The view that it belongs to; left out: all. */
  readonly view?: string;
  /** It is about a file, and goes when the next file is taken or something else succeeds. */
  readonly isOfFile?: boolean;
}

/** The last thing that somebody should read, until it is put away. */
export const notice = signal<Notice | null>(null);

export function busy(text: string, share: number | null = null): void {
  activity.value = { text, share };
}

export function idle(): void {
  activity.value = null;
}

export function complain(text: string, of: Pick<Notice, "view" | "isOfFile"> = {}): void {
  notice.value = { kind: "error", text, ...of };
}

/** What a file was refused for is history now. */
export function forgetFile(): void {
  if (notice.peek()?.isOfFile) notice.value = null;
}

export function remark(text: string): void {
  notice.value = { kind: "remark", text };
}
