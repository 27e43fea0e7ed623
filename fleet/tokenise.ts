/** A dataset's images as token ids, made part by part by a fleet: the files of one machine, byte for byte. */
import { type Device, decodeSafetensors, encodeSafetensors } from "../src/index.ts";
import type { EncodeParts } from "../src/train.ts";
import { collect } from "./collect.ts";
import type { Fleet } from "./fleet.ts";
import { describeJob, type TokeniseJob, weightsName } from "./job.ts";
import { version } from "./version.ts";

/** Encodes parts: `trainModel({ encodeParts: encodeByFleet(fleet), ... })`. Workers see a folder of data under the same path. */
export function encodeByFleet(fleet: Fleet, device: Device = "cpu"): EncodeParts {
  return async function* (parts, { weights, signal }) {
    const [first] = parts;
    if (!first) return;
    await fleet.store.write(weightsName(first.tokenizer.digest), encodeSafetensors(weights));
    const jobs = parts.map((part): TokeniseJob => ({ kind: "tokenise", version, device, ...part }));
    let next = 0;
    for await (const { bytes } of collect(fleet, jobs, { signal })) {
      yield decodeSafetensors(bytes, describeJob(jobs[next++]!));
    }
  };
}
