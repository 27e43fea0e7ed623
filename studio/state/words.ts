/** Numbers and names as the page says them. */
import { type DecodePlan, printModelSchedule } from "../../src/browser.ts";
import type { Place } from "../engine/protocol.ts";

/** "1.23 G", "456 M": multiply-adds. */
export function multiplyAddsText(count: number): string {
  if (count >= 1e12) return `${figures(count / 1e12)} T`;
  if (count >= 1e9) return `${figures(count / 1e9)} G`;
  return `${figures(count / 1e6)} M`;
}

/** Three figures. */
const figures = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** "85 ms", "1.4 s", "2 min". */
export function secondsText(seconds: number): string {
  if (seconds < 0.9995) return `${Math.max(1, Math.round(1000 * seconds))} ms`;
  if (seconds < 99.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  return `${Math.round(seconds / 60)} min`;
}

export const megabytesText = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** "1/8 of the model", "the whole model". */
export const subModelText = (factor: number): string =>
  factor === 1 ? "the whole model" : `1/${factor} of the model`;

/** "full", "1/8". */
export const subModelShort = (factor: number): string => (factor === 1 ? "full" : `1/${factor}`);

/** "12 steps, 8x3,4x3,2x3,1x3". */
export const planText = ({ steps, modelSchedule }: DecodePlan): string =>
  `${steps} ${steps === 1 ? "step" : "steps"}, ${printModelSchedule(modelSchedule).replaceAll(",", " ")}`;

export function placeText({ device, threads }: Place): string {
  if (device === "webgpu") return "the graphics card (WebGPU)";
  return threads > 1
    ? `the processor, ${threads} threads (WebAssembly)`
    : "the processor, one thread (WebAssembly)";
}
