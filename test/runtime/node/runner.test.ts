import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { type HostTensor, scalar, tensor } from "../../../src/core/tensor.ts";
import type { Device } from "../../../src/runtime/device.ts";
import { createNodeRunner, linkTo } from "../../../src/runtime/node/runner.ts";
import { remoteRunner } from "../../../src/runtime/remote.ts";
import type { Feed, Runner } from "../../../src/runtime/runner.ts";
import { noWebgpu } from "../../webgpu/adapter.ts";
import { model, powers, product, step } from "../tiny-models.ts";

const f32 = (dims: number[], ...values: number[]) => tensor("float32", dims, Float32Array.from(values));

const homes: { device: Device; inProcess: boolean }[] = [
  { device: "cpu", inProcess: false },
  { device: "cpu", inProcess: true },
  { device: "webgpu", inProcess: false },
];

describe.each(homes)("a runner on $device, in process: $inProcess", ({ device, inProcess }) => {
  const isMissing = device === "webgpu" && noWebgpu !== undefined;
  let runner: Runner;
  beforeAll(async () => {
    if (!isMissing) runner = await createNodeRunner({ device, inProcess, threads: 2 });
  });
  afterAll(async () => {
    await runner?.close();
  });
  const test = isMissing ? it.skip : it;

  test("computes, and tells a program's name and ports", async () => {
    const program = await runner.load(product);
    expect(program.name).toBe("product");
    expect(program.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["n", 3] },
      { name: "w", dtype: "float32", shape: [3, "k"] },
    ]);
    // [1 2 3; 4 5 6] @ [1 0; 0 1; 2 2] = [7 8; 16 17]
    const feeds = { x: f32([2, 3], 1, 2, 3, 4, 5, 6), w: f32([3, 2], 1, 0, 0, 1, 2, 2) };
    const { y } = await runner.run(program, feeds, { y: "host" });
    expect(y).toEqual(f32([2, 2], 7, 8, 16, 17));
    expect(feeds.x.data.length, "the caller's array is still attached").toBe(6);
    await runner.unload(program);
    await expect(runner.run(program, feeds, { y: "host" })).rejects.toThrow(/"product".*unloaded/);
  });

  test("keeps tensors: put, get, drop, each side with arrays of its own", async () => {
    const given = f32([2], 1, 2);
    await runner.put({ a: given, n: tensor("int64", [1], BigInt64Array.of(7n)) });
    given.data[0] = 99;
    const first = await runner.get(["a", "n"]);
    expect(first.a).toEqual(f32([2], 1, 2));
    expect(first.n).toEqual(tensor("int64", [1], BigInt64Array.of(7n)));
    (first.a!.data as Float32Array).fill(0);
    expect((await runner.get(["a"])).a).toEqual(f32([2], 1, 2));
    await runner.drop(["a", "n", "never there"]);
    await expect(runner.get(["a"])).rejects.toThrow(/no tensor is stored as "a"/);
  });

  test("views of larger arrays travel alone", async () => {
    const large = Float32Array.from({ length: 1000 }, (_, i) => i);
    await runner.put({ view: tensor("float32", [3], large.subarray(10, 13)) });
    expect((await runner.get(["view"])).view).toEqual(f32([3], 10, 11, 12));
    expect(large.length).toBe(1000);
    await runner.drop(["view"]);
  });

  test("leading rows of a stored tensor equal a slice fed from the host", async () => {
    const rows = 5;
    const all = tensor(
      "float32",
      [rows, 3],
      Float32Array.from({ length: rows * 3 }, (_, i) => Math.sin(i)),
    );
    await runner.put({ all });
    const program = await runner.load(product);
    const w = f32([3, 2], 1, -1, 2, 0.5, 3, 4);
    for (let n = 1; n <= rows; n++) {
      const cut = tensor("float32", [n, 3], all.data.slice(0, n * 3));
      const fromStore = await runner.run(program, { x: { stored: "all", rows: n }, w }, { y: "host" });
      const fromHost = await runner.run(program, { x: cut, w }, { y: "host" });
      expect(fromStore).toEqual(fromHost);
    }
    await runner.unload(program);
    await runner.drop(["all"]);
  });

  test("carries state over 50 runs without growing", async () => {
    const program = await runner.load(step);
    const change = f32([3], 1, 2, 3);
    await runner.put({ state: f32([3], 0, 0, 0) });
    const before = await runner.stats();
    const feeds: Record<string, Feed> = { state: { stored: "state" }, change };
    for (let i = 1; i <= 50; i++) {
      const { total } = await runner.run(program, feeds, { next: { store: "state" }, total: "host" });
      expect(total!.data[0]).toBe(6 * i);
    }
    expect((await runner.get(["state"])).state).toEqual(f32([3], 50, 100, 150));
    expect(await runner.stats()).toEqual(before);
    await runner.unload(program);
    await runner.drop(["state"]);
    expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  });

  test("writes an output's rows over rows of a stored tensor", async () => {
    const program = await runner.load(product);
    const w = f32([3, 1], 1, 1, 1);
    await runner.put({ sums: f32([4, 1], -1, -2, -3, -4) });
    const x = f32([2, 3], 1, 2, 3, 4, 5, 6);
    const into = (...rows: number[]) => ({ y: { store: "sums", atRows: Int32Array.from(rows) } });
    await runner.run(program, { x, w }, into(3, 1));
    expect((await runner.get(["sums"])).sums).toEqual(f32([4, 1], -1, 15, -3, 6));
    const refused: [RegExp, number[], HostTensor][] = [
      [/output "y".*3 rows of "sums"/, [0, 1, 2], w],
      [/rows of "sums" must be in 0\.\.3, got 4/, [0, 4], w],
      [/\[2,2\] cannot be written/, [0, 1], f32([3, 2], 1, 2, 3, 4, 5, 6)],
    ];
    for (const [message, rows, other] of refused) {
      await expect(runner.run(program, { x, w: other }, into(...rows))).rejects.toThrow(message);
    }
    const nowhere = { y: { store: "nope", atRows: Int32Array.of(0, 1) } };
    await expect(runner.run(program, { x, w }, nowhere)).rejects.toThrow(/no tensor is stored as "nope"/);
    expect((await runner.get(["sums"])).sums).toEqual(f32([4, 1], -1, 15, -3, 6));
    await runner.unload(program);
    await runner.drop(["sums"]);
  });

  test("leaves what is stored alone, whichever outputs the runs of a program ask for", async () => {
    const program = await runner.load(step);
    const change = f32([2], 1, 1);
    const long = { state: f32([3], 10, 20, 30), change: f32([3], 0, 0, 0) };
    await runner.run(program, { state: f32([2], 1, 2), change }, { next: { store: "s" } });
    const alone = await runner.run(program, { state: f32([2], 10, 20), change }, { total: "host" });
    expect(alone).toEqual({ total: f32([1], 32) });
    expect(await runner.run(program, long, { total: "host" })).toEqual({ total: f32([1], 60) });
    expect((await runner.get(["s"])).s).toEqual(f32([2], 2, 3));
    await runner.run(program, long, { total: { store: "t" }, next: { store: "s" } });
    expect(await runner.get(["s", "t"])).toEqual({ s: long.state, t: f32([1], 60) });
    await runner.unload(program);
    await runner.drop(["s", "t"]);
  });

  test("fills in the shapes that a graph asks for by an input's name", async () => {
    const program = await runner.load(
      model(
        "unfold",
        [["Reshape", ["x", "shape [B, -1, 2*A]"], ["y"]]],
        [
          { name: "x", shape: ["A*B", 4] },
          { name: "a", shape: ["A"] },
          { name: "b", shape: ["B"] },
          { name: "shape [B, -1, 2*A]", dtype: "int64", shape: [3] },
        ],
        [{ name: "y", shape: ["B", "n", "2*A"] }],
      ),
    );
    expect(program.inputs.map(({ name }) => name)).toEqual(["x", "a", "b"]);
    const x = f32([6, 4], ...Array.from({ length: 24 }, (_, i) => i));
    const { y } = await runner.run(program, { x, a: f32([3], 0, 0, 0), b: f32([2], 0, 0) }, { y: "host" });
    expect(y).toEqual({ ...x, dims: [2, 2, 6] });
    await runner.unload(program);
  });

  test("says what is wrong with a call and stays usable", async () => {
    const program = await runner.load(product);
    await runner.put({ kept: f32([2, 3], 1, 2, 3, 4, 5, 6) });
    const x = f32([2, 3], 1, 2, 3, 4, 5, 6);
    const w = f32([3, 1], 1, 1, 1);
    const host = { y: "host" } as const;
    const ports = ["a", "b"].map((name) => ({ name, shape: [1] }));
    const unknownOp = model("bad", [["NoSuchOp", ["a"], ["b"]]], ports.slice(0, 1), ports.slice(1));
    const refused: [RegExp, () => Promise<unknown>][] = [
      [/"product": input "w" \(float32 \[3, k\]\) was not fed/, () => runner.run(program, { x }, host)],
      [/no input "z"; the graph has: "x"/, () => runner.run(program, { x, w, z: x }, host)],
      [
        /"x" \(float32 \[n, 3\]\) was fed int32 \[2, 3\]/,
        () => runner.run(program, { x: tensor("int32", [2, 3], new Int32Array(6)), w }, host),
      ],
      [/was fed float32 \[6\]/, () => runner.run(program, { x: f32([6], 1, 2, 3, 4, 5, 6), w }, host)],
      [/axis 1 must be 3/, () => runner.run(program, { x: f32([3, 2], 1, 2, 3, 4, 5, 6), w }, host)],
      [/input "x".*size/, () => runner.run(program, { x: { ...x, dims: [3, 3] }, w }, host)],
      [
        /input "x".*Float32Array/,
        () => runner.run(program, { x: { ...x, data: new Int32Array(6) }, w }, host),
      ],
      [/nothing was given/, () => runner.run(program, { x: undefined as unknown as Feed, w }, host)],
      [/no tensor is stored as "nope"/, () => runner.run(program, { x: { stored: "nope" }, w }, host)],
      [/in 0\.\.2.*got 3/, () => runner.run(program, { x: { stored: "kept", rows: 3 }, w }, host)],
      [/got 0\.5/, () => runner.run(program, { x: { stored: "kept", rows: 0.5 }, w }, host)],
      [/no output "z"/, () => runner.run(program, { x, w }, { z: "host" })],
      [/at least one output/, () => runner.run(program, { x, w }, {})],
      [/refused a model of 3 bytes/, () => runner.load(Uint8Array.of(1, 2, 3))],
      [/refused a model of 0 bytes/, () => runner.load(new Uint8Array())],
      [/refused/, () => runner.load(product.subarray(0, product.length - 9))],
      [/refused.*NoSuchOp/, () => runner.load(unknownOp)],
    ];
    for (const [message, attempt] of refused) {
      await expect(attempt()).rejects.toThrow(message);
      const { y } = await runner.run(program, { x: { stored: "kept" }, w }, host);
      expect(y).toEqual(f32([2, 1], 6, 15));
    }
    expect(await runner.stats()).toEqual({ programs: 1, stored: 1, storedBytes: 24 });
    await runner.unload(program);
    await runner.drop(["kept"]);
  });

  test("a symbolic dim has one value across feeds", async () => {
    const program = await runner.load(step);
    const feeds = { state: f32([3], 1, 2, 3), change: f32([1], 1) }; // Would broadcast if nobody looked.
    await expect(runner.run(program, feeds, { total: "host" })).rejects.toThrow(
      /length, which is 3 in "state"/,
    );
    const twice = { next: { store: "a" }, total: { store: "a" } };
    const good = { state: f32([1], 1), change: f32([1], 1) };
    await expect(runner.run(program, good, twice)).rejects.toThrow(/two outputs would be stored as "a"/);
    await runner.unload(program);
  });

  test("a failing run leaves stored tensors as they were", async () => {
    const gather = model(
      "gather",
      [["Gather", ["table", "index"], ["row"]]],
      [
        { name: "table", shape: ["rows"] },
        { name: "index", dtype: "int64", shape: ["n"] },
      ],
      [{ name: "row", shape: ["n"] }],
    );
    if (device === "webgpu") return; // There an index out of range is not an error.
    const program = await runner.load(gather);
    await runner.put({ row: f32([2], 5, 6), table: f32([3], 1, 2, 3) });
    const index = tensor("int64", [1], BigInt64Array.of(100n));
    const run = runner.run(program, { table: { stored: "table" }, index }, { row: { store: "row" } });
    await expect(run).rejects.toThrow(/"gather".*idx=100/);
    expect((await runner.get(["row"])).row).toEqual(f32([2], 5, 6));
    await runner.unload(program);
    await runner.drop(["row", "table"]);
  });

  test("an output may replace what the same run reads, by rows too", async () => {
    const program = await runner.load(step);
    await runner.put({ s: f32([4], 1, 2, 3, 4) });
    const feeds = { state: { stored: "s", rows: 2 }, change: { stored: "s", rows: 2 } };
    await runner.run(program, feeds, { next: { store: "s" } });
    expect((await runner.get(["s"])).s).toEqual(f32([2], 2, 4));
    await runner.unload(program);
    await runner.drop(["s"]);
  });

  test("takes scalars", async () => {
    const ports = ["a", "b", "c"].map((name) => ({ name, shape: [] }));
    const program = await runner.load(
      model("add", [["Add", ["a", "b"], ["c"]]], ports.slice(0, 2), ports.slice(2)),
    );
    const { c } = await runner.run(program, { a: scalar(2), b: scalar(3) }, { c: "host" });
    expect(c).toEqual(scalar(5));
    await runner.unload(program);
  });

  test("calls not awaited are answered in order", async () => {
    const program = await runner.load(step);
    const change = f32([1], 1);
    const outputs = { next: { store: "n" }, total: "host" } as const;
    const calls = [runner.put({ n: f32([1], 0) })] as Promise<unknown>[];
    for (let i = 0; i < 5; i++) calls.push(runner.run(program, { state: { stored: "n" }, change }, outputs));
    calls.push(runner.drop(["n"]));
    const totals = (await Promise.all(calls)).slice(1, 6);
    expect(totals).toEqual([1, 2, 3, 4, 5].map((total) => ({ total: f32([1], total) })));
    await runner.unload(program);
  });

  test("two runs of the same numbers agree to the last bit", async () => {
    const program = await runner.load(powers(3));
    const x = tensor(
      "float32",
      [64, 64],
      Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i) / 8),
    );
    const first = await runner.run(program, { x }, { y: "host" });
    expect(await runner.run(program, { x }, { y: "host" })).toEqual(first);
    await runner.unload(program);
  });
});

