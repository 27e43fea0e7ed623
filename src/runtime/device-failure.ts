/** What a run of a graph can fail by that is the device's doing or its size, in words that help. */
import { InputError } from "../core/errors.ts";
import { type Device, factsOf } from "./device.ts";

/**
 * The error of a failed run, from what the runtime says: an InputError where the device's memory is full or a card
 * stopped answering, else an Error with the runtime's reason.
 *
 * @param where  which run
 */
export function runFailure(where: string, device: Device, reason: string): Error {
  const wanted = /Failed to allocate memory for requested buffer of size (\d+)/.exec(reason)?.[1];
  if (wanted !== undefined || /out of memory|bad_alloc|bad allocation/i.test(reason)) {
    const more = wanted === undefined ? "" : ` (it was asked for another ${megabytes(Number(wanted))} MB)`;
    return new InputError(
      `${where}: the memory of device ${device} is full${more}; smaller batches take less: --set ` +
        "transformer.training.batchSize=... or tokenizer.training.batchSize=... in training, --batch ... elsewhere",
    );
  }
  if (isCard(device) && /CUDA (failure|error)|CUDNN|CUBLAS|cudaError|device (was |is )?lost/i.test(reason)) {
    return new InputError(
      `${where}: the card of device ${device} stopped (${reason.split("\n")[0]}); what was saved before is intact: see ` +
        "whether the card still answers, start again, and go on with --resume",
    );
  }
  return new Error(`${where}: ${reason}`);
}

const isCard = (device: Device): boolean => factsOf(device).remedy !== null;
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
