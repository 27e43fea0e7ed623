/** Being asked to stop, by Ctrl-C or SIGTERM: the first time at the next safe point, the second time at once. */

/** What commands stop by, and what they were stopped by. */
export interface Stop {
  /** Aborted by the first press. */
  readonly signal: AbortSignal;
  /** The signal that stopped the program, if one did. */
  by(): NodeJS.Signals | undefined;
  /** Tells that the command has nothing to finish, so that the first press says no more than that it stops. */
  endsAtOnce(): void;
}

/**
 * Presses closer together are one. The terminal gives a Ctrl-C to every process of the command, and npm and tsx hand
 * theirs on to the one below: the same press comes again some 30 ms later, or later still on a busy machine.
 */
const onePressMs = 1000;

/** Answers the signals from now on. */
export function openStop(): Stop {
  const stop = new AbortController();
  let words = "stopping at the next safe point (once more to stop at once)";
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const answer = (signal: NodeJS.Signals): void => {
    const at = performance.now();
    if (!first) {
      first = { signal, at };
      process.stderr.write(`\nmagnets: ${words}\n`);
      stop.abort();
    } else if (at - first.at >= onePressMs) {
      // Without a listener the signal ends the process on the spot, as whoever waits for it expects of a signal.
      process.removeListener(signal, answer);
      process.kill(process.pid, signal);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, answer);
  return {
    signal: stop.signal,
    by: () => first?.signal,
    endsAtOnce: () => {
      words = "stopping";
    },
  };
}
