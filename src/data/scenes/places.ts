/** Where scenes happen: under the sky, by the water, in a room, at a table. Each returns its elements, back to front. */
import { type Colour, darker, lighter, mix, type PaintName, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, shape } from "../sprites/svg.ts";
import { type PatternName, pattern } from "./patterns.ts";
import { gloom, reflected, type Stage } from "./stage.ts";

/** What lies on roofs and trees in winter. */
export const snow = "#f4f7fa";

/** Sky down to y = `low`: sun or moon where the light comes from, stars when it is dark, clouds. */
export function sky(stage: Stage, low: number, mostClouds = 2): string[] {
  const { chance, sketch, mood, sun, isDark } = stage;
  const elements = [
    box(0, 0, 100, low + 1, sketch.fade(isDark ? darker(mood.skyTop, 0.2) : mood.skyTop, mood.skyLow)),
  ];
  if (isDark) {
    for (let i = 0; i < 7; i++) {
      const x = ((i * 37 + chance.between(0, 12)) % 96) + 2;
      elements.push(
        circle(x, chance.between(3, low * 0.65), chance.between(0.8, 1.3), lighter(mood.glow, 0.4)),
      );
    }
  }
  elements.push(
    circle(sun.x, sun.y, sun.r * 2.2, sketch.glow(mood.glow, 0.6)),
    circle(sun.x, sun.y, sun.r, isDark ? mood.glow : lighter(mix(mood.glow, paints.butter, 0.45), 0.1)),
  );
  if (isDark)
    elements.push(circle(sun.x + sun.r * 0.3, sun.y - sun.r * 0.2, sun.r * 0.24, darker(mood.glow, 0.12)));
  const cloud = mix(mood.skyLow, isDark ? mood.skyTop : "#fffdf6", isDark ? 0.3 : 0.65);
  for (let i = chance.whole(0, mostClouds); i > 0; i--) {
    // Never before the sun, which would leave its halo on the cloud.
    elements.push(
      cloudAt(
        50 - stage.side * chance.between(-3, 44),
        chance.between(10, low * 0.5),
        chance.between(7, 11),
        cloud,
      ),
    );
  }
  return elements;
}

export const cloudAt = (x: number, y: number, s: number, colour: Colour): string =>
  faint(
    0.85,
    ellipse(x, y, s * 1.5, s * 0.45, colour) +
      circle(x - s * 0.5, y - s * 0.3, s * 0.5, colour) +
      circle(x + s * 0.3, y - s * 0.42, s * 0.62, colour),
  );

/** Mountains, all lit from the same side, snow on the tops of all of them or none. */
export function mountains(stage: Stage, base: number): string[] {
  const { chance, mood, plane } = stage;
  const rock = mix(mood.hills, stage.tint(paints.lavender), 0.5);
  const hasSnow = chance.happens(0.7);
  const start = chance.between(-6, 14);
  return [0, 1, 2, 3].flatMap((i) => {
    const x = start + i * 30 + chance.between(-5, 5);
    const tall = chance.between(20, 34) * (i % 2 === 0 ? 1 : 0.75);
    const half = tall * 0.85;
    const top = base - tall;
    const flank = (side: -1 | 1) =>
      shape(
        path`M${x} ${top}L${x + side * half} ${base}H${x - side * 2}L${x + side * 3} ${top + tall * 0.5}Z`,
        plane(rock, side, 0.14),
      );
    const cap = (side: -1 | 1) =>
      shape(
        path`M${x} ${top}L${x + side * half * 0.32} ${top + tall * 0.32}L${x + side * half * 0.14} ${top + tall * 0.26}L${x} ${top + tall * 0.36}Z`,
        plane(stage.tint("#eef0f4"), side, 0.14),
      );
    return [
      shape(path`M${x} ${top}L${x + half} ${base}H${x - half}Z`, rock),
      flank(-1),
      flank(1),
      hasSnow ? cap(-1) + cap(1) : "",
    ];
  });
}

