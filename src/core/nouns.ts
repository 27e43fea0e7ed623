/** Words for messages: what a model or a dataset holds, and how many of it. */
export type Noun = "image" | "video";

/** "video" of what has frames, else "image". */
export const nounOf = ({ frames }: { readonly frames?: number | undefined }): Noun =>
  frames === undefined ? "image" : "video";

/** "1 video", "2 videos". */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** The first `most` names, and how many more there are. */
export function few(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
