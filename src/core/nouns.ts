/** Words for messages: what a model or a dataset holds, and how many of it. */
export type Noun = "image" | "video";

/** "video" of what has frames, else "image". */
export const nounOf = ({ frames }: { readonly frames?: number | undefined }): Noun =>
  frames === undefined ? "image" : "video";

/** "1 video", "2 videos". */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Up to five names, and how many more there are. */
export function few(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
