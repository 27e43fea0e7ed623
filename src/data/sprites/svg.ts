/**
 * Building a drawing as SVG text. The page is 100 x 100 units, y down, light falls from straight above (so that a
 * mirrored object is still lit rightly). Objects are drawn around their own origin and then placed.
 */
import { type Colour, darker, lighter } from "./palette.ts";

/** A fill: a colour or a reference to a gradient of the sketch. */
export type Paint = string;

/** Collects the gradients that a drawing uses. */
export interface Sketch {
  /** `colour` as a rounded body shows it: lighter above, darker below. `depth` in [0, 1]. */
  shaded(colour: Colour, depth?: number): Paint;
  /** From `top` to `low`, over the shape's own height. */
  fade(top: Colour, low: Colour): Paint;
  /** From `left` to `right` and a little downward, over the shape's own box. */
  across(left: Colour, right: Colour): Paint;
  /** `colour` at this opacity on the right (`side` 1) or left (-1) edge of a shape, vanishing past its middle. */
  veil(colour: Colour, opacity: number, side: -1 | 1): Paint;
  /** `colour` in the middle, vanishing towards the rim: shadows and lights. */
  glow(colour: Colour, opacity: number): Paint;
  /** Elements drawn once, to be shown by the returned reference as often as one likes. */
  symbol(...elements: readonly string[]): string;
  /** Elements of which only what lies within the outline `d` is seen. */
  clipped(d: string, ...elements: readonly string[]): string;
  /** The whole drawing as an SVG document of `size` x `size` pixels. */
  page(size: number, ...elements: readonly string[]): string;
  /** Pages below one another, each the elements of one text. */
  strip(size: number, pages: readonly string[]): string;
}

export function newSketch(): Sketch {
  const gradients = new Map<string, Paint>();
  const definitions: string[] = [];
  const define = (kind: string, body: string): Paint => {
    const known = gradients.get(kind + body);
    if (known) return known;
    const id = `g${gradients.size}`;
    definitions.push(`<${kind} id="${id}"${body}</${kind.split(" ")[0]}>`);
    gradients.set(kind + body, `url(#${id})`);
    return `url(#${id})`;
  };
  const fade = (top: Colour, low: Colour) =>
    define(
      "linearGradient",
      ` x2="0" y2="1"><stop stop-color="${top}"/><stop offset="1" stop-color="${low}"/>`,
    );
  let symbols = 0;
  let clips = 0;
  const document = (size: number, pages: number, content: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size * pages}" viewBox="0 0 100 ${100 * pages}">` +
    `<defs>${definitions.join("")}</defs>${content}</svg>`;
  return {
    fade,
    shaded: (colour, depth = 0.22) => fade(lighter(colour, depth), darker(colour, depth * 0.8)),
    across: (left, right) =>
      define(
        "linearGradient",
        ` y2=".35"><stop stop-color="${left}"/><stop offset="1" stop-color="${right}"/>`,
      ),
    veil: (colour, opacity, side) =>
      define(
        "linearGradient",
        ` x1="${side > 0 ? 0 : 1}" x2="${side > 0 ? 1 : 0}"><stop offset=".3" stop-color="${colour}" stop-opacity="0"/>` +
          `<stop offset="1" stop-color="${colour}" stop-opacity="${opacity}"/>`,
      ),
    glow: (colour, opacity) =>
      define(
        "radialGradient",
        `><stop stop-color="${colour}" stop-opacity="${opacity}"/>` +
          `<stop offset=".55" stop-color="${colour}" stop-opacity="${opacity * 0.75}"/>` +
          `<stop offset="1" stop-color="${colour}" stop-opacity="0"/>`,
      ),
    symbol: (...elements) => {
      const id = `s${symbols++}`;
      definitions.push(`<g id="${id}">${elements.join("")}</g>`);
      return `<use href="#${id}"/>`;
    },
    clipped: (d, ...elements) => {
      const id = `c${clips++}`;
      definitions.push(`<clipPath id="${id}"><path d="${d}"/></clipPath>`);
      return `<g clip-path="url(#${id})">${elements.join("")}</g>`;
    },
    page: (size, ...elements) => document(size, 1, elements.join("")),
    strip: (size, pages) =>
      // A nested page cuts off what would reach into its neighbours.
      document(
        size,
        pages.length,
        pages.map((page, i) => `<svg y="${100 * i}" width="100" height="100">${page}</svg>`).join(""),
      ),
  };
}

/** Two decimals: a hundredth of a unit is far below a pixel, and shorter text parses faster. */
export const n = (value: number): string => String(Math.round(value * 100) / 100);

export const ellipse = (x: number, y: number, rx: number, ry: number, fill: Paint): string =>
  `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="${fill}"/>`;

export const circle = (x: number, y: number, r: number, fill: Paint): string => ellipse(x, y, r, r, fill);

/** A rectangle from its left upper corner, its corners rounded by `round`. */
export const box = (x: number, y: number, width: number, height: number, fill: Paint, round = 0): string =>
  `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${n(round)}" fill="${fill}"/>`;

/** A filled outline; `soft` > 0 rounds its corners (and grows it by half that). */
export const shape = (d: string, fill: Paint, soft = 0): string =>
  soft > 0
    ? `<path d="${d}" fill="${fill}" stroke="${fill}" stroke-width="${n(soft)}" stroke-linejoin="round"/>`
    : `<path d="${d}" fill="${fill}"/>`;

/** An open line with round ends. */
export const line = (d: string, colour: Colour, width: number): string =>
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"/>`;

/** Path data from numbers and letters: path`M${x} ${y}L...`, every number shortened. */
export function path(text: TemplateStringsArray, ...values: readonly number[]): string {
  return text.reduce((d, piece, i) => d + n(values[i - 1]!) + piece);
}

/** An ellipse of which only the outline is drawn. */
export const ring = (x: number, y: number, rx: number, ry: number, colour: Colour, width: number): string =>
  `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="none" stroke="${colour}" stroke-width="${n(width)}"/>`;

/** Elements moved to (x, y), turned by `degrees` and scaled; a negative `scaleX` mirrors them. */
export function placed(
  at: { x: number; y: number; degrees?: number; scale?: number; scaleX?: number },
  ...elements: readonly string[]
): string {
  const { x, y, degrees = 0, scale = 1, scaleX = scale } = at;
  const transform = `translate(${n(x)} ${n(y)}) rotate(${n(degrees)}) scale(${n(scaleX)} ${n(scale)})`;
  return `<g transform="${transform}">${elements.join("")}</g>`;
}

/** Elements at reduced opacity, as one. */
export const faint = (opacity: number, ...elements: readonly string[]): string =>
  `<g opacity="${n(opacity)}">${elements.join("")}</g>`;
