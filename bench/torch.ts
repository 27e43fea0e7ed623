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
  /** Default: the CPU. */
  readonly device?: "cpu" | "cuda";
  /** Products on a card; default: float32. */
  readonly mode?: "fp32" | "tf32" | "bf16";
  /** By torch.compile. */
  readonly compile?: boolean;
}

export interface Peer {
  /** Of PyTorch, and whose kernels its BLAS uses if not those of its own choice. */
  readonly version: string;
  /** @returns seconds; `pass` is one step of a decode */
  time(work: "decode" | "train" | "pass"): Promise<number>;
  close(): void;
}

/** What to say where there is none. */
export const noPeer =
  "PyTorch: skipped, since no python3 here has it (Debian: apt-get install python3-torch libopenblas0-pthread)";

/**
 * Whose kernels OpenBLAS uses: those that it chooses by itself, or those for AVX2. On processors with AVX-512 its own
 * choice multiplies large matrices faster and the small ones of a transformer up to twice as slowly.
 */
const kernels = ["", "Haswell"];

/**
 * A PyTorch process with the model made; null where python3 or torch is missing. Other kernels than its own choice are
 * taken where they are faster at `work` by 5 % or more.
 */
export async function startPeer(options: PeerOptions, work: "pass" | "train"): Promise<Peer | null> {
  const python = ["python3", "/usr/bin/python3"].find(
    (name) => spawnSync(name, ["-c", "import torch"]).status === 0,
  );
  if (!python) return null;
  if (options.device === "cuda") return startProcess(python, options, "");
  let chosen: { peer: Peer; seconds: number } | undefined;
  for (const kernel of kernels) {
    let peer: Peer | undefined;
    try {
      peer = await startProcess(python, options, kernel);
      const times: number[] = [];
      for (let i = 0; i < 3; i++) times.push(await peer.time(work)); // the first one warms up
      const seconds = Math.min(...times);
      const isFaster = !chosen || seconds < 0.95 * chosen.seconds;
      (isFaster ? chosen?.peer : peer)?.close();
      if (isFaster) chosen = { peer, seconds };
    } catch (error) {
      peer?.close();
      if (!chosen) throw error; // its own choice must work; a processor may lack what other kernels need
    }
  }
  return chosen!.peer;
}

async function startProcess(python: string, options: PeerOptions, kernel: string): Promise<Peer> {
  const script = fileURLToPath(new URL("./peer.py", import.meta.url));
  // PyTorch's own threads and those of its BLAS take turns: waiting ones must not spin, or it is several times slower.
  const env = {
    ...process.env,
    OMP_WAIT_POLICY: "passive",
    ...(kernel && { OPENBLAS_CORETYPE: kernel }),
  };
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
  const { ready } = JSON.parse(
    await nextLine().catch((error) => {
      child.kill();
      throw error;
    }),
  ) as { ready: string };
  return {
    version: kernel ? `${ready} (${kernel} kernels)` : ready,
    time: async (work) => {
      child.stdin.write(`${work}\n`);
      return Number(await nextLine());
    },
    close: () => child.stdin.end(),
  };
}
