/** Whether a process that left its id somewhere still runs. */
import { readFileSync } from "node:fs";

/** Start times are told in seconds, and times of files in whole ones on some disks. */
const slackMs = 2000;

/**
 * Whether the process that had an id at a time still runs, on this machine. Ids are given again: to another program, and
 * in a container that starts anew often to the same one.
 *
 * @param since  when that process ran
 */
export function isRunning(pid: number, since: Date): boolean {
  if (pid === process.pid) return since.getTime() >= Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0); // sends nothing
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but another user's
  }
  const facts = processFacts(pid);
  return facts === null || (!facts.isDead && facts.startedAt <= since.getTime() + slackMs);
}

/** When a process started, and whether it ended and only waits to be counted; null where the system does not tell. */
function processFacts(pid: number): { readonly startedAt: number; readonly isDead: boolean } | null {
  try {
    // "4242 (any name) S ...": the third field is the state, the 22nd the start in hundredths of a second after boot.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))![1]);
    return { startedAt: (boot + Number(fields[19]) / 100) * 1000, isDead: /[ZX]/.test(fields[0]!) };
  } catch {
    return null;
  }
}
