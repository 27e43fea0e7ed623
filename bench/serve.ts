/**
 * What does a server bear? `magnets serve` with the shipped model as a process of its own, and 1 to 64 clients that each ask
 * for one image after the other: images a second, times, how many images a batch held. Then the same 64 clients without
 * batches; 10,000 answers to 64 clients by a plan that is quick; and some minutes of 8 clients in which memory must stay as
 * it is. Every answer is compared, byte for byte, with what its seed gives without a server.
 *
 * Clients and server share the machine, so that a busy one shows in all figures.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { table } from "../cli/output/table.ts";
import { encodeImage, ImagePipeline } from "../src/index.ts";
import { type Bench, median } from "./bench.ts";

const model = "models/sprites";
const clientCounts = [1, 2, 4, 8, 16, 32, 64];
/** Two steps of the smallest sub-model. */
const quickPlan = "8x2";
/** Seeds that are asked for again and again. */
const seeds = 48;

export const benchServer: Bench = async ({ say, isQuick, minutes = 10, threads = 2 }) => {
  say(`the images of ${seeds} seeds, without a server`);
  const known = await knownImages(threads);
  const quickly = await knownImages(threads, quickPlan);
  const secondsEach = isQuick ? 2 : 20;
  const total = { asked: 0, lost: 0, mixed: 0, refused: 0 };
  const count = ({ asked, lost, mixed, refused }: Load) => {
    total.asked += asked;
    total.lost += lost;
    total.mixed += mixed;
    total.refused += refused;
  };

  const levels: Level[] = [];
  const batched = await startServing(["--batch", "64", "--threads", String(threads)]);
  let memory: MemoryFigures;
  try {
    await load(batched.port, known, { clients: 64, seconds: isQuick ? 1 : 5 }); // compiles and allocates
    for (const clients of clientCounts) {
      const level = await measured(batched, known, { clients, seconds: secondsEach });
      count(level.load);
      levels.push(level);
      say(`${clients} clients: ${level.imagesPerSecond.toFixed(1)} images a second`);
    }
    const many = isQuick ? 200 : 10_000;
    const answers = await load(batched.port, quickly, { clients: 64, seconds: 1800, most: many });
    count(answers);
    say(`${answers.asked} answers to 64 clients: ${answers.lost} lost, ${answers.mixed} mixed up`);
    memory = await memoryOver(batched, known, isQuick ? 0.1 : minutes, count, say);
  } finally {
    await batched.stop();
  }
  const single = await startServing(["--batch", "1", "--threads", String(threads)]);
  let alone: Level;
  try {
    await load(single.port, known, { clients: 8, seconds: 1 });
    alone = await measured(single, known, { clients: 64, seconds: secondsEach });
    count(alone.load);
  } finally {
    await single.stop();
  }

  const rows = [...levels, alone].map(({ clients, imagesPerSecond, p50, p99, imagesPerBatch }, i) => [
    i < levels.length ? clients : `${clients}, no batches`,
    ...[imagesPerSecond, p50, p99, p99 / p50, imagesPerBatch].map((value) => Number(value.toFixed(2))),
  ]);
  say(table(["clients", "images/s", "p50, s", "p99, s", "p99/p50", "images a batch"], rows));
  const last = levels.at(-1)!;
  const eight = levels.find(({ clients }) => clients === 8)!;
  say(
    `${total.asked} answers: ${total.lost} lost, ${total.mixed} mixed up, ${total.refused} refused; memory ` +
      `${memory.firstMiB.toFixed(0)} MiB at the beginning and ${memory.lastMiB.toFixed(0)} MiB at the end of ${memory.minutes.toFixed(1)} minutes`,
  );
  return {
    batchingGain: last.imagesPerSecond / alone.imagesPerSecond,
    gainOverOneClient: last.imagesPerSecond / levels[0]!.imagesPerSecond,
    p99OverP50AtEight: eight.p99 / eight.p50,
    ...total,
    memory,
    levels: levels.map(({ load: _, ...level }) => level),
    withoutBatches: { ...alone, load: undefined },
    threads,
    model,
  };
};

interface Load {
  /** Requests that were sent; all were answered or lost. */
  readonly asked: number;
  readonly lost: number;
  readonly mixed: number;
  /** 429: not lost, since they were told so. */
  readonly refused: number;
  /** Seconds of each that got its image. */
  readonly seconds: readonly number[];
}

interface Level {
  readonly clients: number;
  readonly imagesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly imagesPerBatch: number;
  readonly load: Load;
}

interface MemoryFigures {
  readonly minutes: number;
  /** The medians of the first and the last fifth of the readings. */
  readonly firstMiB: number;
  readonly lastMiB: number;
}

