/**
 * `npm run reproduce -- TABLE...`: makes tables of docs/results again, by the same commands that a person would type, and says beforehand
 * how long that takes. What is trained or measured already is not done again: stop it at any time, and give the same command to go on.
 *
 *     npm run reproduce                 lists the tables
 *     npm run reproduce -- fashion      trains and measures; pages go to out/reproduced/
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";

/** A command of the command line. */
interface Step {
  /** What for, in a few words. */
  readonly what: string;
  readonly args: readonly string[];
  /** An estimate, for two cores with AVX-512. */
  readonly minutes: number;
  /** A folder whose work goes on by --resume, once there is something in it. */
  readonly run?: string;
}

/** Tables, and what makes them. */
interface Recipe {
  readonly title: string;
  readonly steps: readonly Step[];
}

const program = new Command("npm run reproduce --")
  .description("make tables of docs/results again; without a name, list them")
  .argument("[tables...]", "one or several of the list")
  .option("--out <folder>", "where pages and runs go", "out/reproduced")
  .option("--data <folder>", "the IDX files of Fashion-MNIST", "/usr/share/datasets/fashion-mnist")
  .option("--dry-run", "print the commands, run none")
  .parse();
const { out, data, dryRun } = program.opts<{ out: string; data: string; dryRun?: boolean }>();
const page = (name: string): readonly string[] => ["--out", join(out, name)];

/** A study of a shipped model. */
function study(
  name: string,
  model: string,
  minutes: number,
  more: readonly string[] = [],
  to = `${model}-${name}`,
): Step {
  const args = ["study", name, join("models", model), "--seeds", "3", ...more];
  return { what: `study of ${model}: ${name}`, args: [...args, ...page(to)], minutes };
}

/** What the trainings of {@link threeTrainings} are like. */
interface Trainings {
  readonly name: string;
  readonly minutes: { readonly tokenizer: number; readonly transformer: number; readonly further?: number };
  /** Options of each of them. */
  readonly more?: readonly string[];
  /** Settings of a second training that goes on from each. */
  readonly further?: readonly string[];
}

/** Three trainings of a configuration that differ by their seeds, on one tokenizer. */
function threeTrainings({ name, minutes, more = [], further }: Trainings) {
  const runs = join(out, `${name}-runs`);
  const config = join("configs", `${name}.yaml`);
  const tokenizer = join(runs, "tokenizer", "model");
  const seeds = [0, 1, 2];
  const folderOf = (seed: number, phase = ""): string => join(runs, `seed-${seed}${phase}`);
  const modelOf = (seed: number, phase = ""): string => join(folderOf(seed, phase), "model");
  const settings = (pairs: readonly string[]) => pairs.flatMap((pair) => ["--set", pair]);
  const steps: Step[] = [
    {
      what: "tokenizer",
      args: ["train", config, ...more, "--stage", "tokenizer", "--out", join(runs, "tokenizer")],
      minutes: minutes.tokenizer,
      run: join(runs, "tokenizer"),
    },
    ...seeds.map((seed) => ({
      what: `training ${seed + 1} of ${seeds.length}`,
      args: [
        ...["train", config, ...more],
        ...settings([`seed=${seed}`, `tokenizer.init=${tokenizer}`, "tokenizer.training.steps=0"]),
        ...settings(further ? ["decoder.training.steps=0"] : []),
        ...["--out", folderOf(seed)],
      ],
      minutes: minutes.transformer,
      run: folderOf(seed),
    })),
    ...(further ? seeds : []).map((seed) => ({
      what: `training ${seed + 1} of ${seeds.length} goes on`,
      args: [
        ...["train", config, ...more],
        ...settings([`seed=${seed}`, `tokenizer.init=${modelOf(seed)}`, "tokenizer.training.steps=0"]),
        ...settings([`transformer.init=${modelOf(seed)}`, ...further!]),
        ...["--out", folderOf(seed, "-on")],
      ],
      minutes: minutes.further!,
      run: folderOf(seed, "-on"),
    })),
  ];
  const models = seeds.map((seed) => modelOf(seed, further ? "-on" : ""));
  const studyOf = (question: string, minutes: number, more: readonly string[] = [], to = question): Step => ({
    what: `study of three trainings: ${to}`,
    args: ["study", question, ...models, ...more, ...page(`${name}-${to}`)],
    minutes,
  });
  return { runs, tokenizer, steps, studyOf };
}

