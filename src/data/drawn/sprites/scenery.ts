/** Backgrounds: a sky with ground, an open sky, the sea, under water, a room. Each returns its elements, back to front. */
import type { Chance } from "../chance.ts";
import { darker, lighter, type Mood, type MoodName, mix, moods, paintFrom } from "../palette.ts";
import { box, circle, ellipse, faint, path, type Sketch, shape } from "../svg.ts";

export interface Scenery {
  readonly mood: Mood;
  readonly elements: readonly string[];
}

const daylight: readonly MoodName[] = ["morning", "noon", "dusk", "evening", "autumn", "winter", "blossom"];
const anyHour = Object.keys(moods) as MoodName[];

/** A sun or moon, with a halo, in one of the upper corners; sometimes none. */
function light(chance: Chance, sketch: Sketch, mood: Mood): string[] {
  const isThere = chance.happens(0.5);
  const x = chance.happens(0.5) ? chance.between(10, 26) : chance.between(74, 90);
  const y = chance.between(10, 22);
  const r = chance.between(7, 10);
  return isThere ? [circle(x, y, r * 2, sketch.glow(mood.glow, 0.5)), circle(x, y, r, mood.glow)] : [];
}

/** Up to `most` pale clouds in the band y0..y1. */
function clouds(chance: Chance, mood: Mood, most: number, y0: number, y1: number): string[] {
  const colour = mix(mood.skyLow, "#fffaf0", 0.6);
  return Array.from({ length: chance.whole(0, most) }, () => {
    const x = chance.between(5, 95);
    const y = chance.between(y0, y1);
    const s = chance.between(8, 13);
    return faint(
      0.75,
      ellipse(x, y, s * 1.5, s * 0.5, colour),
      ellipse(x - s * 0.3, y - s * 0.35, s * 0.75, s * 0.55, colour),
    );
  });
}

/** Ground from y = `horizon` down, a hill behind it sometimes, sky above. */
export function outdoors(chance: Chance, sketch: Sketch, horizon: number): Scenery {
  const mood = moods[chance.pick(anyHour)];
  const elements = [
    box(0, 0, 100, horizon + 6, sketch.fade(mood.skyTop, mood.skyLow)),
    ...light(chance, sketch, mood),
    ...clouds(chance, mood, 1, 12, 34),
  ];
  if (chance.happens(0.6)) {
    elements.push(
      ellipse(
        chance.between(5, 95),
        horizon + 10,
        chance.between(45, 75),
        chance.between(18, 30),
        mood.hills,
      ),
    );
  }
  const swell = chance.between(-5, 5);
  elements.push(
    shape(
      path`M0 ${horizon}Q50 ${horizon + swell} 100 ${horizon}V100H0Z`,
      sketch.fade(mood.groundTop, mood.groundLow),
    ),
  );
  return { mood, elements };
}

/** Nothing but sky, perhaps clouds, perhaps hills far below. */
export function openSky(chance: Chance, sketch: Sketch): Scenery {
  const mood = moods[chance.pick(daylight)];
  const elements = [
    box(0, 0, 100, 100, sketch.fade(mood.skyTop, mood.skyLow)),
    ...light(chance, sketch, mood),
    ...clouds(chance, mood, 3, 15, 80),
  ];
  if (chance.happens(0.6)) {
    const x = chance.between(10, 90);
    elements.push(ellipse(x, 106, 70, chance.between(16, 24), mood.hills));
    elements.push(ellipse(100 - x, 108, 60, chance.between(14, 20), mood.groundTop));
  }
  return { mood, elements };
}

/** High above: a dark or dusky sky with a few large soft stars and perhaps a planet. */
export function space(chance: Chance, sketch: Sketch): Scenery {
  const mood = moods[chance.pick(["night", "night", "evening", "dusk"] as const)];
  const elements = [
    box(0, 0, 100, 100, sketch.fade(darker(mood.skyTop, 0.12), mix(mood.skyTop, mood.skyLow, 0.7))),
  ];
  for (let i = chance.whole(2, 5); i > 0; i--) {
    const x = chance.between(4, 96);
    elements.push(circle(x, chance.between(4, 96), chance.between(1.6, 2.6), lighter(mood.skyLow, 0.5)));
  }
  if (chance.happens(0.55)) {
    const x = chance.pick([14, 86]) + chance.between(-8, 8);
    const colour = paintFrom(chance, ["apricot", "rose", "lavender", "mint", "butter"]);
    const planet = mix(colour, mood.skyTop, 0.25);
    elements.push(circle(x, chance.between(10, 30), chance.between(8, 14), sketch.shaded(planet, 0.2)));
  }
  return { mood, elements };
}