describe.each(homes)("closing on $device, in process: $inProcess", ({ device, inProcess }) => {
  const isMissing = device === "webgpu" && noWebgpu !== undefined;

  it.skipIf(isMissing)("waits for what was asked before, and may be asked twice", async () => {
    const runner = await createNodeRunner({ device, inProcess, threads: 1 });
    const program = await runner.load(powers(8));
    const x = tensor("float32", [128, 128], new Float32Array(128 * 128));
    const running = runner.run(program, { x }, { y: "host" });
    const closed = runner.close();
    await expect(runner.stats()).rejects.toThrow(/^runner: it was closed/);
    expect((await running).y!.dims).toEqual([128, 128]);
    await closed;
    await runner.close();
    await expect(runner.run(program, { x }, { y: "host" })).rejects.toThrow(/closed/);
  });
});

describe("two runners side by side", () => {
  it.each([false, true])("keep to themselves on the CPU, in process: %s", async (inProcess) => {
    const [a, b] = [await createNodeRunner({ inProcess }), await createNodeRunner({ inProcess })];
    await Promise.all([a.put({ mine: f32([1], 1) }), b.put({ theirs: f32([1], 2) })]);
    await expect(a.get(["theirs"])).rejects.toThrow(/stored: mine/);
    await expect(b.get(["mine"])).rejects.toThrow(/stored: theirs/);
    await b.close();
    expect((await a.get(["mine"])).mine).toEqual(f32([1], 1));
    await a.close();
  });

  it.skipIf(noWebgpu)("are refused on a GPU, until the first is closed", async () => {
    const first = await createNodeRunner({ device: "webgpu" });
    await expect(createNodeRunner({ device: "webgpu" })).rejects.toThrow(/share it or close it first/);
    await first.close();
    await (await createNodeRunner({ device: "webgpu" })).close();
  });
});

