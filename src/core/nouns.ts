/** Words for messages: what a model or a dataset holds, and how many of it. */
export type Noun = "image" | "video";

/** "video" of what has frames, else "image". */
export const nounOf = ({ frames }: { readonly frames?: number | undefined }): Noun =>
  frames === undefined ? "image" : "video";

/** "1 video", "2 videos". */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
