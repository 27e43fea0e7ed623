/**
 * Lets a process end between two calls into the native runtime. Ending it in the middle of one would make Node abort
 * ("terminate called after throwing an instance of 'Napi::Error'"): `process.exit()` stops threads, and the call comes
 * back to a thread that is no more. So the main thread, about to end, closes the gate and waits for the call inside.
 */

/** Memory that both threads see: whether the gate is closed, and how many calls are inside. */
export type GateMemory = Int32Array<SharedArrayBuffer>;

const [closed, inside] = [0, 1];

/** The longest that the end of a process is put off, for a call that is very long or never comes back. */
const longestWaitMs = 10_000;

/** The gates of this process's runners. They mirror a fact of the process, which ends once and with all its threads. */
const gates = new Set<GateMemory>();

function closeAll(): void {
  const until = Date.now() + longestWaitMs;
  for (const gate of gates) Atomics.store(gate, closed, 1);
  for (const gate of gates) {
    for (let calls = Atomics.load(gate, inside); calls > 0; calls = Atomics.load(gate, inside)) {
      const left = until - Date.now();
      if (left <= 0) return;
      Atomics.wait(gate, inside, calls, left);
    }
  }
}

/** A gate that closes when this process ends. */
export function openGate(): GateMemory {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  if (gates.size === 0) process.on("exit", closeAll);
  gates.add(gate);
  return gate;
}

/** Forgets a gate whose thread has ended. */
export function removeGate(gate: GateMemory): void {
  gates.delete(gate);
  if (gates.size === 0) process.removeListener("exit", closeAll);
}

/** The other thread's way through: runs the work, or never settles once the gate is closed. */
export async function throughGate<Result>(gate: GateMemory, work: () => Promise<Result>): Promise<Result> {
  // Counted first, asked then: the main thread closes first and counts then, so that one of the two sees the other.
  Atomics.add(gate, inside, 1);
  if (Atomics.load(gate, closed) === 1) {
    leave(gate);
    return new Promise(() => {});
  }
  try {
    return await work();
  } finally {
    leave(gate);
  }
}

function leave(gate: GateMemory): void {
  Atomics.sub(gate, inside, 1);
  Atomics.notify(gate, inside);
}
