/**
 * The colours of the drawn dataset: sixteen harmonised paints and eight background moods. Contrast is kept soft on
 * purpose: an image is later written with ten bits per 8x8 pixels, and calm colours survive that.
 */
import type { Chance } from "./chance.ts";

/** "#rrggbb" */
export type Colour = string;

export const paints = {
  cream: "#f6ead2",
  butter: "#f2cd74",
  apricot: "#eda568",
  coral: "#e3745f",
  rose: "#e29bac",
  berry: "#b5536f",
  plum: "#81608f",
  lavender: "#ab9ed0",
  sky: "#92c4de",
  blue: "#5b90c0",
  navy: "#47597f",
  teal: "#4f9f9a",
  mint: "#a2d2b3",
  leaf: "#7db268",
  moss: "#587f52",
  bark: "#8b6449",
} as const satisfies Record<string, Colour>;

export type PaintName = keyof typeof paints;

/** A sky, the ground below it and the hills between, all of one time of day. */
export interface Mood {
  readonly skyTop: Colour;
  readonly skyLow: Colour;
  readonly hills: Colour;
  readonly groundTop: Colour;
  readonly groundLow: Colour;
  /** The sun, the moon, or a soft spot of light on a wall. */
  readonly glow: Colour;
}

export const moods = {
  morning: mood("#c6e0ec", "#f5ecd8", "#c2d8b4", "#b6d093", "#9fbf7e", "#fbeebc"),
  noon: mood("#9ccde6", "#d8ecf1", "#a9d0ae", "#a3cb83", "#86b46d", "#f8e7a4"),
  dusk: mood("#c3aed3", "#f4cfb6", "#b9a3b4", "#a9ab88", "#8f9678", "#f7dca6"),
  evening: mood("#8295c4", "#dab9c8", "#8c9cb4", "#7f9c8a", "#6a8779", "#f3dcc4"),
  autumn: mood("#e8d8c0", "#f8eed9", "#dfbf94", "#d8b67b", "#c59f65", "#f9e3ac"),
  winter: mood("#b4cbdd", "#e6edf1", "#cbdae2", "#eef1ee", "#d3dfe4", "#f8f3e2"),
  blossom: mood("#efc6cd", "#f9e6da", "#dbb9b6", "#c6cfa2", "#adbd8c", "#fbeed4"),
  night: mood("#47568a", "#7f82b0", "#566394", "#567280", "#465f70", "#f1e6bd"),
} as const satisfies Record<string, Mood>;

export type MoodName = keyof typeof moods;

function mood(
  skyTop: Colour,
  skyLow: Colour,
  hills: Colour,
  groundTop: Colour,
  groundLow: Colour,
  glow: Colour,
): Mood {
  return { skyTop, skyLow, hills, groundTop, groundLow, glow };
}

/** A share `amount` in [0, 1] of `second` stirred into `first`. */
export function mix(first: Colour, second: Colour, amount: number): Colour {
  const channel = (at: number) => {
    const a = Number.parseInt(first.slice(at, at + 2), 16);
    const b = Number.parseInt(second.slice(at, at + 2), 16);
    return Math.round(a + (b - a) * amount)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

/** Lit from above: towards a warm white. */
export const lighter = (colour: Colour, amount: number): Colour => mix(colour, "#fff7e6", amount);

/** In shade: towards a cool dusk blue, never to black. */
export const darker = (colour: Colour, amount: number): Colour => mix(colour, "#38395c", amount);

/** One of the named paints, its lightness varied a little. */
export function paintFrom(chance: Chance, names: readonly PaintName[]): Colour {
  const colour = paints[chance.pick(names)];
  const shift = chance.between(-0.14, 0.18);
  return shift < 0 ? darker(colour, -shift) : lighter(colour, shift);
}

/** Two paints of the list that differ. */
export function twoPaintsFrom(chance: Chance, names: readonly PaintName[]): [Colour, Colour] {
  const first = chance.whole(0, names.length - 1);
  const second = (first + chance.whole(1, names.length - 1)) % names.length;
  return [paintFrom(chance, [names[first]!]), paintFrom(chance, [names[second]!])];
}
