/** A progress bar on standard error: step of total, whatever is worth watching, and the time left. */
import cliProgress from "cli-progress";

export interface Progress {
  /** @param step  steps done; @param notes  shown behind the bar, e.g. { loss: "2.31", rate: "41/s" } */
  update(step: number, notes?: Readonly<Record<string, string | number>>): void;
  stop(): void;
}

/** Where standard error is no terminal, a plain line every ten seconds instead. Stop it in a `finally`. */
export function startProgress(label: string, total: number, start = 0): Progress {
  const bar = new cliProgress.SingleBar({
    format: `${label} {bar} {value}/{total}  {notes}  {eta_formatted}`,
    formatTime: timeLeft,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    gracefulExit: false, // the program answers signals itself
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    etaBuffer: 50,
    stream: process.stderr,
  });
  bar.start(total, start, { notes: "" });
  return {
    update: (step, notes = {}) =>
      bar.update(step, {
        notes: Object.entries(notes)
          .map(([name, value]) => `${name} ${value}`)
          .join("  "),
      }),
    stop: () => bar.stop(),
  };
}

/** "2h05m left", "1m05s left", "9s left"; nothing while the rate is unknown, which the library calls "INF" or "NULL". */
export function timeLeft(seconds: number | string): string {
  if (typeof seconds !== "number") return "";
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const two = (value: number): string => String(value).padStart(2, "0");
  if (hours > 0) return `${hours}h${two(minutes)}m left`;
  if (minutes > 0) return `${minutes}m${two(Math.floor(seconds % 60))}s left`;
  return `${Math.floor(seconds)}s left`;
}
