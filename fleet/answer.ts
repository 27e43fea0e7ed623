/** An answer that comes later, from wherever it becomes known. Node 20 has no Promise.withResolvers. */
export interface Answer {
  /** Whoever asked waits for it; where nobody does, a rejection harms nobody. */
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function openAnswer(): Answer {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  promise.catch(() => {}); // whoever waits for it hears of it
  return { promise, resolve, reject };
}
