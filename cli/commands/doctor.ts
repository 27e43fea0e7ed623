/** `magnets doctor`: what this machine offers, what is missing, and how to get it. */
import type { Command } from "commander";
import { finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { short, table } from "../output/table.ts";

export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description("what this machine offers: cores, memory, devices, versions, and what is missing");
  finishCommand(command, "doctor").action(async (options: { json?: boolean }) => {
    const report = openReport(options);
    const { describeMachine } = await import("../../src/index.ts");
    const machine = await describeMachine();
    const { node, platform, processor, cores, memoryBytes, parts } = machine;
    report.say(
      `node ${node} on ${platform}, ${cores} threads of ${processor}, ${short(memoryBytes)}B memory\n`,
    );
    const stateOf = (part: (typeof parts)[number]) =>
      part.isPresent ? "yes" : part.isRequired ? "MISSING" : "no";
    report.say(
      table(
        ["part", "there", "detail"],
        parts.map((part) => [part.name, stateOf(part), part.detail]),
      ),
    );
    for (const part of parts) {
      if (!part.isPresent && part.remedy) report.say(`\n${part.name}: ${part.remedy}`);
    }
    report.finish({ ...machine, isReady: parts.every((part) => part.isPresent || !part.isRequired) });
  });
}
