/** What goes wrong between a client and the server, and within it: nothing of it reaches anybody else. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../server/index.ts";
import type { Made } from "../../server/schemas.ts";
import { ImagePipeline } from "../../src/index.ts";
import { mortalRunners } from "./mortal-runner.ts";
import { type Log, type Post, pixelsOf, serve, sprites } from "./served.ts";

const generations = "/v1/images/generations";
const runners = mortalRunners();
let server: RunningServer;
let post: Post;
let log: Log;
let cat: Buffer;
let longCat: Buffer;
/** A plan that takes a while on any machine. */
const long = "1x40";
beforeAll(async () => {
  ({ server, post, log } = await serve({ openRunner: runners.openRunner, mostUploadBytes: 2 ** 20 }));
  const pipeline = await ImagePipeline.fromPretrained(sprites, { threads: 1 });
  const made = async (modelSchedule?: string) =>
    Buffer.from((await pipeline.generate({ classes: "cat", seed: 1, modelSchedule })).images[0]!.pixels);
  [cat, longCat] = [await made(), await made(long)];
  await pipeline.dispose();
});
afterAll(() => server.stop());

/** That the server still makes what it must. */
async function expectHealthy(): Promise<void> {
  const answer = (await (await post(generations, { prompt: "cat", seed: 1 })).json()) as Made;
  expect(await pixelsOf(answer.data[0]!.b64_json!)).toEqual(cat);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it never came to that");
}

const waiting = async (url = server.url) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^magnets_queue_images (.*)$/m.exec(text)![1]);
};

async function freePort(): Promise<number> {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

describe("a client that leaves", () => {
  it("in the middle of a stream frees its place and disturbs nobody", async () => {
    const leaver = new AbortController();
    const body = { prompt: "cat", n: 64, plan: long, stream: true };
    const answer = await post(generations, body, { signal: leaver.signal });
    const reader = answer.body!.getReader();
    await reader.read();
    leaver.abort();
    await until(async () => (await waiting()) === 0);
    await until(() => log.some(({ status, images }) => status === 499 && images === 64));
    const steps = log.filter(({ event }) => event === "failure");
    expect(steps).toEqual([]);
    await expectHealthy();
  });

  it("while it waits for an answer frees its place", async () => {
    const leaver = new AbortController();
    const asked = post(generations, { prompt: "cat", n: 63, plan: long }, { signal: leaver.signal });
    await until(async () => (await waiting()) === 63);
    leaver.abort();
    await expect(asked).rejects.toThrow();
    await until(async () => (await waiting()) === 0);
    await until(() => log.some(({ status, images }) => status === 499 && images === 63));
    await expectHealthy();
  });
});

describe("a worker thread that dies", () => {
  it("in the middle of requests is started again, and all get their images", async () => {
    const asked = Array.from({ length: 3 }, async () => {
      const answer = await post(generations, { prompt: "cat", seed: 1, n: 2, plan: long });
      return { status: answer.status, made: (await answer.json()) as Made };
    });
    await until(async () => (await waiting()) === 6);
    await new Promise((resolve) => setTimeout(resolve, 60));
    runners.kill();
    for (const { status, made } of await Promise.all(asked)) {
      expect(status).toBe(200);
      expect(await pixelsOf(made.data[0]!.b64_json!)).toEqual(longCat);
    }
    expect(runners.count()).toBe(2);
    expect(log.some(({ event, isRetried }) => event === "batch failed" && isRetried)).toBe(true);
  });

  it("again and again fails the request clearly, and the next one is served", async () => {
    const asked = post(generations, { prompt: "cat", n: 8, plan: long });
    const before = runners.count();
    for (const deaths of [1, 2]) {
      await until(() => runners.count() === before + deaths - 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      runners.kill();
    }
    const answer = await asked;
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      error: {
        message: expect.stringContaining("the model failed"),
        type: "server_error",
        param: null,
        code: "model_failed",
      },
    });
    await expectHealthy();
  });

  it("while nobody asks is no matter", async () => {
    runners.kill();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expectHealthy();
  });
});

