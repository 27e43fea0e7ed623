/** The program as people run it: its exit status, what it says where, and what it leaves behind. */
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  model = join(folder, "model");
  await writeModel(model, toyModel());
});
afterAll(() => rm(folder, { recursive: true }));

/** @param onError  called with standard error so far, and a way to send a signal */
function magnets(
  args: readonly string[],
  onError?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
      onError?.(stderr, (signal) => child.kill(signal));
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const lastLine = ({ stdout }: Ended): unknown => JSON.parse(stdout.trimEnd().split("\n").at(-1)!);

describe("help", () => {
  it.each([
    "demo",
    "sample",
    "edit",
    "predict",
    "interpolate",
    "train",
    "data preview",
    "evaluate",
    "search",
    "classifier",
    "serve",
    "plan",
    "info",
    "doctor",
  ])("of %s has a runnable example", async (command) => {
    const { code, stdout } = await magnets([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  npm run -s magnets -- ${command}`));
    expect(stdout).toContain("--json");
  });

  it("of the program lists every command", async () => {
    const { stdout } = await magnets(["--help"]);
    for (const name of [
      "demo",
      "sample",
      "edit",
      "train",
      "data",
      "evaluate",
      "search",
      "classifier",
      "serve",
      "plan",
      "info",
      "doctor",
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
  });
});

describe("bad input ends with status 2 and one line that helps", () => {
  it.each<[string[], RegExp]>([
    [["smaple"], /unknown command 'smaple'.*Did you mean sample/],
    [["sample", "MODEL", "--guidence", "3"], /unknown option '--guidence'.*Did you mean --guidance/],
    [["sample", "MODEL", "--seed", "abc"], /'--seed <n>' argument 'abc'.*0\.\.18446744073709551615/],
    [["sample", "MODEL", "--seed", "18446744073709551616"], /'--seed <n>'/],
    [["sample", "MODEL", "--seed", "-1"], /'--seed <n>'/],
    [["sample", "MODEL", "--count", "0"], /'--count <n>'.*at least 1/],
    [["sample", "MODEL", "--count", "-3"], /'--count <n>'/],
    [["sample", "MODEL", "--count", "2.5"], /'--count <n>'/],
    [["sample", "MODEL", "--class", "dgo"], /classes: must be one of .*got "dgo"; did you mean "dog"/],
    [["sample", "MODEL", "--out", "/proc/nowhere"], /cannot write into the folder \/proc\/nowhere/],
    [["sample", "MODEL", "--precision", "fp16"], /'--precision <name>' argument 'fp16'.*fp32, int8/],
    [["sample", "MODEL", "--precision", "int8", "--device", "webgpu"], /int8 needs device cpu/],
    [["sample", "MODEL", "--batch", "many"], /'--batch <n>' argument 'many'.*or "auto"/],
    [["sample", "MODEL", "--memory", "1MiB"], /must hold one image.*at least \d+ MiB, got 1 MiB/],
    [["sample", "/no/model"], /no such model folder/],
    [["sample"], /missing required argument 'model'/],
    [
      ["plan", "MODEL", "--model-schedule", "1x4", "--steps", "5"],
      /must have as many steps as steps says, 5, got 4/,
    ],
    [
      ["plan", "MODEL", "--budget", "0.0001"],
      /budget: must be at least 0\.\d{4} of the baseline decode.* got 0\.0001/,
    ],
    [["plan", "MODEL", "--budget", "0.3", "--steps", "5"], /--budget.*cannot be used with.*--steps/],
    [["plan", "MODEL", "--target-quality", "1.05"], /no plans were measured for this model; magnets search/],
    [
      ["plan", "MODEL", "--target-quality", "1", "--budget", "1"],
      /--target-quality.*cannot be used.*--budget/,
    ],
    [["sample", "MODEL", "--deadline", "400"], /'--deadline <time>' argument '400'.*e\.g\. 400ms or 2s/],
    [["sample", "MODEL", "--deadline", "1s", "--batch", "4"], /--deadline.*cannot be used with.*--batch/],
    [["sample", "MODEL", "--deadline", "0.001ms"], /deadline: must be at least \d+ ms on this device/],
    [["plan", "MODEL", "--deadline", "1s", "--task", "predict"], /not trained|predict/],
    [["plan", "MODEL", "--entropy-bound", "-1"], /'--entropy-bound <nats>' argument '-1'/],
    [["plan", "MODEL", "--entropy-bound", "1", "--deadline", "1s"], /--entropy-bound.*used with.*--deadline/],
    [["plan", "MODEL", "--plan", "absent.json"], /cannot read absent\.json: it does not exist/],
    [["plan", "MODEL", "--model-schedule", "3x4"], /p = 1, 2, 4, 8, got 3/],
    [["edit", "MODEL", "--image", "x.png", "--box", "1,2,3"], /x,y,width,height/],
    [["edit", "MODEL", "--image", "x.png"], /--mask <file> or --box/],
    [["train", "/no/config.yaml"], /cannot read the configuration \/no\/config\.yaml/],
  ])("%j", async (args, expected) => {
    const { code, stdout, stderr } = await magnets(args.map((arg) => (arg === "MODEL" ? model : arg)));
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(expected);
    expect(stderr).toMatch(/--help\)\n$/);
    // A deadline's refusal tells what the machine can do, which is measured first.
    const refusal = stderr.replace(/^timing this machine for the deadline, once \.\.\.\n/, "");
    expect(refusal.trimEnd()).not.toContain("\n");
  });
});

describe("--json", () => {
  it("ends doctor's standard output with one object", async () => {
    const ended = await magnets(["doctor", "--json"]);
    expect(ended.code).toBe(0);
    expect(lastLine(ended)).toMatchObject({ node: process.versions.node, isReady: true });
    expect(ended.stdout.trimEnd()).not.toContain("\n");
    expect(ended.stderr).toContain("onnxruntime");
  });

  it("ends data preview's, whose sheet is a PNG", async () => {
    const out = join(folder, "sheets", "preview.png");
    const ended = await magnets(["data", "preview", "--count", "4", "--out", out, "--json"]);
    expect(lastLine(ended)).toMatchObject({ shown: 4, images: null, out });
    expect([...(await readFile(out)).subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });

  it("previews what it can read of a folder, and refuses a sheet of another kind", async () => {
    const images = join(folder, "mixed");
    const whole = join(folder, "sheets", "preview.png");
    await mkdir(images);
    await copyFile(whole, join(images, "whole.png"));
    await writeFile(join(images, "broken.png"), "no image");
    const out = join(folder, "sheets", "mixed.png");
    const ended = await magnets(["data", "preview", "--source", images, "--out", out, "--json"]);
    expect(lastLine(ended)).toMatchObject({ shown: 1, images: 2 });
    expect(ended.stderr).toContain("warning: left out: cannot read image");
    const refused = await magnets(["data", "preview", "--source", "motions", "--out", out]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`is a .webp file, got ${out} (magnets data preview --help)`),
    ]);
  });

  it("ends sample's, with all its figures and files, and a seed beyond 2^53 as it was given", async () => {
    const out = join(folder, "sample");
    const seed = "18446744073709551615";
    const args = ["--class", "cat,2", "--count", "3", "--seed", seed, "--guidance", "1", "--tokens", "json"];
    const ended = await magnets(["sample", model, ...args, "--out", out, "--json"]);
    expect(ended.code).toBe(0);
    const result = lastLine(ended) as Record<string, number>;
    expect(result).toMatchObject({ modelSchedule: "8x3,4x3,2x3,1x3", seed, classes: ["cat", "7", "cat"] });
    expect(result.ratio).toBeCloseTo(result.baselineMultiplyAdds! / result.multiplyAdds!, 9);
    expect(result.seconds).toBeGreaterThan(0);
    const images = ["0000.png", "0001.png", "0002.png"];
    expect((await readdir(out)).sort()).toEqual([...images, "sample.json", "sheet.png", "tokens.json"]);
    expect(result.images).toEqual(images.map((name) => join(out, name)));
    const record = JSON.parse(await readFile(join(out, "sample.json"), "utf8"));
    expect(record).toMatchObject({ seed });
    const { comments } = await sharp(join(out, "0001.png")).metadata();
    expect(comments!.map(({ keyword }) => keyword)).toEqual(["magnets"]);
    const told = { model: basename(model), seed, index: 1, class: "7", plan: record.plan };
    expect(JSON.parse(comments![0]!.text)).toEqual(told);
    const priced = lastLine(await magnets(["plan", model, "--guidance", "1", "--json"])) as Record<
      string,
      number
    >;
    expect(result.multiplyAdds).toBeCloseTo(3 * priced.multiplyAdds!, 3);
    const bounds = await magnets(["plan", model, "--guidance", "1", "--entropy-bound", "2", "--json"]);
    const { multiplyAdds, leastMultiplyAdds } = lastLine(bounds) as Record<string, number>;
    expect(multiplyAdds).toBe(priced.multiplyAdds);
    expect(leastMultiplyAdds).toBeLessThan(multiplyAdds! / 2);
    expect(bounds.stderr).toMatch(
      /decoded, at least.*multiply-adds per image: [^;]+ to .* times less, or more/s,
    );
  });

  it("ends edit's and info's", async () => {
    const image = join(folder, "sheets", "one.png");
    await magnets(["data", "preview", "--count", "1", "--out", image]);
    const edit = ["--image", image, "--box", "4,4,8,8", "--outpaint", "--count", "2"];
    const edited = await magnets(["edit", model, ...edit, "--out", join(folder, "edit"), "--json"]);
    expect(lastLine(edited)).toMatchObject({ images: expect.objectContaining({ length: 2 }) });
    const info = lastLine(await magnets(["info", model, "--json"]));
    expect(info).toMatchObject({ classes: ["cat", "dog", "7"], transformer: { width: 16 } });
  });
});

it("decodes within a deadline, and runs again what ran there", async () => {
  const [first, second] = ["deadline", "again"].map((name) => join(folder, name));
  const given = ["--count", "2", "--seed", "5", "--tokens", "json"];
  const made = await magnets(["sample", model, ...given, "--deadline", "600s", "--out", first!, "--json"]);
  expect(made.code).toBe(0);
  expect(made.stderr).toContain("deadline of 600000 ms kept");
  expect(lastLine(made)).toMatchObject({ batchSize: 2, deadline: { milliseconds: 600_000, isKept: true } });
  const plan = join(first!, "sample.json");
  const again = await magnets(["sample", model, ...given, "--plan", plan, "--out", second!, "--json"]);
  expect(again.code).toBe(0);
  const tokens = (out: string) => readFile(join(out, "tokens.json"), "utf8");
  expect(await tokens(second!)).toBe(await tokens(first!));

  const told = await magnets(["plan", model, "--deadline", "600s", "--count", "2", "--json"]);
  expect(told.stderr).toMatch(/predicted ms\n/);
  const { plan: planned, seconds, stepSeconds } = lastLine(told) as Record<string, unknown>;
  expect(planned).toEqual(JSON.parse(await readFile(plan, "utf8")).plan);
  expect(stepSeconds).toHaveLength(12);
  expect(seconds).toBeGreaterThan(0);
});

it("a second run into a folder leaves no image of the first", async () => {
  const out = join(folder, "twice");
  await magnets(["sample", model, "--count", "4", "--out", out]);
  await writeFile(join(out, "0007.png"), "mine");
  await magnets(["sample", model, "--count", "2", "--out", out]);
  expect((await readdir(out)).sort()).toEqual([
    "0000.png",
    "0001.png",
    "0007.png",
    "sample.json",
    "sheet.png",
  ]);
});

it("Ctrl-C while sampling ends with status 130 and leaves no file", async () => {
  const out = join(folder, "stopped");
  let isSent = false;
  const ended = await magnets(["sample", model, "--count", "20000", "--out", out], (text, kill) => {
    if (isSent || !text.includes("decoding")) return;
    isSent = true;
    kill("SIGINT");
  });
  expect(ended.code).toBe(130);
  expect(ended.stderr).not.toContain("mistake");
  expect(await readdir(out)).toEqual([]);
});