describe("the worker", () => {
  it("leaves the caller's event loop live during a run", async () => {
    const runner = await createNodeRunner({ threads: 1 });
    const program = await runner.load(powers(60));
    const x = tensor("float32", [512, 512], new Float32Array(512 * 512));
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 1);
    await runner.run(program, { x }, { y: "host" });
    clearInterval(ticker);
    // 60 products of 512^3 take 16 GFLOP, tens of milliseconds on any core; a blocked loop would tick once or twice.
    expect(ticks).toBeGreaterThan(5);
    await runner.close();
  });

  it("rejects waiting and later calls when its thread dies", async () => {
    const dying = new Worker(
      `const { parentPort } = require("node:worker_threads");
       parentPort.on("message", () => { throw new Error("out of luck"); });`,
      { eval: true },
    );
    const runner = remoteRunner("cpu", linkTo(dying));
    const calls = [runner.stats(), runner.get(["a"])];
    for (const call of calls) await expect(call).rejects.toThrow(/worker thread failed: out of luck/);
    await expect(runner.stats()).rejects.toThrow(/out of luck/);
    await runner.close();
  });

  it("lets the process end when a runner is idle, closed or not", () => {
    const node = new URL("../../../src/runtime/node/runner.ts", import.meta.url).href;
    const script = `
      import { createNodeRunner } from ${JSON.stringify(node)};
      const runner = await createNodeRunner({ threads: 1 });
      console.log(JSON.stringify(await runner.stats()));`;
    const child = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      encoding: "utf8",
      timeout: 200_000,
    });
    expect(child.stderr).toBe("");
    expect(JSON.parse(child.stdout)).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
    expect(child.status).toBe(0);
  });
});

