/**
 * What made an image, kept in the image itself: a text of its PNG file under {@link makingKeyword}. Whoever has the file and
 * the model can make the same tokens again.
 */
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { parse } from "../core/validate.ts";
import { type MakingRecord, makingKeyword, readPngText, withMakingRecord } from "../data/image/png-text.ts";
import type { DecodePlan } from "../decoding/plan.ts";

/** All that makes an image again, read and checked. */
export interface ImageRecord extends Omit<MakingRecord, "seed" | "plan"> {
  readonly seed: Seed;
  readonly plan: DecodePlan;
}

const recordSchema = z.object({
  model: z.string().min(1),
  seed: z
    .union([z.int().min(0), z.string().regex(/^[0-9]{1,20}$/)])
    .meta({ allowed: "a whole number in 0..18446744073709551615" }),
  index: z.int().min(0),
  class: z.string().nullable(),
  plan: z.record(z.string(), z.unknown()),
  given: z.array(z.int().min(-1)).optional(),
});

/** A PNG with the record of its image in it. */
export function withImageRecord(png: Uint8Array, record: ImageRecord): Uint8Array {
  return withMakingRecord(png, record);
}

/**
 * The record in a PNG; null where it has none. Its plan is not yet checked: that happens where it enters a request.
 *
 * @param where  the file, which messages begin with
 * @throws InputError for bytes that are no whole PNG, and for a record that says something else
 */
export function imageRecordOf(png: Uint8Array, where = "png"): ImageRecord | null {
  const text = readPngText(png, makingKeyword);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      `${where}: its text "${makingKeyword}" is not valid JSON (${(error as Error).message})`,
    );
  }
  const { seed, plan, ...rest } = parse(recordSchema, value, where);
  return {
    ...rest,
    seed: typeof seed === "string" ? BigInt(seed) : seed,
    plan: plan as unknown as DecodePlan,
  };
}
