/** How many images an evaluation compares with how many, where the data hold fewer than it would take. */
import { invalidValue } from "../core/validate.ts";
import type { ImageSource } from "../data/source.ts";
import { fewestImages } from "./metrics/set-measures.ts";
import { defaultReferenceImages } from "./reference-set.ts";

/** Images per plan and seed; as many held-out ones are measured beside them. */
const defaultSamples = 2000;

/** How large the sets are. */
interface SetSizes {
  readonly samples: number;
  /** Of held-out images besides those that are measured. */
  readonly referenceImages: number;
}

/**
 * The sizes of the sets: what is asked for, else the usual, else what there is: both sets then share the held-out images.
 *
 * @returns the sizes, with what the figures are worth where they are smaller than usual
 * @throws InputError naming the option where the held-out images do not suffice for what is asked
 */
export function setSizes(
  heldOut: Pick<ImageSource, "name" | "length">,
  asked: Partial<SetSizes>,
): SetSizes & { readonly warnings: readonly string[] } {
  const available = heldOut.length ?? Number.POSITIVE_INFINITY;
  const samples =
    asked.samples ??
    Math.min(
      defaultSamples,
      asked.referenceImages === undefined ? Math.floor(available / 2) : available - asked.referenceImages,
    );
  const referenceImages = asked.referenceImages ?? Math.min(defaultReferenceImages, available - samples);
  if (Math.min(samples, referenceImages) < fewestImages || samples + referenceImages > available) {
    const [first, second] = [asked.samples ?? fewestImages, asked.referenceImages ?? fewestImages];
    const isAsked = asked.samples !== undefined || asked.referenceImages !== undefined;
    throw invalidValue(
      "evaluate",
      ["data"],
      `must hold out ${first} images to measure (--samples) and ${second} others to compare with (--reference-images)`,
      heldOut.name,
      `which holds out ${available}: ${isAsked ? "ask for fewer, or leave the options out" : "give more images"}`,
    );
  }
  const isSmall =
    (asked.samples === undefined && samples < defaultSamples) ||
    (asked.referenceImages === undefined && referenceImages < defaultReferenceImages);
  return {
    samples,
    referenceImages,
    warnings: isSmall ? [worth(heldOut.name, { samples, referenceImages })] : [],
  };
}

const worth = (name: string, { samples, referenceImages }: SetSizes): string =>
  `${name} holds out few images, so ${samples} are compared with ${referenceImages} in the place of ` +
  `${defaultSamples} with ${defaultReferenceImages} (--samples, --reference-images): distances of small sets are too ` +
  "large, and chance; compare these figures with each other alone, at the same numbers, with --seeds 3 or more";