/** Runs a script in the repository's root. */
function runScript(script: string) {
  return spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    encoding: "utf8",
    timeout: 200_000,
  });
}

describe("process.exit() while runners compute", () => {
  // Whether Node aborts depends on where the thread stands, so at several moments; nothing waits for the calls to end.
  it.each([0, 5, 30, 150])("ends the process with its status, %i ms into the runs", (delay) => {
    const script = `
      import { createNodeRunner } from "./src/runtime/node/runner.ts";
      import { tensor } from "./src/core/tensor.ts";
      import { powers } from "./test/runtime/tiny-models.ts";
      const runners = [await createNodeRunner({ threads: 1 }), await createNodeRunner({ threads: 1 })];
      const x = tensor("float32", [512, 512], new Float32Array(512 * 512));
      for (const runner of runners) {
        const program = await runner.load(powers(60));
        for (let i = 0; i < 100; i++) void runner.run(program, { x }, { y: "host" });
      }
      setTimeout(() => process.exit(7), ${delay});`;
    const { status, signal, stderr } = runScript(script);
    expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: "" });
  });

  it("and where an exception ends the process", () => {
    const script = `
      import { createNodeRunner } from "./src/runtime/node/runner.ts";
      import { tensor } from "./src/core/tensor.ts";
      import { powers } from "./test/runtime/tiny-models.ts";
      const runner = await createNodeRunner({ threads: 1 });
      const program = await runner.load(powers(60));
      const x = tensor("float32", [512, 512], new Float32Array(512 * 512));
      for (let i = 0; i < 100; i++) void runner.run(program, { x }, { y: "host" });
      setTimeout(() => { throw new Error("of somebody's server"); }, 30);`;
    const { status, signal, stderr } = runScript(script);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr).toContain("of somebody's server");
    expect(stderr).not.toContain("terminate called");
  });

  it("leaves no listener behind when runners are closed", async () => {
    const before = process.listenerCount("exit");
    const runners = [await createNodeRunner({ threads: 1 }), await createNodeRunner({ threads: 1 })];
    expect(process.listenerCount("exit")).toBe(Math.max(before, 1));
    for (const runner of runners) await runner.close();
    await expect.poll(() => process.listenerCount("exit")).toBe(before);
  });
});

describe("createNodeRunner", () => {
  it("refuses options it cannot use", async () => {
    await expect(createNodeRunner({ threads: 0 })).rejects.toThrow(InputError);
    await expect(createNodeRunner({ threads: 1.5 })).rejects.toThrow(/at least 1, got 1\.5/);
    await expect(createNodeRunner({ device: "tpu" as Device })).rejects.toThrow(
      /cpu or webgpu or cuda in Node, got "tpu"/,
    );
  });

  it.skipIf(!noWebgpu)("says what a missing GPU needs", () => {
    expect(noWebgpu).toBeInstanceOf(InputError);
    expect(noWebgpu!.message).toMatch(
      /^device webgpu: it needs a graphics adapter, .*\. To get one, .*device cpu$/,
    );
  });
});