/** Two rows of soft hills, the nearer the greener. */
export function hills(stage: Stage, base: number): string[] {
  const { chance, mood } = stage;
  const x = chance.between(10, 90);
  return [
    ellipse(x, base + 8, chance.between(44, 60), chance.between(20, 28), mood.hills),
    ellipse(
      100 - x,
      base + 9,
      chance.between(40, 56),
      chance.between(13, 19),
      mix(mood.hills, mood.groundTop, 0.5),
    ),
  ];
}

/** Ground from y = `horizon` down. */
export function ground(stage: Stage, horizon: number): string {
  const { chance, sketch, mood } = stage;
  const swell = chance.between(-4, 4);
  return shape(
    path`M0 ${horizon}Q50 ${horizon + swell} 100 ${horizon}V101H0Z`,
    sketch.fade(mood.groundTop, mood.groundLow),
  );
}

/** Sky, hills or mountains, ground. */
export function outdoors(stage: Stage, horizon: number): string[] {
  return [
    ...sky(stage, horizon),
    ...(stage.chance.happens(0.35) ? mountains(stage, horizon + 2) : hills(stage, horizon)),
    ground(stage, horizon),
  ];
}

/** The colour of water under this sky. */
export const waterOf = (stage: Stage): Colour =>
  mix(stage.tint(stage.chance.pick([paints.blue, paints.teal, paints.sky])), stage.mood.skyTop, 0.35);

/**
 * Sky above a sheet of water whose far shore lies at y = `level`. The shore, the sky and the sun are mirrored in it.
 */
export function waterside(stage: Stage, level: number): { elements: string[]; water: Colour } {
  const { sketch, mood, sun, chance } = stage;
  const water = waterOf(stage);
  const shore = chance.happens(0.4) ? mountains(stage, level + 0.5) : hillShore(stage, level);
  const seen = sketch.symbol(...shore);
  return {
    water,
    elements: [
      ...sky(stage, level),
      seen,
      box(0, level, 100, 101 - level, sketch.fade(mix(water, mood.skyLow, 0.45), darker(water, 0.2))),
      reflected(level, 0.5, 0.35, seen),
      ...[0, 1, 2, 3].map((i) =>
        line(
          path`M${sun.x - 6 + i * 1.2} ${level + 4 + i * 6}h${12 - i * 2.4}`,
          mix(water, mood.glow, 0.75 - i * 0.1),
          2,
        ),
      ),
    ],
  };
}

function hillShore(stage: Stage, level: number): string[] {
  const { chance, mood, sketch } = stage;
  const x = chance.between(5, 40);
  const d = outlineOfAll(level);
  return [
    sketch.clipped(
      d,
      ellipse(x, level + 3, 38, chance.between(12, 20), mood.hills),
      ellipse(x + 55, level + 4, 40, chance.between(10, 16), mix(mood.hills, mood.groundTop, 0.4)),
    ),
  ];
}

const outlineOfAll = (level: number) => path`M-20 -20H120V${level + 0.5}H-20Z`;

/** Short pale lines on the water around (x, y), the nearer the longer. */
export function ripples(x: number, y: number, reach: number, water: Colour): string {
  const colour = lighter(water, 0.4);
  return (
    line(path`M${x - reach * 0.9} ${y}h${reach * 0.5}M${x + reach * 0.35} ${y}h${reach * 0.6}`, colour, 1.5) +
    line(
      path`M${x - reach * 0.35} ${y + 5}h${reach * 0.75}M${x + reach * 0.8} ${y + 5}h${reach * 0.3}`,
      colour,
      1.6,
    )
  );
}

