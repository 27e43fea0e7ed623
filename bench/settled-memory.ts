/** Resident memory, in bytes, once the collector has nothing left to free; Node must run with --expose-gc. */
export async function settledMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage.rss();
}
