/** The plan of what a view asks for: as bars, and its other settings. */
import { job } from "../state/job.ts";
import type { Asking } from "../state/request.ts";
import { sessions } from "../state/sessions.ts";
import { PlanEditor } from "./plan-editor.tsx";
import { PlanSettings } from "./plan-settings.tsx";

/** Whether what is shown is about to change. */
export const isBusy = ({ isPending }: Asking): boolean =>
  isPending.value || (job.value !== null && !job.value.isBackground);

export function PlanSide({ asking }: { asking: Asking }) {
  const { config } = sessions[asking.kind].value!.model.transformer;
  const isRunning = job.value !== null && !job.value.isBackground;
  const steps = asking.series.value?.steps.length ?? null;
  const change: Parameters<typeof PlanSettings>[0]["onChange"] = (input) => {
    asking.setPlan(input);
    asking.decodeSoon();
  };
  return (
    <section class="plan-side" aria-label="Plan">
      <PlanEditor
        plan={asking.plan.value!}
        cost={asking.cost.value!}
        factors={config.factors}
        shown={asking.shownStep.value ?? (isRunning ? steps : null)}
        onChange={change}
      />
      <PlanSettings plan={asking.plan.value!} factors={config.factors} onChange={change} />
    </section>
  );
}