/** A pine whose foot stands at (x, y), in the colours of its wood; snow on it in winter. */
export function pine(stage: Stage, x: number, y: number, tall: number, colour: Colour): string {
  const half = tall * 0.3;
  const tier = (low: number, width: number, fill: string) =>
    shape(
      path`M${x - half * width} ${y - tall * low}Q${x} ${y - tall * low + 3} ${x + half * width} ${y - tall * low}L${x} ${y - tall * (low + 0.42)}Z`,
      fill,
      1.4,
    );
  const cap = (low: number, width: number) =>
    stage.isWinter
      ? shape(
          path`M${x} ${y - tall * (low + 0.42)}L${x + half * width * 0.55} ${y - tall * (low + 0.19)}Q${x} ${y - tall * (low + 0.12)} ${x - half * width * 0.55} ${y - tall * (low + 0.19)}Z`,
          snow,
          1,
        )
      : "";
  return [
    box(x - tall * 0.04, y - tall * 0.16, tall * 0.08, tall * 0.16, stage.tint(paints.bark)),
    tier(0.12, 1, stage.lit(darker(colour, 0.08))),
    cap(0.12, 1),
    tier(0.34, 0.8, stage.lit(colour)),
    cap(0.34, 0.8),
    tier(0.56, 0.58, stage.lit(lighter(colour, 0.06))),
    cap(0.56, 0.58),
  ].join("");
}

/** A leafy tree whose foot stands at (x, y). */
export function leafy(stage: Stage, x: number, y: number, tall: number, colour: Colour): string {
  const r = tall * 0.3;
  return [
    box(x - tall * 0.045, y - tall * 0.5, tall * 0.09, tall * 0.5, stage.lit(stage.tint(paints.bark)), 1),
    circle(x - r * 0.55, y - tall * 0.52, r * 0.75, darker(colour, 0.1)),
    circle(x + r * 0.55, y - tall * 0.52, r * 0.75, darker(colour, 0.1)),
    circle(x, y - tall * 0.68, r, stage.lit(colour)),
    stage.isWinter ? ellipse(x, y - tall * 0.9, r * 0.6, r * 0.25, snow) : "",
  ].join("");
}

/** What trees wear at this hour. */
export const leafColour = (stage: Stage): Colour => stage.paint("leaf", "moss", "leaf", "moss", "teal");

/** Snow on an edge from (x0, y0) to (x1, y1); nothing out of winter. */
export const snowLine = (stage: Stage, x0: number, y0: number, x1: number, y1: number, width = 3): string =>
  stage.isWinter ? line(path`M${x0} ${y0}L${x1} ${y1}`, snow, width) : "";

export interface RoomChoice {
  /** Where wall and floor meet, y. */
  readonly edge: number;
  /** Whether there is a window; it is on the side of the light. Default true. */
  readonly hasWindow?: boolean;
}

/** A wall with its paper, a floor, a window on the side of the light with the hour behind it, two equal curtains. */
export function room(stage: Stage, { edge, hasWindow = true }: RoomChoice): string[] {
  const { chance, sketch, side, isDark } = stage;
  const wall = stage.paint("cream", "sky", "mint", "rose", "lavender", "butter");
  const floor = stage.paint("bark", "apricot", "teal", "plum");
  const paper = chance.pick(["stripes", "dots", "diamonds", "none", "stripes"] as const);
  const area = { x: 0, y: 0, width: 100, height: edge };
  const pale = lighter(wall, 0.3);
  const elements = [
    box(
      0,
      0,
      100,
      edge + 1,
      side < 0
        ? sketch.across(lighter(pale, 0.1), darker(pale, 0.08))
        : sketch.across(darker(pale, 0.08), lighter(pale, 0.1)),
    ),
    paper === "none" ? "" : pattern(paper, area, chance.between(11, 15), mix(pale, darker(wall, 0.05), 0.62)),
    box(0, edge, 100, 101 - edge, sketch.fade(floor, darker(floor, 0.14))),
    box(0, edge - 4, 100, 4.5, lighter(wall, 0.65)),
  ];
  if (hasWindow) {
    const x = 50 + side * chance.between(22, 27);
    const y = chance.between(9, 13);
    elements.push(...windowAt(stage, x, y, chance.between(26, 30), chance.between(30, 36)));
    if (!isDark && edge < 95) {
      // What falls through the window lies on the floor, away from it.
      const lightX = x - side * 34;
      elements.push(
        faint(
          0.35,
          shape(
            path`M${lightX - 14} ${edge + 1}h26L${lightX + 12 - side * 12} 100h-30Z`,
            lighter(stage.mood.glow, 0.3),
          ),
        ),
      );
    }
  }
  return elements;
}

