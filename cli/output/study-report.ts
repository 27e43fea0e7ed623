/** What every study ends with: its answer said, and written up on a page with figures and charts beside it. */
import { basename, join } from "node:path";
import type { Study } from "../../src/evaluate.ts";
import type { Measured } from "../evaluation-run.ts";
import type { EvaluationOptions } from "../options/evaluation-options.ts";
import { circumstances, sayEvaluation, toResult, writeFiles } from "./evaluation-report.ts";
import type { Report } from "./report.ts";
import { studyPage } from "./study-page.ts";

export interface StudyReport {
  /** Of the study. */
  readonly name: string;
  /** A model folder, or whatever else was studied. */
  readonly subject: string;
  readonly options: EvaluationOptions & { readonly out: string };
  /** What else goes into the result for programs. */
  readonly extras?: object;
  /** What else goes onto the page, paragraph by paragraph. */
  readonly notes?: readonly string[];
}

/** Says the answer and writes the page with its figures and charts into the folder `out`. */
export async function reportStudy(
  report: Report,
  study: Study,
  measured: Measured,
  { name, subject, options, extras = {}, notes }: StudyReport,
): Promise<void> {
  const { writeFileAtomic } = await import("../../src/index.ts");
  const { answersOf } = await import("../../src/evaluate.ts");
  const { isJoined } = study;
  const verdicts = answersOf(study, measured.rows);
  sayEvaluation(report, measured, options);
  report.say(`\n${verdicts.join("\n")}`);
  const result = { study: name, verdicts, ...extras, ...toResult(subject, measured, options) };
  const written = await writeFiles(options.out, result, measured, { isJoined });
  const page = join(options.out, "README.md");
  const charts = written.filter((path) => path.endsWith(".svg")).map((path) => basename(path));
  const facts = await circumstances();
  await writeFileAtomic(
    page,
    studyPage(study, measured, { model: subject, options, verdicts, charts, facts, notes }),
  );
  report.say(`\nwritten: ${[page, ...written].join(", ")}`);
  report.finish(result);
}
