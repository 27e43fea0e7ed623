/** Every combination of plans and settings, for a sweep. */
import type { PlanInput } from "../../decoding/plan.ts";

/** The values to try; an empty or absent list leaves the plan's own. */
export interface GridSettings {
  readonly choiceTemperature?: readonly number[];
  readonly guidanceScale?: readonly number[];
  readonly tokenTemperature?: readonly number[];
  readonly minP?: readonly number[];
}

/** A plan of a grid, with its name. */
export interface GridPoint {
  /** The plan's name and, where settings vary or are given, their values: "default, choice 9, guidance 2". */
  readonly name: string;
  /** The plan's name alone. */
  readonly base: string;
  /** The settings alone; equal for plans that differ in nothing else. */
  readonly settings: string;
  readonly plan: PlanInput;
}

/** All plans under the first combination of settings, then all under the second, and so on. */
export function planGrid(
  plans: Readonly<Record<string, PlanInput>>,
  { choiceTemperature = [], guidanceScale = [], tokenTemperature = [], minP = [] }: GridSettings = {},
): GridPoint[] {
  const axis = (label: string, values: readonly number[], change: (value: number) => PlanInput): Setting[] =>
    values.length === 0
      ? [{ label: [], change: {} }]
      : values.map((value) => ({ label: [`${label} ${value}`], change: change(value) }));
  const guidances = axis("guidance", guidanceScale, (scale) => ({ guidance: { scale } }));
  const choices = axis("choice", choiceTemperature, (value) => ({ choiceTemperature: value }));
  const tokens = axis("token", tokenTemperature, (value) => ({
    tokenTemperature: { kind: "constant", value },
  }));
  const cuts = axis("min-p", minP, (value) => ({ minP: value }));
  const points: GridPoint[] = [];
  for (const guidance of guidances) {
    for (const others of combined(combined(choices, tokens), cuts)) {
      const settings = [...guidance.label, ...others.label].join(", ");
      for (const [base, plan] of Object.entries(plans)) {
        const scale = guidance.change.guidance && {
          guidance: { ...plan.guidance, ...guidance.change.guidance },
        };
        const name = settings ? `${base}, ${settings}` : base;
        points.push({ name, base, settings, plan: { ...plan, ...others.change, ...scale } });
      }
    }
  }
  return points;
}

/** A value of an axis, or of several: what names it, and what it changes. */
interface Setting {
  readonly label: readonly string[];
  readonly change: PlanInput;
}

/** Every one of the first with every one of the second. */
const combined = (first: readonly Setting[], second: readonly Setting[]): Setting[] =>
  first.flatMap((a) =>
    second.map((b) => ({ label: [...a.label, ...b.label], change: { ...a.change, ...b.change } })),
  );
