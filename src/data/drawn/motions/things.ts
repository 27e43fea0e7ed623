/**
 * What moves: eight figures, bolder than the sprites of the same names, for a figure here is 20 to 30 pixels wide and
 * moves. Each is drawn about its own middle in a box of 100 x 100 units, facing right where it has a front.
 */
import { type Colour, darker, lighter, mix, type PaintName, paints } from "../palette.ts";
import { box, circle, ellipse, line, path, placed, type Sketch, shape } from "../svg.ts";

export interface Figure {
  readonly elements: readonly string[];
  /** From its middle down to what it stands on. */
  readonly foot: number;
}

/** Draws one figure in its two paints. */
type DrawFigure = (sketch: Sketch, colour: Colour, second: Colour) => Figure;

/** The two paints of each figure: its own, so that even a coarse image shows what it is. */
export const figurePaints = {
  cat: ["apricot", "cream"],
  fish: ["teal", "butter"],
  butterfly: ["plum", "butter"],
  car: ["coral", "cream"],
  rocket: ["blue", "cream"],
  balloon: ["butter", "coral"],
  flower: ["berry", "butter"],
  house: ["bark", "cream"],
} as const satisfies Record<string, readonly [PaintName, PaintName]>;

const ink = mix(paints.navy, paints.bark, 0.3);
const white = "#fbf6ea";

const cat: DrawFigure = (sketch, colour) => {
  const fill = sketch.shaded(colour, 0.16);
  const pale = lighter(colour, 0.55);
  const ears = [-1, 1].flatMap((x) => [
    shape(path`M${x * 27} -22L${x * 24} -48L${x * 5} -33Z`, colour, 4),
    shape(path`M${x * 22} -26L${x * 21} -42L${x * 11} -32Z`, mix(colour, paints.rose, 0.65)),
  ]);
  return {
    elements: [
      line("M18 42Q46 42 40 20Q37 8 43 0", darker(colour, 0.24), 10),
      shape("M-15 -5C-22 15 -32 48 -18 48H18C32 48 22 15 15 -5Z", fill, 2),
      ellipse(0, 30, 11, 15, pale),
      ...ears,
      ellipse(0, -15, 30, 25, fill),
      ellipse(0, -6, 14, 9, pale),
      ...[-1, 1].map((x) => circle(x * 12, -18, 6.5, white) + circle(x * 11.5, -17.5, 4.2, ink)),
      shape("M-4 -9H4L0 -4Z", paints.coral, 2),
    ],
    foot: 48,
  };
};

const fish: DrawFigure = (sketch, colour, second) => {
  const deep = 26;
  const fan = 24;
  const fins = sketch.shaded(second, 0.16);
  return {
    elements: [
      shape(path`M-20 0L-46 ${-fan}Q-38 0 -46 ${fan}Z`, fins, 4),
      shape(path`M-14 ${-deep * 0.8}Q-8 ${-deep - 14} 22 ${-deep * 0.8}Z`, fins, 3),
      ellipse(10, 0, 38, deep, sketch.shaded(colour, 0.22)),
      ellipse(14, deep * 0.52, 25, deep * 0.36, lighter(colour, 0.4)),
      shape(path`M-12 ${-deep * 0.8}Q0 0 -12 ${deep * 0.8}H-4Q9 0 -4 ${-deep * 0.93}Z`, second),
      circle(30, -6, 8.5, white),
      circle(32, -5.5, 5, ink),
    ],
    foot: deep,
  };
};

const butterfly: DrawFigure = (sketch, colour, second) => {
  const high = sketch.shaded(colour, 0.18);
  const low = sketch.shaded(second, 0.18);
  const spot = lighter(second, 0.45);
  const wing =
    shape("M2 4C16 0 40 8 34 30C29 48 8 40 2 10Z", low, 2) +
    shape("M2 4C6 -34 34 -48 46 -34C52 -16 34 8 2 8Z", high, 2) +
    circle(30, -19, 7.5, spot);
  return {
    elements: [
      wing,
      placed({ x: 0, y: 0, scale: 1, scaleX: -1 }, wing),
      line("M0 -22Q-3 -38 -12 -42M0 -22Q3 -38 12 -42", ink, 3),
      ellipse(0, 4, 5.5, 27, ink),
    ],
    foot: 38,
  };
};