describe("bodies", () => {
  const json = { "content-type": "application/json" };
  it.each([
    ["no JSON", "{", json, 400, /must be JSON/],
    ["nothing", "", json, 400, /must be JSON/],
    ["another value than an object", "[1]", json, 400, /must be an object/],
    ["deep nesting", `{"plan":${"[".repeat(50_000)}`, json, 400, /nested deeper/],
    ["too much", JSON.stringify({ prompt: "x".repeat(2 ** 19) }), json, 413, /at most 262144 bytes/],
    [
      "another type",
      "prompt=cat",
      { "content-type": "application/x-www-form-urlencoded" },
      415,
      /must be application\/json/,
    ],
    ["another encoding", "{}", { "content-type": "application/json; charset=latin1" }, 415, /UTF-8/],
    ["compression", "{}", { ...json, "content-encoding": "gzip" }, 415, /must not be compressed/],
    ["unknown fields", '{"prompt":"cat","stepz":3}', json, 400, /did you mean "steps"/],
    ["a path", '{"prompt":"cat","model":"../../etc"}', json, 404, /model: must be one of sprites/],
    ["a field named __proto__", '{"prompt":"cat","__proto__":{"n":2}}', json, 400, /__proto__/],
  ] as const)("with %s are refused in one sentence", async (_, body, headers, status, message) => {
    const answer = await post(generations, body, { headers });
    const { error } = (await answer.json()) as { error: { message: string; type: string } };
    expect([answer.status, error.message]).toEqual([status, expect.stringMatching(message)]);
    expect(error.message).not.toContain("\n");
  });

  it.each([
    ["prompt", [5, null, ["cat"], {}, "x".repeat(4001), "caat", "", "  ", "cat,,cat"]],
    ["n", [0, -1, 1.5, "2", 65, 1e300, true]],
    ["seed", [-1, 0.5, "x", "-1", "18446744073709551616", 2 ** 60, [], null]],
    ["steps", [0, 65, "4", 1.5, null]],
    ["budget", [0, -1, "1", 1e-9]],
    ["deadline", [0, -5, "1s", 1e12]],
    [
      "plan",
      [5, [], "9x9", "8x", { steps: 300 }, { unknown: 1 }, { guidance: { scale: -1 } }, { topK: 0.5 }],
    ],
    ["size", ["63x63", "64x128", "0x0", "4096x4096", 64, "../.."]],
    ["response_format", ["file", 1]],
    ["output_format", ["svg", "../x", 1]],
    ["stream", ["yes", 1]],
    ["partial_images", [4, -1, "1", 1]],
    ["first_index", [-1, 2 ** 40, "0"]],
  ] as const)("with a wrong %s are refused by its name", async (field, values) => {
    for (const value of values) {
      const answer = await post(generations, { prompt: "cat", [field]: value });
      const { error } = (await answer.json()) as { error: { message: string; param: string | null } };
      const { message, param } = error;
      expect({ value, status: answer.status, message, param: param?.replace(/\..*/, "") }).toEqual({
        ...{ value, status: 400, param: field },
        message: expect.stringMatching(
          /^body: .*(must be|must come|must have|must name|must hold|no plan|cheapest)/,
        ),
      });
    }
    expect(await waiting()).toBe(0);
  });

  it("without a prompt are refused as with an empty one, and none asks for no class", async () => {
    const told = async (body: object) => {
      const { error } = (await (await post(generations, body)).json()) as { error: { message: string } };
      return error.message;
    };
    const must = 'body: prompt: must be a class name, or "none" to ask for no class, got ';
    expect(await told({})).toBe(`${must}nothing`);
    expect(await told({ prompt: "" })).toBe(`${must}""`);
    const made = (await (await post(generations, { prompt: "none" })).json()) as Made;
    expect(made.data[0]!.class).toBeNull();
  });

  it("with a wrong name are refused in the request's words", async () => {
    const refusal = async (answer: Response) => {
      const { error } = (await answer.json()) as { error: { message: string; param: string } };
      return [answer.status, error.param, error.message];
    };
    expect(await refusal(await post(generations, { prompt: "caat" }))).toEqual([
      ...[400, "prompt", expect.stringMatching(/^body: prompt: must be one of .*, got "caat"/)],
    ]);
    expect(await refusal(await post(generations, { prompt: "cat", steps: 65 }))).toEqual([
      ...[400, "steps", expect.stringMatching(/^body: steps: must be a whole number in 1\.\.64.*got 65$/)],
    ]);
    const unknown = 'model: must be one of sprites, got "x"';
    expect(await refusal(await post(generations, { prompt: "cat", model: "x" }))).toEqual([
      ...[404, "model", `body: ${unknown}`],
    ]);
    expect(await refusal(await fetch(`${server.url}/v1/models/x`))).toEqual([404, "model", unknown]);
  });

  it("that are no form, or hold no image, are refused", async () => {
    const send = (body: FormData | string, type?: string) =>
      fetch(`${server.url}/v1/images/edits`, {
        ...{ method: "POST", body },
        ...(type && { headers: { "content-type": type } }),
      });
    const form = (fields: Record<string, string | Uint8Array<ArrayBuffer>>) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) {
        if (typeof value === "string") form.append(name, value);
        else form.append(name, new File([value], "/etc/passwd"));
      }
      return form;
    };
    const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
    // A few kilobytes that are hundreds of megabytes when they are decoded.
    const flat = { create: { width: 12_000, height: 12_000, channels: 3, background: "#000" } } as const;
    const bomb = Uint8Array.from(await sharp(flat).png({ compressionLevel: 9 }).toBuffer());
    const refused: [Response, number, RegExp][] = [
      [await send(form({ image: bomb })), 400, /exceeds pixel limit/],
      [await send("x", "multipart/form-data"), 400, /must be a form/],
      [await send("x", "multipart/form-data; boundary=y"), 400, /must be a form/],
      [await send("{}", "application/json"), 415, /must be multipart\/form-data/],
      [await send(form({ prompt: "cat" })), 400, /image: must be a file/],
      [await send(form({ image: "text" })), 400, /image: must be a file/],
      [await send(form({ image: svg })), 400, /image: must be a file of the type png, jpeg, webp/],
      [await send(form({ image: new Uint8Array(0) })), 400, /image: must be a file of the type/],
      [
        await send(form({ image: Uint8Array.of(0x89, 80, 78, 71, 13, 10, 26, 10, 1, 2) })),
        400,
        /cannot read/,
      ],
      [await send(form({ image: new Uint8Array(2 ** 20 + 1) })), 413, /at most 1048576 bytes/],
    ];
    for (const [answer, status, message] of refused) {
      const { error } = (await answer.json()) as { error: { message: string } };
      expect([answer.status, error.message]).toEqual([status, expect.stringMatching(message)]);
    }
    await expectHealthy();
  });

  it("to nowhere, or by another method, are told so", async () => {
    expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(404);
    expect((await fetch(`${server.url}/models/sprites/model_index.json`)).status).toBe(404);
    const answer = await fetch(`${server.url}${generations}`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await fetch(`${server.url}/v1/models`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${server.url}/v1/models`, { method: "DELETE" })).status).toBe(405);
  });
});

describe("connections", () => {
  it("that are slow, a thousand of them, keep nobody from being served", async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 1000; i++) {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      // A third says nothing, a third half of a header, a third a header and half of a body.
      const body = `POST ${generations} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{"pro`;
      socket.write(["", "POST /v1/ima", body][i % 3]!);
      sockets.push(socket);
    }
    await Promise.all(
      sockets.map((socket) =>
        socket.connecting ? new Promise((open) => socket.once("connect", open)) : null,
      ),
    );
    await expectHealthy();
    for (const socket of sockets) socket.destroy();
    await expectHealthy();
    expect(await waiting()).toBe(0);
  });
});

