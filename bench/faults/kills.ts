/**
 * `npm run faults`: what becomes of work that is killed. A tiny training, a tokenising, an evaluation, a search and a sampling are killed (-9)
 * at random moments and gone on with, again and again; in the end every file must be that of an undisturbed run, byte for
 * byte but for times, and no other file may be there. Exit status 1 where one is not.
 */
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { magnets, succeed, withWorks } from "./works.ts";

interface FaultOptions {
  readonly seed: number;
  readonly kills: number;
  readonly minutes: number;
}

const program = new Command("npm run faults --")
  .option("--seed <n>", "of the moments", wholeNumber(0), 0)
  .option("--kills <n>", "how many in all", wholeNumber(1), 100)
  .option("--minutes <n>", "stop after so many", wholeNumber(1), 8)
  .parse();
const { seed, kills, minutes } = program.opts<FaultOptions>();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const began = performance.now();
const until = began + minutes * 60_000;
const time = () => `${((performance.now() - began) / 1000).toFixed(0)} s`;
let failures = 0;

say("undisturbed runs");
await withWorks(async (works) => {
  const done = new Map(works.map(({ name }) => [name, { kills: 0, runs: 0 }]));
  let killed = 0;
  const isTime = () => killed < kills && performance.now() < until;
  for (let round = 0; isTime(); round++) {
    const work = works[round % works.length]!;
    const count = done.get(work.name)!;
    await work.prepare();
    // Several kills in a row, each anywhere in what an undisturbed run takes; the first runs are still new ones.
    for (let attempt = 0; attempt < 4 && isTime(); attempt++) {
      const killAfterMs = work.ms * uniformAt(keyFromSeed(seed), killed);
      const ended = await magnets(work.command(attempt > 0), { killAfterMs });
      if (ended.signal !== "SIGKILL") {
        if (ended.code !== 0) throw new Error(`${work.name}: ended with ${ended.code}: ${ended.output}`);
        break;
      }
      killed++;
      count.kills++;
    }
    await succeed(work.command(true));
    count.runs++;
    say(`${time()}: ${work.name}, killed ${killed} times in all`);
    const differing = await work.differences();
    for (const difference of differing) say(`${work.name}, run ${count.runs}: ${difference}`);
    failures += differing.length;
  }
  for (const [name, { kills, runs }] of done) say(`${name}: killed ${kills} times in ${runs} runs`);
  const found = failures === 0 ? "nothing differs, nothing is left" : `${failures} differences`;
  say(`${killed} kills of seed ${seed}: ${found}`);
});
process.exitCode = failures === 0 ? 0 : 1;
