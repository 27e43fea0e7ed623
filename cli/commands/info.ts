/** `magnets info`: what a model folder holds. */
import type { Command } from "commander";
import { finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { short, table } from "../output/table.ts";

export function addInfoCommand(program: Command): void {
  const command = program
    .command("info")
    .description("what a model folder holds: sizes, sub-models, classes, tasks, tokenizer, plans")
    .argument("<model>", "a model folder");
  finishCommand(command, "info models/sprites").action(
    async (folder: string, options: { json?: boolean }) => {
      const report = openReport(options);
      const { describeModel, readModel } = await import("../../src/index.ts");
      const model = describeModel(await readModel(folder));
      const { tokenizer, transformer, classes, plan, completionPlan, paretoFront } = model;
      report.say(
        `tokenizer    ${tokenizer.frames === undefined ? "" : `${tokenizer.frames} frames of `}` +
          `${tokenizer.resolution} x ${tokenizer.resolution} pixels to [${transformer.grid}] tokens of ` +
          `${transformer.codebookSize} codes (${tokenizer.quantizer}), ${short(tokenizer.parameters)} parameters`,
      );
      report.say(
        `transformer  width ${transformer.width}, depth ${transformer.depth}, heads ${transformer.heads}, ` +
          `hidden ${transformer.hidden}, ${transformer.norm}-norm`,
      );
      report.say(`classes      ${classes.length > 0 ? classes.join(", ") : "none"}`);
      const told = ({ modelSchedule, maskSchedule, guidanceScale, ratio }: typeof plan) =>
        `${modelSchedule}, ${maskSchedule}, guidance ${guidanceScale}, ${ratio.toFixed(2)} times less than baseline`;
      report.say(`plan         ${told(plan)}`);
      if (completionPlan) report.say(`${transformer.tasks.join(", ")}  ${told(completionPlan)}`);
      if (paretoFront) {
        const shares = paretoFront.plans.map(({ share }) => share);
        report.say(
          `measured     ${shares.length} plans of ${Math.min(...shares).toFixed(3)} to ${Math.max(...shares).toFixed(3)} ` +
            `of the baseline decode's multiply-adds, by ${paretoFront.classifier} on ${paretoFront.samples} images`,
        );
      }
      report.say("");
      report.say(
        table(
          ["sub-model", "heads", "hidden", "parameters"],
          transformer.subModels.map(({ factor, heads, hidden, parameters }) => [
            `1/${factor}`,
            heads,
            hidden,
            short(parameters),
          ]),
        ),
      );
      report.finish({ folder, ...model });
    },
  );
}
