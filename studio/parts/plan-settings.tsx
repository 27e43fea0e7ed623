/** The settings of a plan that have no place on its bars. */
import { changePlan, type DecodePlan, type PlanInput } from "../../src/browser.ts";
import { factorsOf, withFactors } from "../state/plans.ts";

interface PlanSettingsProps {
  readonly plan: DecodePlan;
  readonly factors: readonly number[];
  readonly onChange: (plan: PlanInput) => void;
}

const maskSchedules = ["cosine", "linear", "arccos", "halton", "exp", "log", "pow"] as const;

export function PlanSettings({ plan, factors, onChange }: PlanSettingsProps) {
  const { guidance, cache } = plan;
  const setSteps = (steps: number): void => {
    const before = factorsOf(plan);
    if (!(steps >= 1) || steps === before.length) return;
    // The bars keep their shape: each step takes the sub-model of its place.
    onChange(
      withFactors(
        plan,
        Array.from({ length: steps }, (_, k) => before[Math.floor((k * before.length) / steps)]!),
      ),
    );
  };
  return (
    <details class="settings">
      <summary>All settings of the plan</summary>
      <div class="settings-grid">
        <NumberField label="Steps" value={plan.steps} min={1} max={256} step={1} onChange={setSteps} />
        <label>
          Mask schedule
          <select
            value={plan.maskSchedule.kind}
            onChange={({ currentTarget: { value } }) => {
              const kind = value as (typeof maskSchedules)[number];
              const maskSchedule = kind === "pow" ? { kind, exponent: 2 } : { kind };
              onChange(changePlan(plan, { maskSchedule }));
            }}
          >
            {maskSchedules.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </label>
        {plan.maskSchedule.kind === "pow" && (
          <NumberField
            label="Exponent"
            value={plan.maskSchedule.exponent ?? 2}
            min={0.1}
            max={8}
            step={0.1}
            onChange={(exponent) => onChange({ ...plan, maskSchedule: { kind: "pow", exponent } })}
          />
        )}
        <NumberField
          label="Choice temperature"
          value={plan.choiceTemperature}
          min={0}
          max={50}
          step={0.5}
          onChange={(choiceTemperature) => onChange({ ...plan, choiceTemperature })}
        />
        {plan.tokenTemperature.kind === "constant" && (
          <NumberField
            label="Token temperature"
            value={plan.tokenTemperature.value}
            min={0.05}
            max={4}
            step={0.05}
            onChange={(value) => onChange({ ...plan, tokenTemperature: { kind: "constant", value } })}
          />
        )}
        <NumberField
          label="min-p"
          value={plan.minP ?? 0}
          min={0}
          max={1}
          step={0.01}
          onChange={(minP) => onChange({ ...plan, minP: minP > 0 ? minP : null })}
        />
        <NumberField
          label="Guidance scale"
          value={guidance.scale}
          min={0}
          max={50}
          step={0.25}
          onChange={(scale) => onChange({ ...plan, guidance: { ...guidance, scale } })}
        />
        <label>
          Guidance over the steps
          <select
            value={guidance.schedule}
            onChange={({ currentTarget: { value } }) =>
              onChange({ ...plan, guidance: { ...guidance, schedule: value as typeof guidance.schedule } })
            }
          >
            {["constant", "linear", "power-cosine"].map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </label>
        <NumberField
          label="Guided from"
          value={guidance.interval[0]}
          min={0}
          max={1}
          step={0.05}
          onChange={(from) =>
            onChange({ ...plan, guidance: { ...guidance, interval: [from, guidance.interval[1]] } })
          }
        />
        <NumberField
          label="Guided up to"
          value={guidance.interval[1]}
          min={0}
          max={1}
          step={0.05}
          onChange={(to) =>
            onChange({ ...plan, guidance: { ...guidance, interval: [guidance.interval[0], to] } })
          }
        />
        <label>
          Unguided branch
          <select
            value={String(guidance.unconditionalFactor)}
            onChange={({ currentTarget: { value } }) => {
              const unconditionalFactor = value === "same" || value === "smaller" ? value : Number(value);
              onChange({ ...plan, guidance: { ...guidance, unconditionalFactor } });
            }}
          >
            <option value="same">the same sub-model</option>
            <option value="smaller">the next smaller one</option>
            {factors.map((factor) => (
              <option key={factor} value={String(factor)}>
                {factor === 1 ? "always the whole model" : `always 1/${factor}`}
              </option>
            ))}
          </select>
        </label>
        <label>
          Cache
          <select
            value={!cache.enabled ? "off" : typeof cache.refresh === "object" ? "every" : "on"}
            onChange={({ currentTarget: { value } }) =>
              onChange(
                changePlan(plan, {
                  cache: {
                    enabled: value !== "off",
                    refresh: value === "every" ? { every: 4 } : "on-switch",
                  },
                }),
              )
            }
          >
            <option value="on">refreshed when the sub-model changes</option>
            <option value="every">refreshed also every few steps</option>
            <option value="off">off: every position at every step</option>
          </select>
        </label>
        {cache.enabled && typeof cache.refresh === "object" && (
          <NumberField
            label="Refreshed every"
            value={cache.refresh.every}
            min={1}
            max={64}
            step={1}
            onChange={(every) => onChange(changePlan(plan, { cache: { refresh: { every } } }))}
          />
        )}
        {cache.enabled && plan.maskSchedule.kind === "halton" && !plan.unmask && (
          <label>
            Cached steps run
            <select
              value={cache.runs ?? "all-masked"}
              onChange={({ currentTarget: { value } }) =>
                onChange(changePlan(plan, { cache: { runs: value as "all-masked" | "needed" } }))
              }
            >
              <option value="all-masked">all masked tokens</option>
              <option value="needed">only those needed</option>
            </select>
          </label>
        )}
      </div>
    </details>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onChange: (value: number) => void;
}

function NumberField({ label, value, min, max, step, onChange }: NumberFieldProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        {...{ min, max, step, value }}
        onChange={({ currentTarget }) => {
          const typed = currentTarget.valueAsNumber;
          if (Number.isFinite(typed)) onChange(Math.max(min, Math.min(max, typed)));
          else currentTarget.value = String(value);
        }}
      />
    </label>
  );
}
