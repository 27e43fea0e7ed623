/**
 * Where this browser computes: the devices in the order in which they are tried, and what was measured of them once and is
 * remembered. The processor comes first until the graphics card was measured to be faster.
 */
import type { Place } from "../engine/protocol.ts";

/** What was measured of a model here. */
export interface Measured {
  readonly fastest: Place["device"];
  /** Seconds of the same work; null where the device failed. */
  readonly wasmSeconds: number | null;
  readonly webgpuSeconds: number | null;
}

const keyOf = (model: string): string => `magnets.device.${model}`;

/** What is remembered of a model; null: nothing, or nothing may be kept. */
export function rememberedDevice(model: string): Measured | null {
  try {
    const measured = JSON.parse(localStorage.getItem(keyOf(model)) ?? "null") as Measured | null;
    return measured && (measured.fastest === "wasm" || measured.fastest === "webgpu") ? measured : null;
  } catch {
    return null;
  }
}

/** Remembers, where the browser lets it; null forgets. */
export function rememberDevice(model: string, measured: Measured | null): void {
  try {
    if (measured) localStorage.setItem(keyOf(model), JSON.stringify(measured));
    else localStorage.removeItem(keyOf(model));
  } catch {
    // Without storage it is measured again at the next visit.
  }
}

/** More threads than this gain nothing for models of this size. */
const mostThreads = 8;

/** How many threads WebAssembly gets: several only in a page that is isolated from others. */
export const threadsHere = (): number =>
  crossOriginIsolated ? Math.max(1, Math.min(navigator.hardwareConcurrency, mostThreads)) : 1;

export const webgpu: Place = { device: "webgpu", threads: 1 };
export const processor = (): Place => ({ device: "wasm", threads: threadsHere() });

/** The places to try, in order. */
export function placesFor(model: string): Place[] {
  const threads = threadsHere();
  return [
    ...(rememberedDevice(model)?.fastest === "webgpu" ? [webgpu] : []),
    ...(threads > 1 ? [processor()] : []),
    { device: "wasm", threads: 1 },
  ];
}

let card: Promise<boolean> | undefined;

/** Whether the browser has a graphics card to offer; asked once. */
export function hasGraphicsCard(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  card ??= gpu ? gpu.requestAdapter().then(Boolean, () => false) : Promise.resolve(false);
  return card;
}
