/** One job at a time: what somebody asks for comes before what the page does of its own accord. */
import { describe, expect, it, vi } from "vitest";
import { job, runJob } from "../../../studio/state/job.ts";

// The engine is a worker of the page; only its error matters here.
vi.mock("../../../studio/engine/client.ts", () => ({ EngineError: class extends Error {} }));

/** Work that ends when it is told to, or is cancelled. */
function heldWork(): { work: (signal: AbortSignal) => Promise<string>; end(): void } {
  let end = (): void => {};
  const held = new Promise<string>((resolve) => {
    end = () => resolve("made");
  });
  const work = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("cancelled")));
      void held.then(resolve);
    });
  return { work, end };
}

describe("a job", () => {
  it("that somebody asks for cancels the one that runs", async () => {
    const first = heldWork();
    const second = heldWork();
    const firstResult = runJob("First", first.work);
    const secondResult = runJob("Second", second.work);
    expect(job.peek()?.text).toBe("Second");
    expect(await firstResult).toBeNull();
    second.end();
    expect(await secondResult).toBe("made");
    expect(job.peek()).toBeNull();
  });

  it("in the background gives way to what somebody asks for", async () => {
    const background = heldWork();
    const asked = heldWork();
    const backgroundResult = runJob("Background", background.work, { isBackground: true });
    const askedResult = runJob("Asked", asked.work);
    expect(await backgroundResult).toBeNull();
    asked.end();
    expect(await askedResult).toBe("made");
  });

  it("in the background does not begin where one runs, which goes on", async () => {
    const asked = heldWork();
    const askedResult = runJob("Asked", asked.work);
    const work = vi.fn(async () => "background");
    expect(await runJob("Background", work, { isBackground: true })).toBeNull();
    expect(work).not.toHaveBeenCalled();
    expect(job.peek()?.text).toBe("Asked");
    asked.end();
    expect(await askedResult).toBe("made");
  });

  it("in the background runs where none does", async () => {
    expect(await runJob("Background", async () => "made", { isBackground: true })).toBe("made");
    expect(job.peek()).toBeNull();
  });
});
