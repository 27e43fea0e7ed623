/**
 * What all things of one scene share: the hour that colours them, the side that the light comes from, the wind. A thing
 * takes its colours and shading from here and from nowhere else, so that one light falls on all of them.
 */
import type { Chance } from "../sprites/chance.ts";
import {
  type Colour,
  darker,
  lighter,
  type Mood,
  type MoodName,
  mix,
  moods,
  type PaintName,
  paintFrom,
  paints,
  twoPaintsFrom,
} from "../sprites/palette.ts";
import { circle, ellipse, type Paint, path, type Sketch, shape } from "../sprites/svg.ts";
import { type Area, outlineOf, type PatternName, pattern } from "./patterns.ts";

/** Lamps, fires behind glass, headlights. */
export const lamplight = "#ffe394";

export const starlight = "#fff3d0";

/** The colour of shadows: never black. */
export const gloom = "#2d2f52";

/** What colour an hour stirs into everything outdoors, and how much of it. */
const ambience: Readonly<Record<MoodName, readonly [Colour, number]>> = {
  morning: ["#f7e0b4", 0.08],
  noon: ["#ffffff", 0],
  dusk: ["#e58f86", 0.18],
  evening: ["#5f6cb4", 0.2],
  autumn: ["#e0a050", 0.13],
  winter: ["#bcd0e4", 0.16],
  blossom: ["#f2b4be", 0.1],
  night: ["#2c376f", 0.3],
};

export interface Stage {
  readonly chance: Chance;
  readonly sketch: Sketch;
  readonly mood: Mood;
  /** Evening or night: windows and lamps shine. */
  readonly isDark: boolean;
  /** Snow lies on everything. */
  readonly isWinter: boolean;
  /** Where the light comes from: -1 the left, 1 the right. */
  readonly side: -1 | 1;
  /** Where the wind blows to. */
  readonly wind: -1 | 1;
  /** The middle of sun or moon. */
  readonly sun: { readonly x: number; readonly y: number; readonly r: number };
  /** A colour as it looks at this hour, outdoors. */
  tint(colour: Colour): Colour;
  /** One of the paints at this hour. */
  paint(...names: readonly PaintName[]): Colour;
  /** Two of them that differ. */
  twoPaints(...names: readonly PaintName[]): [Colour, Colour];
  /**
   * A body of this colour: light on the side of the light, dark on the other. `depth` in [0, 1]; `facing` -1 for a body
   * that is drawn mirrored.
   */
  lit(colour: Colour, depth?: number, facing?: number): Paint;
  /** The shade over an outline on the side away from the light, for what patterns have made flat. */
  shade(d: string, opacity?: number, facing?: 1 | -1): string;
  /** The light or the dark half of a body of two planes. */
  plane(colour: Colour, side: -1 | 1, depth?: number): Colour;
  /** The shadow on the ground of something of half-width `reach` that stands at (x, y): it falls away from the light. */
  shadow(x: number, y: number, reach: number): string;
  /** An outline filled with `fill`, a pattern on it. `area` must cover the outline. */
  patterned(d: string, fill: Paint, kind: PatternName, area: Area, period: number, colour: Colour): string;
  /** A patterned rectangle. */
  patternedBox(area: Area, fill: Paint, kind: PatternName, period: number, colour: Colour): string;
  /** The fill of a pane of glass: lit from within when it is dark. */
  readonly glass: Colour;
  /** The dark of eyes and mouths. */
  readonly ink: Colour;
}

const allHours = Object.keys(moods) as MoodName[];

/** The stage of one scene, at one of the given hours; indoors the hour is seen through windows and tints nothing. */
export function newStage(
  chance: Chance,
  sketch: Sketch,
  { hours = allHours, indoors = false }: { hours?: readonly MoodName[]; indoors?: boolean } = {},
): Stage {
  const hour = chance.pick(hours);
  const side = chance.pick([-1, 1] as const);
  const isDark = hour === "night" || hour === "evening";
  const [ambient, share] = ambience[hour];
  const tint = (colour: Colour) => (indoors ? colour : mix(colour, ambient, share));
  const patterned: Stage["patterned"] = (d, fill, kind, area, period, colour) =>
    shape(d, fill) + sketch.clipped(d, pattern(kind, area, period, colour));
  return {
    chance,
    sketch,
    mood: moods[hour],
    isDark,
    isWinter: hour === "winter",
    side,
    wind: chance.pick([-1, 1] as const),
    sun: {
      x: 50 + side * chance.between(27, 40),
      y: chance.between(11, 20),
      r: chance.between(6, 8.5),
    },
    tint,
    paint: (...names) => tint(paintFrom(chance, names)),
    twoPaints: (...names) => {
      const [first, second] = twoPaintsFrom(chance, names);
      return [tint(first), tint(second)];
    },
    lit: (colour, depth = 0.24, facing = 1) => {
      const bright = lighter(colour, depth);
      const dim = darker(colour, depth);
      return side * facing < 0 ? sketch.across(bright, dim) : sketch.across(dim, bright);
    },
    shade: (d, opacity = 0.38, facing = 1) =>
      shape(d, sketch.veil(gloom, opacity, side * facing > 0 ? -1 : 1)),
    plane: (colour, of, depth = 0.18) => (of === side ? lighter(colour, depth) : darker(colour, depth)),
    shadow: (x, y, reach) =>
      ellipse(x - side * reach * 0.38, y, reach * 1.12, reach * 0.2, sketch.glow(gloom, 0.5)),
    patterned,
    patternedBox: (area, fill, kind, period, colour) =>
      patterned(outlineOf(area), fill, kind, area, period, colour),
    glass: isDark ? lamplight : tint(mix(paints.sky, paints.navy, 0.35)),
    ink: mix(paints.navy, paints.bark, 0.3),
  };
}

/** Elements as still water shows them, upside down below the line y = `level`, `squash` times as tall. */
export const reflected = (
  level: number,
  squash: number,
  opacity: number,
  ...elements: readonly string[]
): string =>
  `<g opacity="${opacity}" transform="matrix(1 0 0 ${-squash} 0 ${Math.round(level * (1 + squash) * 100) / 100})">${elements.join("")}</g>`;

/** A wavy band over the whole width: its upper edge at `y`, crests of `height` at a distance of `period`. */
export function waves(y: number, period: number, height: number, phase: number, fill: Paint): string {
  const start = -period * (1 + phase);
  let d = path`M${start} ${y}`;
  for (let x = start; x < 100 + period; x += period) d += path`q${period / 2} ${-height * 2} ${period} 0`;
  return shape(`${d}V101H${Math.round(start)}Z`, fill);
}

/** A round light with its halo. */
export const lamp = (sketch: Sketch, x: number, y: number, r: number, colour: Colour): string =>
  circle(x, y, r * 3.2, sketch.glow(colour, 0.55)) + circle(x, y, r, lighter(colour, 0.5));
