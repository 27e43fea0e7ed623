/**
 * Which device is faster, found once per model and remembered: a few steps of the whole model, on the processor and on the
 * graphics card, each run twice, since the first run compiles.
 */
import { baselinePlan } from "../../src/browser.ts";
import { startEngine } from "../engine/client.ts";
import { runJob } from "./job.ts";
import { createLatencyModel } from "./latency.ts";
import { hasGraphicsCard, processor, rememberDevice, rememberedDevice, webgpu } from "./places.ts";
import { adopt, modelUrls, type Session } from "./sessions.ts";
import { remark } from "./status.ts";
import { placeText, secondsText } from "./words.ts";

/** Steps of the whole model that are timed. */
const steps = 3;
/** A card that has not answered by then is not the faster one. */
const patienceMs = 60_000;

/** Measures where nothing is remembered; a faster graphics card is used from now on. */
export async function measureDevices(session: Session): Promise<void> {
  const { listed, place } = session;
  if (rememberedDevice(listed.name) || place.device === "webgpu") return;
  if (!(await hasGraphicsCard())) return; // nothing to compare with; another browser of this machine may have one
  await runJob(
    "Measuring whether the graphics card is faster",
    async (signal) => {
      const plan = { ...baselinePlan({ steps }), guidance: { scale: 0 } };
      const request = { seed: 0, count: 1, plan };
      const timed = async ({ engine }: Pick<Session, "engine">): Promise<number> => {
        await engine.call("generate", { request, isWatched: false }, { signal });
        const made = await engine.call("generate", { request, isWatched: false }, { signal });
        return made.stats.seconds;
      };
      const wasmSeconds = await timed(session);
      const engine = startEngine();
      const end = (): void => engine.close();
      signal.addEventListener("abort", end, { once: true });
      let webgpuSeconds: number | null = null;
      const patience = setTimeout(end, patienceMs);
      try {
        await engine.call("open", { ...webgpu, model: listed, ...modelUrls(listed.name) }, { signal });
        webgpuSeconds = await timed({ engine });
      } catch (error) {
        if (signal.aborted) return;
        console.warn(error);
        remark(
          `The graphics card cannot run this model (${(error as Error).message}), so it stays on ${placeText(processor())}.`,
        );
      } finally {
        clearTimeout(patience);
      }
      const isFaster = webgpuSeconds !== null && webgpuSeconds < wasmSeconds;
      rememberDevice(listed.name, { fastest: isFaster ? "webgpu" : "wasm", wasmSeconds, webgpuSeconds });
      if (isFaster && !signal.aborted) {
        adopt({ ...session, place: webgpu, engine, latency: createLatencyModel() });
        remark(
          `Now computing on ${placeText(webgpu)}: ${secondsText(webgpuSeconds!)} for what took ${secondsText(wasmSeconds)}.`,
        );
      } else end();
    },
    { isBackground: true },
  );
}
