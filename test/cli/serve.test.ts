/** `magnets serve` as a process of its own: how it begins, what it writes, how it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { magnets } from "./run-magnets.ts";

interface Serving {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it wrote to standard error so far. */
  stderr(): string;
  /** Its exit status. */
  readonly ended: Promise<number | null>;
}

async function serving(args: readonly string[] = [], stderr: "pipe" | number = "pipe"): Promise<Serving> {
  const child = spawn(
    process.execPath,
    [
      "--import",
      "tsx",
      "cli/main.ts",
      "serve",
      "models/sprites",
      "--port",
      "0",
      "--threads",
      "1",
      "--json",
      ...args,
    ],
    { stdio: ["ignore", "pipe", stderr] },
  );
  let told = "";
  child.stderr?.on("data", (data) => {
    told += data;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.on("data", (data) => resolve(String(data)));
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${told}`)));
  });
  return { url: JSON.parse(line).url, child, stderr: () => told, ended };
}

const ask = async (url: string, body: object) => {
  const answer = await fetch(`${url}/v1/images/generations`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as { data?: { b64_json: string }[] } };
};

describe("magnets serve", () => {
  it("told to stop under load, answers what it took, refuses the rest, and ends with status 0", async () => {
    const { url, child, ended, stderr } = await serving();
    const answers: { status: number | string; length?: number }[] = [];
    let isStopped = false;
    const client = async (seed: number) => {
      while (!isStopped) {
        try {
          const { status, body } = await ask(url, { prompt: "cat", seed });
          answers.push({ status, length: body.data?.[0]?.b64_json.length });
        } catch (error) {
          // No connection: the request was not taken. One that was cut off would fail with another reason.
          const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
          answers.push({ status: code ?? (error as Error).message });
          return;
        }
      }
    };
    const clients = Array.from({ length: 6 }, (_, seed) => client(seed));
    while (answers.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    isStopped = true;
    await Promise.all(clients);
    const made = answers.filter(({ status }) => status === 200);
    expect(made.length).toBeGreaterThan(0);
    for (const { length } of made) expect(length).toBeGreaterThan(4000);
    for (const { status } of answers)
      expect([200, 503, "ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"]).toContain(status);
    const lines = stderr().split("\n");
    expect(lines.filter((line) => line.includes('"status":200'))).toHaveLength(made.length);
    expect(stderr()).not.toContain("mistake in magnets");
  });

  it("goes on serving when its log cannot be written", async () => {
    const { url, child, ended } = await serving([], openSync("/dev/full", "w"));
    for (let seed = 0; seed < 3; seed++) expect((await ask(url, { prompt: "cat", seed })).status).toBe(200);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it("refuses in one sentence what it cannot serve", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const port = String((taken.address() as AddressInfo).port);
    const refused: [string[], RegExp][] = [
      [["serve", "models/nothing"], /models\/nothing/],
      [["serve", "models/sprites", "--port", port], /cannot listen on port \d+ of 127\.0\.0\.1: it is taken/],
      [["serve", "models/sprites", "--memory", "1MiB"], /--memory must hold at least one model/],
      [
        ["serve", "models/sprites", "--api-key-file", "nothing.txt"],
        /--api-key-file: cannot read nothing\.txt/,
      ],
      [["serve", "models/sprites", "--batch", "0"], /--batch.*whole number in 1\.\.64/],
      [["serve"], /missing required argument 'models'/],
    ];
    for (const [args, message] of refused) {
      const { code, stderr } = await magnets(...args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    taken.close();
  });
});
