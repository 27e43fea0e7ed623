import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { everyFrame, ffmpegVersion, type Job, run, textOf } from "../../../src/data/video/ffmpeg.ts";
import { fakeFfmpeg, hasFfmpeg, refusal, temporaryFolder } from "./films.ts";

const folder = temporaryFolder();
const job: Job = { action: "cannot read video a.mp4", remedy: "replace it" };

describe("ffmpegVersion", () => {
  it("says how to install what is absent, and finds it once it is there", async () => {
    await fakeFfmpeg(folder.path, null);
    const message = await refusal(ffmpegVersion(job));
    expect(message).toMatch(/^cannot read video a\.mp4: ff\w+ is not on the PATH; install it/);
    expect(message).toContain("apt install ffmpeg");
    expect(message).toContain("brew install ffmpeg");
    const script = "#!/bin/sh\necho ffmpeg version 4.4.2-0ubuntu0";
    for (const tool of ["ffmpeg", "ffprobe"])
      await writeFile(join(process.env.PATH!, tool), script, { mode: 0o755 });
    expect(await ffmpegVersion(job)).toBe(4.4);
  });

  it("refuses a version that is too old and a program that does not start", async () => {
    await fakeFfmpeg(folder.path, "", "3.4.11");
    expect(await refusal(ffmpegVersion(job))).toContain(" 3.4 is too old, 4.0 or newer is required");
    await fakeFfmpeg(folder.path, "");
    await writeFile(join(process.env.PATH!, "ffmpeg"), "#!/bin/sh\nexit 7", { mode: 0o755 });
    expect(await refusal(ffmpegVersion(job))).toContain("ffmpeg does not start");
  });

  it("takes releases however they are called, and builds between releases as new", async () => {
    for (const [version, number] of [
      ["4.0", 4],
      ["n6.1", 6.1],
      ["7.0.2-static https://johnvansickle.com", 7],
      ["N-109542-g8f96d0d", null],
      ["2024-05-01-git-abc", null],
    ] as const) {
      await fakeFfmpeg(folder.path, "", version);
      expect(await ffmpegVersion(job), version).toBe(number);
      expect(await everyFrame(job)).toEqual([
        number !== null && number < 5.1 ? "-vsync" : "-fps_mode",
        "passthrough",
      ]);
    }
  });

  it.skipIf(!hasFfmpeg)("finds the one installed", async () => {
    expect(await ffmpegVersion(job)).not.toBeLessThan(4);
  });
});

describe("run", () => {
  it("hands the arguments on as they are and the output back, whole", async () => {
    await fakeFfmpeg(folder.path, 'for arg in "$@"; do printf "[%s]" "$arg"; done');
    const args = ["-a b", "'\"$(touch x)`", "", "ü*?;&|"];
    expect(await textOf("ffmpeg", args, job)).toBe(args.map((arg) => `[${arg}]`).join(""));
  });

  it("feeds the standard input", async () => {
    await fakeFfmpeg(folder.path, "while read -r line; do echo $line; done");
    const pieces: Uint8Array[] = [];
    for await (const piece of run("ffmpeg", [], job, Buffer.from("one\ntwo\n"))) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe("one\ntwo\n");
    await fakeFfmpeg(folder.path, "exit 0"); // one that does not read it
    for await (const piece of run("ffmpeg", [], job, Buffer.alloc(1 << 22))) expect(piece).toBeUndefined();
  });

  it("names the job, the status and the last line that tells something", async () => {
    await fakeFfmpeg(
      folder.path,
      'echo "first" >&2; echo "[h264 @ 0x55b0d8b65080] $2: no such thing" >&2\n' +
        'echo "    Last message repeated 1 times" >&2; exit 3',
    );
    expect(await refusal(textOf("ffmpeg", ["-i", "file:/a: b.mp4"], job))).toBe(
      "cannot read video a.mp4: ffmpeg failed with status 3: no such thing; replace it",
    );
    await fakeFfmpeg(folder.path, "exit 3");
    expect(await refusal(textOf("ffmpeg", [], job))).toContain("status 3: it gave no reason; replace it");
  });

  it("says so when it is killed midway", async () => {
    await fakeFfmpeg(folder.path, 'echo half; echo "out of memory" >&2; kill -9 $$');
    expect(await refusal(textOf("ffmpeg", [], job))).toBe(
      "cannot read video a.mp4: ffmpeg ended by SIGKILL: out of memory; replace it",
    );
  });

  it("ends one that hangs, and what it started", async () => {
    await fakeFfmpeg(folder.path, 'echo "still thinking" >&2; /bin/sleep 600');
    expect(await refusal(textOf("ffmpeg", [], { ...job, timeoutMs: 300 }))).toBe(
      "cannot read video a.mp4: ffmpeg did not finish within 0.3 seconds: still thinking; replace it",
    );
  });

  it("ends when the signal says so, with its reason", async () => {
    await fakeFfmpeg(folder.path, "echo begun; /bin/sleep 600");
    const control = new AbortController();
    const reading = (async () => {
      for await (const _ of run("ffmpeg", [], { ...job, signal: control.signal }))
        control.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
    await expect(textOf("ffmpeg", [], { ...job, signal: control.signal })).rejects.toThrow("enough");
  });

  it("ends the program when nobody wants more", async () => {
    const log = join(folder.path, "pid");
    await fakeFfmpeg(folder.path, `echo $$ > "${log}"; while :; do echo more; done`);
    for await (const piece of run("ffmpeg", [], job)) {
      expect(piece.toString()).toContain("more");
      break;
    }
    const pid = Number(await readFile(log, "utf8"));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it("runs at most one per core at once, and gives all their turn, also after failures", async () => {
    const log = join(folder.path, "log");
    await fakeFfmpeg(
      folder.path,
      `echo + >> "${log}"; /bin/sleep 0.05; echo - >> "${log}"; echo "$1"; exit "$2"`,
    );
    const numbers = Array.from({ length: 3 * availableParallelism() }, (_, i) => `${i}`);
    const texts = await Promise.all(numbers.map((number) => textOf("ffmpeg", [number, "0"], job)));
    expect(texts.map((text) => text.trim())).toEqual(numbers);
    await Promise.all(numbers.map((number) => refusal(textOf("ffmpeg", [number, "1"], job))));
    let running = 0;
    for (const mark of (await readFile(log, "utf8")).trim().split("\n")) {
      running += mark === "+" ? 1 : -1;
      expect(running).toBeLessThanOrEqual(availableParallelism());
    }
    expect(running).toBe(0);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