const sprites = threeTrainings({
  name: "sprites",
  minutes: { tokenizer: 8, transformer: 20, further: 30 },
  // As the shipped model went on: models/sprites/README.md.
  further: [
    "data.seed=1",
    "transformer.training.steps=4000",
    "transformer.training.learningRate=0.0008",
    "transformer.training.warmupSteps=100",
    "transformer.training.lambda.start=0.3",
  ],
});
const fashion = threeTrainings({
  name: "fashion",
  minutes: { tokenizer: 12, transformer: 15 },
  more: ["--data", data],
});
const classifier = join(out, "fashion-classifier");
// Of 10,000 held-out images: 5,000 to compare with, 2,000 through the tokenizer, and 2,000 others for tuning.
const sets = ["--reference-images", "5000", "--samples", "2000"];
const measured = ["--data", data, "--classifier", classifier, ...sets];

const recipes: Readonly<Record<string, Recipe>> = {
  main: {
    title:
      "drawn images, three trainings: schedule and cache, few steps, and the Halton order, every way at its best settings",
    steps: [
      ...sprites.steps,
      sprites.studyOf("main", 165, ["--tune", "24"]),
      sprites.studyOf("few-steps", 110, ["--decode-steps", "6,8", "--tune", "12"]),
      sprites.studyOf("order", 165, ["--decode-steps", "8,12,16", "--tune", "12"]),
    ],
  },
  sprites: {
    title: "drawn images: direction, refresh, steps, guidance, entropies",
    steps: [
      study("direction", "sprites", 25),
      study("refresh", "sprites", 25),
      study("steps", "sprites", 60),
      study("guidance", "sprites", 40),
      study("unmask", "sprites", 40),
    ],
  },
  motions: {
    title: "drawn videos: schedule and cache, and frame prediction",
    steps: [
      study("main", "motions", 60, ["--samples", "192"]),
      study("main", "motions", 60, ["--samples", "500", "--given", "5"], "motions-prediction"),
    ],
  },
  fashion: {
    title:
      "photographs (Fashion-MNIST), three trainings: schedule and cache, direction, refresh, steps, order, ways of training",
    steps: [
      {
        what: "classifier",
        args: [
          ...["classifier", "--data", data, "--resolution", "28", "--images", "60000", "--held-out", "10000"],
          ...["--shift", "2", "--steps", "27000"],
          ...["--run", join(fashion.runs, "classifier"), "--out", classifier],
        ],
        minutes: 45,
        run: join(fashion.runs, "classifier"),
      },
      ...fashion.steps,
      fashion.studyOf("main", 65, [...measured, "--tune", "24"]),
      fashion.studyOf("direction", 10, measured),
      fashion.studyOf("refresh", 10, measured),
      fashion.studyOf("steps", 15, measured),
      fashion.studyOf("steps", 45, [...measured, "--decode-steps", "4,12", "--tune", "24"], "few-steps"),
      fashion.studyOf("order", 70, [
        ...measured,
        ...["--decode-steps", "4,12,24", "--tune", "12", "--tune-samples", "1000"],
      ]),
      {
        what: "ways of training, three times each",
        args: [
          ...["study", "distillation", "configs/fashion.yaml", "--tokenizer", fashion.tokenizer],
          ...["--set", `data.source=${data}`, "--trainings", "3", "--steps", "2000", ...measured],
          ...["--runs", join(fashion.runs, "ways"), ...page("fashion-distillation")],
        ],
        minutes: 90,
      },
    ],
  },
};

const hours = (minutes: number): string =>
  minutes < 90 ? `${minutes} minutes` : `${(minutes / 60).toFixed(1)} hours`;
const minutesOf = ({ steps }: Recipe): number => steps.reduce((sum, { minutes }) => sum + minutes, 0);
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs a command of the command line; its words and bars are the terminal's. */
function magnets(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args], { stdio: "inherit" });
  return new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ? 130 : (code ?? 1))));
}

// A Ctrl-C reaches the command too, which saves what it has done; this process ends after it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

const unknown = program.args.filter((name) => !(name in recipes));
if (unknown.length > 0)
  program.error(`reproduce: must be of ${Object.keys(recipes).join(", ")}, got ${unknown}`, { exitCode: 2 });
if (program.args.length === 0) {
  for (const [name, recipe] of Object.entries(recipes)) {
    say(`${name.padEnd(8)} ${hours(minutesOf(recipe)).padStart(11)}  ${recipe.title}`);
  }
  say("\nTimes are estimates, for two cores with AVX-512 that do nothing else. npm run reproduce -- NAME");
}
for (const name of program.args) {
  const recipe = recipes[name]!;
  say(`${name}: ${recipe.title}`);
  say(`about ${hours(minutesOf(recipe))} on two cores; Ctrl-C stops, the same command goes on\n`);
  for (const [i, { what, args, minutes, run }] of recipe.steps.entries()) {
    const all = run !== undefined && existsSync(run) ? [...args, "--resume"] : args;
    say(`${i + 1} of ${recipe.steps.length}: ${what}, about ${hours(minutes)}\n  magnets ${all.join(" ")}`);
    if (dryRun) continue;
    const code = await magnets(all);
    if (code !== 0) process.exit(code);
  }
}