describe("keys", () => {
  it("are asked for where there are any, but not for health", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keys-"));
    const file = join(folder, "keys.txt");
    await writeFile(file, "# ours\nfirst-key-0123456789\n\nsecond-key-0123456789\n");
    const locked = await serve({ apiKeyFile: file });
    const status = async (authorization?: string) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      return (await fetch(`${locked.server.url}/v1/models`, { headers })).status;
    };
    expect(await status("Bearer first-key-0123456789")).toBe(200);
    expect(await status("Bearer second-key-0123456789")).toBe(200);
    for (const wrong of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer # ours",
      "Bearer first-key-012345678",
      "first-key-0123456789",
    ]) {
      expect([wrong, await status(wrong)]).toEqual([wrong, 401]);
    }
    expect((await locked.post(generations, "not even JSON")).status).toBe(401);
    expect((await fetch(`${locked.server.url}/healthz`)).status).toBe(200);
    await locked.server.stop();
    await writeFile(file, "short\n");
    await expect(serve({ apiKeyFile: file })).rejects.toThrow(/key 1 must be at least 16 characters/);
    await rm(folder, { recursive: true });
  });
});

describe("what is logged", () => {
  it("are sizes and times, and what was asked only for those who want it", async () => {
    await post(generations, { prompt: "rocket", seed: 918_273, user: "somebody" });
    const told = JSON.stringify(log);
    for (const private_ of ["rocket", "918273", "somebody", "cat"]) expect(told).not.toContain(private_);
    const curious = await serve({ logsRequests: true });
    await curious.post(generations, { prompt: "rocket", seed: 918_273 });
    expect(curious.log.at(-1)).toMatchObject({
      ...{ event: "request", operation: "createImage", status: 200, images: 1 },
      asked: { model: "sprites", seed: 918_273, fields: { prompt: "rocket" } },
    });
    await curious.server.stop();
  });
});