const car: DrawFigure = (sketch, colour) => {
  const glass = mix(paints.sky, "#ffffff", 0.4);
  const rear = -32;
  const roof = -30;
  const cabin = (inset: number) =>
    path`M${rear + inset} 0L${rear + 7 + inset * 0.6} ${roof + inset}H${14 - inset * 0.6}L${33 - inset} 0Z`;
  const wheel = (x: number) =>
    circle(x, 15, 14, darker(colour, 0.45)) + circle(x, 15, 12, ink) + circle(x, 15, 5, white);
  return {
    elements: [
      shape(cabin(0), lighter(colour, 0.12), 5),
      shape(cabin(6), glass, 1),
      box((rear + 14) / 2, roof, 5, 30, lighter(colour, 0.12)),
      box(-47, -5, 94, 22, sketch.shaded(colour, 0.18), 8),
      circle(42, 2, 5, lighter(paints.butter, 0.4)),
      wheel(-26),
      wheel(26),
    ],
    foot: 27,
  };
};

const rocket: DrawFigure = (sketch, colour, second) => {
  const hull = mix(second, white, 0.72);
  const half = 19;
  const trim = sketch.shaded(colour, 0.16);
  return {
    elements: [
      ellipse(0, 34, 10, 15, paints.apricot),
      ellipse(0, 31, 5.5, 9, lighter(paints.butter, 0.4)),
      ...[-1, 1].map((x) =>
        shape(path`M${x * (half - 4)} 0Q${x * 37} 14 ${x * 35} 36Q${x * 20} 28 ${x * 8} 28Z`, trim, 3),
      ),
      shape(
        path`M0 -48C${half * 1.3} -26 ${half * 1.3} 6 ${half * 0.68} 30H${-half * 0.68}C${-half * 1.3} 6 ${-half * 1.3} -26 0 -48Z`,
        sketch.shaded(hull, 0.14),
        2,
      ),
      shape(
        path`M0 -48Q${half * 0.85} -34 ${half * 0.98} -18H${-half * 0.98}Q${-half * 0.85} -34 0 -48Z`,
        trim,
        2,
      ),
      circle(0, 0, 10.5, darker(colour, 0.2)),
      circle(0, 0, 7.5, paints.sky),
    ],
    foot: 48,
  };
};

const balloon: DrawFigure = (sketch, colour, second) => {
  const wide = 33;
  const outline = (k: number) =>
    path`M0 -48C${wide * 1.33 * k} -48 ${wide * 1.33 * k} -4 ${Math.max(wide * 0.3 * k, 3)} 22H${-Math.max(wide * 0.3 * k, 3)}C${-wide * 1.33 * k} -4 ${-wide * 1.33 * k} -48 0 -48Z`;
  return {
    elements: [
      line("M-8 22L-6 36M8 22L6 36", ink, 2.4),
      shape(outline(1), sketch.shaded(colour, 0.2), 2),
      shape(outline(0.48), sketch.shaded(lighter(second, 0.25), 0.16)),
      box(-10, 33, 20, 15, paints.bark, 4),
    ],
    foot: 48,
  };
};

const flower: DrawFigure = (sketch, colour, second) => {
  const petals = 6;
  const green = paints.leaf;
  const petal = sketch.shaded(colour, 0.14);
  const heart = mix(second, paints.butter, 0.75);
  return {
    elements: [
      line("M0 47Q-4 20 0 -16", darker(green, 0.12), 7),
      ...[-1, 1].map((x) => shape(path`M0 40Q${x * 6} 16 ${x * 30} 16Q${x * 28} 38 0 40Z`, green, 2)),
      ...Array.from({ length: petals }, (_, i) =>
        placed({ x: 0, y: -18, degrees: (360 * i) / petals }, ellipse(0, -18, 12.5, 13, petal)),
      ),
      circle(0, -18, 11, heart),
    ],
    foot: 48,
  };
};

const house: DrawFigure = (sketch, colour, second) => {
  const wall = mix(second, white, 0.68);
  const door = darker(colour, 0.3);
  const pane = mix(paints.sky, paints.blue, 0.4);
  return {
    elements: [
      box(16, -44, 12, 26, darker(colour, 0.25), 1),
      box(-34, -10, 68, 57, sketch.shaded(wall, 0.12), 2),
      shape("M-43 -8L0 -45L43 -8Z", sketch.shaded(colour, 0.18), 6),
      box(4, 14, 20, 33, door, 3),
      box(-24, 8, 18, 18, pane, 2),
    ],
    foot: 47,
  };
};

export const figures = {
  cat,
  fish,
  butterfly,
  car,
  rocket,
  balloon,
  flower,
  house,
} as const satisfies Record<string, DrawFigure>;

export type ThingName = keyof typeof figures;