interface Known {
  readonly prompt: string;
  /** A model schedule; left out: the model's plan. */
  readonly plan?: string;
  readonly seed: number;
  /** The file, in Base64. */
  readonly png: string;
}

async function knownImages(threads: number, schedule?: string): Promise<Known[]> {
  const pipeline = await ImagePipeline.fromPretrained(model, { threads });
  const { classNames } = pipeline.model;
  const known: Known[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const prompt = classNames[seed % classNames.length]!;
    const { images, plan } = await pipeline.generate({ classes: prompt, seed, modelSchedule: schedule });
    const making = { model: "sprites", seed, index: 0, class: prompt, plan };
    known.push({
      ...{ prompt, seed, ...(schedule && { plan: schedule }) },
      png: Buffer.from(await encodeImage(images[0]!, { making })).toString("base64"),
    });
  }
  await pipeline.dispose();
  return known;
}

interface Serving {
  readonly port: number;
  stop(): Promise<void>;
}

async function startServing(args: readonly string[]): Promise<Serving> {
  const command = [
    "--import",
    "tsx",
    "cli/main.ts",
    "serve",
    model,
    "--port",
    "0",
    "--json",
    "--no-log",
    ...args,
  ];
  const child: ChildProcess = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.on("data", (data) => resolve(String(data)));
    child.on("close", (code) => reject(new Error(`the server ended with status ${code}`)));
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      child.on("close", () => resolve());
      child.kill("SIGTERM");
    });
  return { port: (JSON.parse(line) as { port: number }).port, stop };
}

/** So many clients, each of which asks for its next image when it has one. */
async function load(
  port: number,
  known: readonly Known[],
  { clients, seconds, most = Infinity }: { clients: number; seconds: number; most?: number },
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const until = performance.now() + seconds * 1000;
  let [asked, lost, mixed, refused, next] = [0, 0, 0, 0, 0];
  const times: number[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < until && next < most) {
      const { png, ...body } = known[next++ % known.length]!;
      const began = performance.now();
      asked++;
      const answer = await post(port, agent, body);
      if (answer?.status === 429) refused++;
      else if (answer?.status !== 200) lost++;
      else if (answer.image !== png) mixed++;
      else times.push((performance.now() - began) / 1000);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return { asked, lost, mixed, refused, seconds: times };
}

function post(port: number, agent: Agent, body: object): Promise<{ status: number; image?: string } | null> {
  return new Promise((resolve) => {
    const sent = request(
      {
        ...{ port, host: "127.0.0.1", agent, method: "POST", path: "/v1/images/generations" },
        headers: { "content-type": "application/json" },
      },
      (response) => {
        let text = "";
        response.on("data", (part) => {
          text += part;
        });
        response.on("error", () => resolve(null));
        response.on("end", () => {
          const status = response.statusCode!;
          const image = status === 200 ? JSON.parse(text).data[0].b64_json : undefined;
          resolve({ status, image });
        });
      },
    );
    sent.on("error", () => resolve(null));
    sent.end(JSON.stringify(body));
  });
}

async function measured(
  { port }: Serving,
  known: readonly Known[],
  { clients, seconds }: { clients: number; seconds: number },
): Promise<Level> {
  const before = await figures(port);
  const began = performance.now();
  const made = await load(port, known, { clients, seconds });
  const took = (performance.now() - began) / 1000;
  const after = await figures(port);
  const sorted = [...made.seconds].sort((a, b) => a - b);
  const share = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  const images = after.batchImages - before.batchImages;
  return {
    clients,
    imagesPerSecond: made.seconds.length / took,
    p50: share(0.5),
    p99: share(0.99),
    imagesPerBatch: images / (after.batches - before.batches),
    load: made,
  };
}

/** What the server tells of itself. */
async function figures(port: number) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const figure = (name: string) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, "m").exec(text)?.[1]);
  return {
    batchImages: figure("magnets_batch_images_sum"),
    batches: figure("magnets_batch_images_count"),
    bytes: figure("process_resident_memory_bytes"),
  };
}

async function memoryOver(
  { port }: Serving,
  known: readonly Known[],
  minutes: number,
  count: (load: Load) => void,
  say: (line: string) => void,
): Promise<MemoryFigures> {
  const readings: number[] = [];
  const parts = 20;
  for (let part = 0; part < parts; part++) {
    count(await load(port, known, { clients: 8, seconds: (minutes * 60) / parts }));
    readings.push((await figures(port)).bytes / 2 ** 20);
  }
  say(`memory over ${minutes} minutes, MiB: ${readings.map((reading) => reading.toFixed(0)).join(" ")}`);
  const fifth = parts / 5;
  return { minutes, firstMiB: median(readings.slice(0, fifth)), lastMiB: median(readings.slice(-fifth)) };
}