describe("a start", () => {
  it("tells those who come too early to come again, and does not speak of stopping", async () => {
    const port = await freePort();
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const started = serve({ port, openRunner: () => opened.then(() => mortalRunners().openRunner()) });
    const base = `http://127.0.0.1:${port}`;
    await until(() =>
      fetch(`${base}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    const early = await fetch(base + generations, { method: "POST", body: "{}" });
    expect(early.status).toBe(503);
    expect(await early.json()).toMatchObject({ error: { code: "starting" } });
    open();
    const { server, post } = await started;
    expect((await post(generations, { prompt: "cat", plan: "8x1" })).status).toBe(200);
    await server.stop();
  });
});

describe("a stop under load", () => {
  it("tells those whom it cuts off that they were accepted", async () => {
    const loaded = await serve({ batch: 4 });
    const body = { prompt: "cat", n: 64, plan: long };
    const whole = loaded.post(generations, body);
    const stream = await loaded.post(generations, { ...body, stream: true });
    await until(async () => (await waiting(loaded.server.url)) === 128);
    const stopped = loaded.server.stop(1);
    const told = {
      message: expect.stringMatching(/was accepted, but the server stopped before it was done/),
      ...{ type: "server_error", param: null, code: "stopped" },
    };
    expect((await whole).status).toBe(503);
    expect(await (await whole).json()).toEqual({ error: told });
    const [, event] = /event: error\ndata: (.*)/.exec(await stream.text())!;
    expect(JSON.parse(event!)).toEqual({ type: "error", error: told });
    await stopped;
  });

  it("answers all that was taken and refuses the rest", async () => {
    const loaded = await serve({ batch: 4 });
    const asked = Array.from({ length: 10 }, async () => {
      const answer = await loaded.post(generations, { prompt: "cat", seed: 1, n: 2 });
      return { status: answer.status, made: (await answer.json()) as Made };
    });
    await until(async () => (await waiting(loaded.server.url)) === 20);
    const stopped = loaded.server.stop();
    const late = await loaded.post(generations, { prompt: "cat" }).then(
      ({ status }) => status,
      () => "no connection",
    );
    expect([503, "no connection"]).toContain(late);
    for (const { status, made } of await Promise.all(asked)) {
      expect(status).toBe(200);
      expect(await pixelsOf(made.data[0]!.b64_json!)).toEqual(cat);
    }
    await stopped;
    await expect(fetch(`${loaded.server.url}/healthz`)).rejects.toThrow();
  });
});
