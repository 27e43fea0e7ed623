/** What tells one model, and one way to compute with it, from all others: the keys of what is kept in files. */
import { createHash } from "node:crypto";
import { arithmeticOf, type Precision } from "../../models/transformer/precision.ts";
import type { Device } from "../../runtime/device.ts";
import { tensorsDigest } from "../../weights/node/digest.ts";
import type { Tensors } from "../../weights/safetensors.ts";
import type { GenerativeModel } from "../model.ts";

/** All that tells a model from others that compute alike or decode alike, as JSON. */
export function modelIdentity({
  tokenizer,
  transformer,
}: Pick<GenerativeModel, "tokenizer" | "transformer">) {
  const part = ({ config, tensors }: { readonly config: unknown; readonly tensors: Tensors }) => ({
    config,
    tensors: tensorsDigest(tensors),
  });
  return { tokenizer: part(tokenizer), transformer: part(transformer) };
}

/** 16 hexadecimal digits that tell a model from others: equal for equal weights and configurations, wherever the model lies. */
export function modelDigest(model: Pick<GenerativeModel, "tokenizer" | "transformer">): string {
  return createHash("sha256")
    .update(JSON.stringify(modelIdentity(model)))
    .digest("hex")
    .slice(0, 16);
}

/** All that tells what a model makes on a machine, and how fast, from what others make or it makes elsewhere, as JSON. */
export function decodingIdentity(
  model: Pick<GenerativeModel, "tokenizer" | "transformer">,
  { device, precision, threads }: { device: Device; precision: Precision; threads?: number },
) {
  return {
    ...modelIdentity(model),
    ...{ device, precision: arithmeticOf(precision), threads: threads ?? null },
  };
}
