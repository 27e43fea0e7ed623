/** Settings of a plan in words, for pages and answers. */
import type { PlanInput } from "../../decoding/plan.ts";

/** Settings in words. */
export function settingsText({ guidance, choiceTemperature, tokenTemperature, minP }: PlanInput): string {
  const parts: string[] = [];
  if (guidance?.scale !== undefined) parts.push(guidanceText(guidance));
  else if (guidance?.unconditionalFactor !== undefined) parts.push("the default plan's, equal branches");
  if (choiceTemperature !== undefined) parts.push(`choice ${Number(choiceTemperature.toPrecision(3))}`);
  if (tokenTemperature?.kind === "constant") parts.push(`token ${tokenTemperature.value}`);
  if (minP !== undefined) parts.push(`min-p ${minP ?? "off"}`);
  return parts.join(", ") || "the default plan's";
}

/** Guidance in words: its scale, when, and by which branch. */
export function guidanceText({
  scale = 0,
  schedule = "constant",
  interval: [from, to] = [0, 1],
  unconditionalFactor: branch = "same",
}: NonNullable<PlanInput["guidance"]>): string {
  if (scale === 0) return "no guidance";
  const ramp = schedule === "constant" ? "" : `, ${schedule}`;
  const when = from > 0 || to < 1 ? ` from ${from} to ${to}` : "";
  const size = typeof branch === "number" ? (branch === 1 ? "full" : `1/${branch}`) : branch;
  return `guidance ${scale}${ramp}${when}, branch ${size}`;
}