/** Sky over open water whose surface lies at y = `level`. */
export function sea(chance: Chance, sketch: Sketch, level: number): Scenery {
  const mood = moods[chance.pick(anyHour)];
  const water = mix(paintFrom(chance, ["blue", "teal", "sky"]), mood.skyTop, 0.4);
  const elements = [
    box(0, 0, 100, level + 6, sketch.fade(mood.skyTop, mood.skyLow)),
    ...light(chance, sketch, mood),
    ...clouds(chance, mood, 2, 12, 40),
  ];
  if (chance.happens(0.35)) {
    elements.push(ellipse(chance.pick([6, 94]), level + 2, chance.between(22, 36), 14, mood.hills));
  }
  elements.push(box(0, level, 100, 101 - level, sketch.fade(lighter(water, 0.15), darker(water, 0.18))));
  return { mood: { ...mood, groundTop: water, groundLow: darker(water, 0.12) }, elements };
}

/** Under water: light from above, sand below, perhaps weed. */
export function underWater(chance: Chance, sketch: Sketch): Scenery {
  const water = paintFrom(chance, ["sky", "blue", "teal", "mint", "lavender"]);
  const sand = mix(water, paintFrom(chance, ["cream", "butter", "apricot"]), 0.55);
  const elements = [box(0, 0, 100, 100, sketch.fade(lighter(water, 0.4), darker(water, 0.15)))];
  const weed = mix(water, paintFrom(chance, ["moss", "leaf", "teal", "berry"]), 0.5);
  for (let i = chance.whole(0, 3); i > 0; i--) {
    const x = chance.pick([0, 78]) + chance.between(2, 22);
    const height = chance.between(22, 48);
    const bend = chance.between(-9, 9);
    const top = 96 - height;
    elements.push(
      shape(
        path`M${x - 5} 98Q${x - 4 + bend} ${top + 20} ${x} ${top}Q${x + 6 + bend} ${top + 20} ${x + 5} 98Z`,
        weed,
      ),
    );
  }
  const rise = chance.between(-6, 6);
  elements.push(
    shape(
      path`M0 ${90 + rise}Q50 ${88 - rise} 100 ${90 - rise}V100H0Z`,
      sketch.fade(sand, darker(sand, 0.12)),
    ),
  );
  return {
    mood: { ...moods.noon, skyTop: water, skyLow: water, groundTop: sand, groundLow: sand },
    elements,
  };
}

/** A plain wall with a soft spot of light; a floor or table from y = `edge` down where `edge` < 100. */
export function room(chance: Chance, sketch: Sketch, edge: number): Scenery {
  const mood = moods[chance.pick(daylight)];
  const wall = mix(
    mood.skyTop,
    paintFrom(chance, ["cream", "sky", "mint", "rose", "lavender", "butter"]),
    0.5,
  );
  const floor = mix(mood.groundLow, paintFrom(chance, ["apricot", "bark", "teal", "berry", "cream"]), 0.35);
  const elements = [
    box(0, 0, 100, 100, sketch.fade(lighter(wall, 0.12), darker(wall, 0.06))),
    ellipse(
      chance.between(25, 75),
      chance.between(25, 50),
      62,
      56,
      sketch.glow(lighter(mood.glow, 0.3), chance.between(0.2, 0.6)),
    ),
  ];
  if (edge < 100) elements.push(box(0, edge, 100, 101 - edge, sketch.fade(floor, darker(floor, 0.12))));
  return { mood: { ...mood, skyTop: wall, skyLow: wall, groundTop: floor, groundLow: floor }, elements };
}

/** The soft shadow that something of half-width `reach` throws on the ground at (x, y). */
export const groundShadow = (sketch: Sketch, x: number, y: number, reach: number): string =>
  ellipse(x, y, reach, reach * 0.2, sketch.glow("#38395c", 0.42));
