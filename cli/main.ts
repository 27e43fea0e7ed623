#!/usr/bin/env node
/**
 * The command line. Each command's module is light; what a command needs is imported when it runs.
 *
 * Exit status: 0 done, 2 the input was wrong (the message says how to put it right), 130 stopped by Ctrl-C (143 by
 * SIGTERM), 1 a mistake of our own (with its stack).
 */
import { Command, CommanderError } from "commander";
import { addClassifierCommand } from "./commands/classifier.ts";
import { addInterpolateCommand, addPredictCommand } from "./commands/complete.ts";
import { addDataCommand } from "./commands/data.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEditCommand } from "./commands/edit.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addFleetCommand } from "./commands/fleet.ts";
import { addInfoCommand } from "./commands/info.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addSampleCommand } from "./commands/sample.ts";
import { addSearchCommand } from "./commands/search.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addStudioCommand } from "./commands/studio.ts";
import { addStudyCommand } from "./commands/study.ts";
import { addTrainCommand } from "./commands/train.ts";
import { addWorkerCommand } from "./commands/worker.ts";
import { renamedOption } from "./options/renamed.ts";
import { openStop } from "./options/stop.ts";

const stop = openStop();
// A reader that left, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const program = new Command("magnets")
  .description("Masked generative nested transformers: images at about a third of the usual compute.")
  .version("0.1.0")
  .exitOverride()
  .showSuggestionAfterError()
  .enablePositionalOptions() // options behind a command's name are that command's
  .configureOutput({ outputError: () => {} }); // reported below, in one place
addDemoCommand(program, stop.signal);
addSampleCommand(program, stop.signal);
addEditCommand(program, stop.signal);
addPredictCommand(program, stop.signal);
addInterpolateCommand(program, stop.signal);
addTrainCommand(program, stop.signal);
addDataCommand(program, stop.signal);
addEvaluateCommand(program, stop.signal);
addStudyCommand(program, stop.signal);
addStudioCommand(program, stop);
addSearchCommand(program, stop.signal);
addClassifierCommand(program, stop.signal);
addWorkerCommand(program, stop.signal);
addFleetCommand(program);
addServeCommand(program, stop.signal);
addPlanCommand(program, stop.signal);
addInfoCommand(program);
addDoctorCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says what went wrong; returns the exit status. */
function report(error: unknown): number {
  const stoppedBy = stop.by();
  if (stoppedBy) {
    // Stopping saves what there is; where that fails, it must be said.
    if (error instanceof Error && error.name === "InputError") refuse(error.message);
    return stoppedBy === "SIGINT" ? 130 : 143;
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // --help, --version
    if (error.code === "commander.help") return 2; // called without a command: the help was the answer
    return refuse(renamed(error) ?? error.message.replace(/^error: /, ""));
  }
  if (error instanceof Error && error.name === "InputError") return refuse(error.message);
  process.stderr.write(`magnets: this is a mistake in magnets itself, please report it:\n`);
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** What an unknown option is called now, where it once had that name; else null. */
function renamed({ code, message }: CommanderError): string | null {
  const option = code === "commander.unknownOption" ? /'(--[^'=]+)/.exec(message)?.[1] : undefined;
  const now = option === undefined ? null : renamedOption(commandNames().at(-1) ?? "", option);
  return now && `${option} is called ${now} now`;
}

function refuse(message: string): number {
  const line = message.replaceAll(/(?<=[:;.])\s*\n\s*/g, " ").replaceAll(/\s*\n\s*/g, "; ");
  process.stderr.write(`magnets: ${line} (${["magnets", ...commandNames(), "--help"].join(" ")})\n`);
  return 2;
}

/** The command that was called, and its sub-command if it has any. */
function commandNames(): string[] {
  const names: string[] = [];
  let command: Command | undefined = program;
  for (const word of process.argv.slice(2)) {
    command = command.commands.find((sub) => sub.name() === word);
    if (!command) break;
    names.push(word);
  }
  return names;
}
