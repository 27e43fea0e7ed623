/** PyTorch beside us, where python3 has it: the process of peer.py, which answers each question with seconds. */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The model and the work, as peer.py reads them. */
export interface PeerOptions {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly tokens: number;
  readonly codebookSize: number;
  readonly classes: number;
  readonly factors: readonly number[];
  readonly batch: number;
  /** K. */
  readonly steps: number;
  readonly guidanceScale: number;
  readonly threads: number;
}

export interface Peer {
  readonly version: string;
  /** @returns seconds; `product` is one of 2048 x 2048 */
  time(work: "decode" | "train" | "product"): Promise<number>;
  close(): void;
}

/** What to say where there is none. */
export const noPeer =
  "PyTorch: skipped, since no python3 here has it (Debian: apt-get install python3-torch libopenblas0-pthread)";

/** A PyTorch process with the model made, or null where python3 or torch is missing. */
export async function startPeer(options: PeerOptions): Promise<Peer | null> {
  const python = ["python3", "/usr/bin/python3"].find(
    (name) => spawnSync(name, ["-c", "import torch"]).status === 0,
  );
  if (!python) return null;
  const script = fileURLToPath(new URL("./peer.py", import.meta.url));
  // PyTorch's own threads and those of its BLAS take turns: waiting ones must not spin, or it is several times slower.
  const env = { ...process.env, OMP_WAIT_POLICY: "passive" };
  const child = spawn(python, [script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("bench: peer.py ended; its last words are above");
    return value as string;
  };
  const { ready } = JSON.parse(await nextLine()) as { ready: string };
  return {
    version: ready,
    time: async (work) => {
      child.stdin.write(`${work}\n`);
      return Number(await nextLine());
    },
    close: () => child.stdin.end(),
  };
}
