/** Every combination of plans and settings, for a sweep. */
import type { PlanInput } from "../decoding/plan.ts";

/** The values to try; an empty or absent list leaves the plan's own. */
export interface GridSettings {
  readonly choiceTemperature?: readonly number[];
  readonly guidanceScale?: readonly number[];
  readonly tokenTemperature?: readonly number[];
}

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
  { choiceTemperature = [], guidanceScale = [], tokenTemperature = [] }: GridSettings = {},
): GridPoint[] {
  const axis = (label: string, values: readonly number[], change: (value: number) => PlanInput) =>
    values.length === 0
      ? [{ label: [] as string[], change: {} as PlanInput }]
      : values.map((value) => ({ label: [`${label} ${value}`], change: change(value) }));
  const guidances = axis("guidance", guidanceScale, (scale) => ({ guidance: { scale } }));
  const choices = axis("choice", choiceTemperature, (value) => ({ choiceTemperature: value }));
  const tokens = axis("token", tokenTemperature, (value) => ({
    tokenTemperature: { kind: "constant", value },
  }));
  return guidances.flatMap((guidance) =>
    choices.flatMap((choice) =>
      tokens.flatMap((token) => {
        const settings = [...guidance.label, ...choice.label, ...token.label].join(", ");
        return Object.entries(plans).map(([base, plan]) => ({
          name: settings ? `${base}, ${settings}` : base,
          base,
          settings,
          plan: {
            ...plan,
            ...choice.change,
            ...token.change,
            ...(guidance.change.guidance && { guidance: { ...plan.guidance, ...guidance.change.guidance } }),
          },
        }));
      }),
    ),
  );
}