/** A window, its middle at x and its head at y, with curtains that match. */
export function windowAt(stage: Stage, x: number, y: number, wide: number, tall: number): string[] {
  const { chance, sketch, mood, isDark } = stage;
  const left = x - wide / 2;
  const frame = lighter(stage.paint("cream"), 0.5);
  const moon = { x: x + chance.between(-wide * 0.25, wide * 0.25), y: y + tall * chance.between(0.2, 0.34) };
  const inside = path`M${left} ${y}h${wide}v${tall}h${-wide}Z`;
  const [cloth, trim] = stage.twoPaints("coral", "blue", "teal", "berry", "apricot", "plum");
  const kind = chance.pick(["stripes", "dots", "checks", "bands"] as const);
  const curtain = (at: -1 | 1) => {
    const edge = x + at * (wide / 2 + 4);
    const area = { x: edge - 9, y: y - 4, width: 18, height: tall + 12 };
    return stage.patterned(
      path`M${edge} ${y - 3}h${-at * 10}Q${edge - at * 9} ${y + tall * 0.5} ${edge - at * 4} ${y + tall * 0.7}Q${edge - at * 8} ${y + tall} ${edge - at * 7} ${y + tall + 6}H${edge + at * 3}Q${edge + at * 4} ${y + tall * 0.4} ${edge} ${y - 3}Z`,
      cloth,
      kind,
      area,
      6,
      mix(cloth, lighter(trim, 0.4), 0.6),
    );
  };
  return [
    box(left - 2.5, y - 2.5, wide + 5, tall + 5, frame, 1),
    sketch.clipped(
      inside,
      box(left, y, wide, tall, sketch.fade(isDark ? darker(mood.skyTop, 0.2) : mood.skyTop, mood.skyLow)),
      circle(moon.x, moon.y, 4, isDark ? mood.glow : lighter(mood.glow, 0.3)),
      ellipse(x - wide * 0.3, y + tall, wide * 0.6, tall * 0.3, mood.hills),
      ellipse(x + wide * 0.4, y + tall, wide * 0.5, tall * 0.22, mood.groundTop),
    ),
    box(x - 1, y, 2, tall, frame),
    box(left, y + tall * 0.45, wide, 2, frame),
    box(left - 4, y + tall + 1.5, wide + 8, 3, darker(frame, 0.1), 1),
    curtain(-1),
    curtain(1),
    line(path`M${left - 7} ${y - 4}H${left + wide + 7}`, darker(trim, 0.2), 2.2),
  ];
}

/** A table under a patterned cloth, from y = `edge` down. */
export function clothTable(stage: Stage, edge: number): string[] {
  const { chance, side, sketch } = stage;
  const [cloth, figure] = stage.twoPaints(
    "cream",
    "coral",
    "sky",
    "mint",
    "rose",
    "butter",
    "blue",
    "lavender",
  );
  const kind = chance.pick([
    "checks",
    "dots",
    "stripes",
    "plaid",
    "diamonds",
  ] as const satisfies readonly PatternName[]);
  const pale = lighter(cloth, 0.45);
  const area = { x: 0, y: edge, width: 100, height: 101 - edge };
  const period = chance.between(11, 15);
  return [
    stage.patternedBox(area, pale, kind, period, mix(pale, figure, 0.62)),
    box(0, edge, 100, 101 - edge, sketch.veil(gloom, 0.16, side === 1 ? -1 : 1)),
    line(path`M0 ${edge}H100`, darker(pale, 0.16), 1.4),
  ];
}

/** Paints of things on tables. */
export const china: readonly PaintName[] = [
  "coral",
  "blue",
  "teal",
  "butter",
  "lavender",
  "mint",
  "rose",
  "apricot",
];
