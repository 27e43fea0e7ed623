/** Words for messages: what a model or a dataset holds, and how many of it. */
export type Noun = "picture" | "clip";

/** "clip" of what has frames, else "picture". */
export const nounOf = ({ frames }: { readonly frames?: number | undefined }): Noun =>
  frames === undefined ? "picture" : "clip";

/** "1 clip", "2 clips". */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
