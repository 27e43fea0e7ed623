/** Car, boat, rocket, balloon: what carries people about. */
import type { Chance } from "../chance.ts";
import { darker, lighter, mix, paintFrom, paints, twoPaintsFrom } from "../palette.ts";
import { box, circle, ellipse, line, path, placed, type Sketch, shape } from "../svg.ts";
import { groundShadow, openSky, outdoors, sea, space } from "./scenery.ts";

export function car(chance: Chance, sketch: Sketch): string[] {
  const { mood, elements } = outdoors(chance, sketch, chance.between(54, 66));
  const kind = chance.pick(["round", "sedan", "van", "pickup"] as const);
  const colour = paintFrom(chance, [
    "coral",
    "butter",
    "blue",
    "teal",
    "mint",
    "berry",
    "apricot",
    "cream",
    "lavender",
  ]);
  const glass = mix(paintFrom(chance, ["sky", "blue", "mint"]), "#ffffff", 0.3);
  const tyre = mix(paints.navy, paints.bark, 0.25);
  const hub = lighter(paintFrom(chance, ["cream", "butter", "sky"]), 0.2);
  const half = chance.between(35, 40);
  const wheel = chance.between(8, 10.5);
  const cabin = kind === "van" ? 24 : chance.between(17, 22);
  const road = mix(mood.groundLow, paintFrom(chance, ["lavender", "cream", "bark"]), 0.5);
  const hasRack = chance.happens(0.25);
  const hasStripe = chance.happens(0.4);
  const stripe = chance.happens(0.5) ? lighter(colour, 0.45) : darker(colour, 0.25);

  // Drawn facing right, the underside of the wheels at y = 0.
  const low = -wheel * 0.75;
  const deck = low - chance.between(15, 19);
  const roof = deck - cabin;
  // Cabin corners along the body: rear foot, rear roof, front roof, front foot.
  const [a, b, c, d] = {
    round: [-0.78, -0.45, 0.22, 0.62],
    sedan: [-0.62, -0.38, 0.2, 0.5],
    van: [-0.96, -0.92, 0.42, 0.72],
    pickup: [-0.14, -0.08, 0.3, 0.58],
  }[kind] as [number, number, number, number];
  const cabinOutline = (inset: number) =>
    path`M${a * half + inset} ${deck + 1}L${b * half + inset * 0.6} ${roof + inset}H${c * half - inset * 0.6}L${d * half - inset} ${deck + 1}Z`;
  const pillar = ((b + c) / 2) * half + 1;
  const paint = sketch.shaded(colour, 0.2);
  const body = [
    shape(cabinOutline(0), sketch.shaded(lighter(colour, 0.08), 0.14), 5),
    shape(cabinOutline(4), sketch.shaded(glass, 0.16), 1.5),
    kind === "pickup" ? "" : box(pillar - 2, roof + 1, 4, cabin, colour),
    hasRack
      ? box(b * half, roof - 7, (c - b) * half * 0.9, 5, paintFrom(chance, ["bark", "apricot", "berry"]), 2)
      : "",
    box(-half, deck, half * 2, low - deck, paint, kind === "round" ? 8 : 5),
    hasStripe ? box(-half, deck + 6, half * 2, 3.5, stripe) : "",
    box(-half, low - 4, half * 2, 4, darker(colour, 0.22), 2),
    ellipse(half - 2.5, deck + 7, 3, 3.6, lighter(paints.butter, 0.35)),
    box(-half, deck + 4, 3.4, 6, paints.coral, 1.5),
  ];
  for (const at of [-0.56, 0.56]) {
    body.push(
      circle(at * half, -wheel, wheel + 2, darker(colour, 0.34)),
      circle(at * half, -wheel, wheel, tyre),
      circle(at * half, -wheel, wheel * 0.5, hub),
    );
  }
  const x = chance.between(46, 54);
  const base = chance.between(77, 86);
  const scale = chance.between(0.92, 1.1);
  const facing = chance.pick([-1, 1]);
  return [
    ...elements,
    box(0, base - 9, 100, 22, sketch.fade(lighter(road, 0.08), road)),
    groundShadow(sketch, x, base, half * scale * 1.2),
    placed({ x, y: base, scale, scaleX: facing * scale, degrees: chance.between(-3, 3) }, ...body),
  ];
}

export function boat(chance: Chance, sketch: Sketch): string[] {
  const level = chance.between(64, 72);
  const { mood, elements } = sea(chance, sketch, level);
  const hull = paintFrom(chance, ["coral", "berry", "bark", "teal", "navy", "cream", "butter"]);
  const [sail, second] = twoPaintsFrom(chance, [
    "cream",
    "rose",
    "butter",
    "apricot",
    "mint",
    "coral",
    "lavender",
  ]);
  const half = chance.between(30, 38);
  const deep = chance.between(15, 20);
  const mast = chance.between(47, 55);
  const main = chance.between(0.72, 0.95) * half;
  const jib = chance.between(0.6, 0.9) * half;
  const belly = chance.between(2, 9);
  const hasJib = chance.happens(0.65);
  const hasBand = chance.happens(0.5);
  const hasFlag = chance.happens(0.5);
  const wood = paintFrom(chance, ["bark"]);

  // Drawn sailing right, the deck at y = 0, the mast at x = 0.
  const body = [
    line(path`M0 2V${-mast}`, wood, 3),
    hasFlag
      ? shape(
          path`M0 ${-mast - 2}L-13 ${-mast + 2.5}L0 ${-mast + 7}Z`,
          paintFrom(chance, ["coral", "blue", "butter", "berry"]),
          1,
        )
      : "",
    shape(
      path`M-3 ${-mast + 8}Q${-main * 0.5 - belly} ${-mast * 0.4} ${-main} -7Q${-main * 0.4} -3 -3 -6Z`,
      sketch.shaded(sail, 0.16),
      1.5,
    ),
    hasJib
      ? shape(
          path`M3 ${-mast + 6}Q${jib * 0.6 + belly} ${-mast * 0.5} ${jib} -7Q${jib * 0.5} -3 3 -6Z`,
          sketch.shaded(second, 0.16),
          1.5,
        )
      : "",
    shape(
      path`M${-half} 0H${half + 3}Q${half * 0.9} ${deep} ${half * 0.6} ${deep}H${-half * 0.72}Q${-half * 0.98} ${deep} ${-half} 0Z`,
      sketch.shaded(hull, 0.2),
      2.5,
    ),
    hasBand ? box(-half, 3, half * 2, 3.6, lighter(hull, 0.5)) : "",
  ];
  const x = chance.between(44, 56);
  const y = level + chance.between(2, 7);
  const scale = chance.between(0.98, 1.12);
  const facing = chance.pick([-1, 1]);
  const front = y + deep * scale * 0.62;
  const crest = chance.between(2, 4);
  const water = sketch.fade(lighter(mood.groundTop, 0.06), darker(mood.groundLow, 0.08));
  return [
    ...elements,
    placed({ x, y, scale, scaleX: facing * scale, degrees: chance.between(-7, 7) }, ...body),
    shape(
      path`M0 ${front}Q12.5 ${front - crest} 25 ${front}T50 ${front}T75 ${front}T100 ${front}V101H0Z`,
      water,
    ),
    ellipse(x, front + 5, half * 0.9, 2, lighter(mood.groundTop, 0.3)),
  ];
}

export function rocket(chance: Chance, sketch: Sketch): string[] {
  const { elements } = space(chance, sketch);
  const body = paintFrom(chance, ["cream", "cream", "sky", "rose", "mint", "butter"]);
  const [trim, band] = twoPaintsFrom(chance, ["coral", "berry", "teal", "apricot", "blue", "butter"]);
  const half = chance.between(11, 15.5);
  const tall = chance.between(52, 62);
  const fin = chance.between(8, 14);
  const finTall = chance.between(16, 24);
  const flame = chance.between(12, 24);
  const windows = chance.whole(1, 2);
  const pane = chance.between(5, 6.5);
  const glass = mix(paintFrom(chance, ["sky", "blue", "teal"]), paints.navy, 0.15);
  const hasBand = chance.happens(0.5);

  // Drawn pointing up, its middle at the origin.
  const top = -tall / 2;
  const low = tall / 2;
  const finPath = (side: number) =>
    path`M${side * half * 0.8} ${low - finTall}Q${side * (half + fin)} ${low - finTall * 0.5} ${side * (half + fin)} ${low + 6}Q${side * (half + fin * 0.3)} ${low - 2} ${side * half * 0.6} ${low - 2}Z`;
  const nose = top + tall * 0.33;
  const elementsUp = [
    ellipse(0, low + flame * 0.5, half * 0.72, flame, sketch.fade(paints.butter, paints.coral)),
    ellipse(0, low + flame * 0.25, half * 0.38, flame * 0.6, lighter(paints.butter, 0.5)),
    shape(finPath(-1), sketch.shaded(trim, 0.18), 2),
    shape(finPath(1), sketch.shaded(darker(trim, 0.1), 0.18), 2),
    box(-half * 0.6, low - 3, half * 1.2, 6, darker(band, 0.25), 2),
    shape(
      path`M0 ${top}C${half * 1.25} ${top + tall * 0.26} ${half * 1.15} ${low - tall * 0.2} ${half * 0.72} ${low}H${-half * 0.72}C${-half * 1.15} ${low - tall * 0.2} ${-half * 1.25} ${top + tall * 0.26} 0 ${top}Z`,
      sketch.shaded(body, 0.16),
      1.5,
    ),
    shape(
      path`M0 ${top - 1}Q${half * 0.72} ${top + tall * 0.17} ${half * 0.9} ${nose}Q0 ${nose + 4} ${-half * 0.9} ${nose}Q${-half * 0.72} ${top + tall * 0.17} 0 ${top - 1}Z`,
      sketch.shaded(trim, 0.2),
      1.5,
    ),
    hasBand ? box(-half * 0.86, low - 11, half * 1.72, 5, band, 1) : "",
  ];
  for (let i = 0; i < windows; i++) {
    const y = nose + 8 + i * (pane * 2 + 3);
    elementsUp.push(
      circle(0, y, pane + 1.6, darker(trim, 0.16)),
      circle(0, y, pane, sketch.shaded(glass, 0.28)),
    );
  }
  return [
    ...elements,
    placed(
      {
        x: chance.between(44, 56),
        y: chance.between(42, 50),
        degrees: chance.between(-38, 38),
        scale: chance.between(0.92, 1.12),
      },
      ...elementsUp,
    ),
  ];
}

export function balloon(chance: Chance, sketch: Sketch): string[] {
  const { elements } = openSky(chance, sketch);
  const [first, second] = twoPaintsFrom(chance, [
    "coral",
    "butter",
    "blue",
    "teal",
    "berry",
    "apricot",
    "cream",
    "lavender",
    "mint",
  ]);
  const wide = chance.between(27, 34);
  const tall = chance.between(29, 35);
  const pinch = chance.between(0.2, 0.3);
  const drop = chance.between(10, 15);
  const style = chance.pick(["gores", "gores", "band", "plain"] as const);
  const basket = paintFrom(chance, ["bark", "apricot", "bark"]);
  const hasSkirt = chance.happens(0.5);

  // The middle of the envelope at the origin.
  const mouth = tall * 1.18;
  const outline = (k: number) =>
    path`M0 ${-tall}C${wide * 1.3 * k} ${-tall} ${wide * 1.3 * k} ${tall * 0.32} ${wide * pinch * Math.max(k, 0.35)} ${mouth}H${-wide * pinch * Math.max(k, 0.35)}C${-wide * 1.3 * k} ${tall * 0.32} ${-wide * 1.3 * k} ${-tall} 0 ${-tall}Z`;
  const foot = mouth + drop;
  const rope = darker(basket, 0.1);
  const body = [
    line(path`M${-wide * pinch} ${mouth}L-5 ${foot}M${wide * pinch} ${mouth}L5 ${foot}`, rope, 1.8),
    shape(outline(1), sketch.shaded(first, 0.24), 1.5),
  ];
  if (style === "gores") {
    body.push(
      shape(outline(0.66), sketch.shaded(second, 0.22)),
      shape(outline(0.26), sketch.shaded(first, 0.22)),
    );
  } else if (style === "band") {
    const high = -tall * 0.22;
    body.push(
      shape(
        path`M${-wide * 0.96} ${high}Q0 ${high + 7} ${wide * 0.96} ${high}L${wide * 0.9} ${high + 13}Q0 ${high + 22} ${-wide * 0.9} ${high + 13}Z`,
        sketch.shaded(second, 0.14),
      ),
    );
  } else {
    body.push(ellipse(-wide * 0.35, -tall * 0.42, wide * 0.28, tall * 0.28, lighter(first, 0.34)));
  }
  if (hasSkirt)
    body.push(box(-wide * pinch - 1, mouth - 2.5, wide * pinch * 2 + 2, 5, darker(second, 0.12), 1.5));
  body.push(
    box(-7, foot - 1, 14, 10, sketch.shaded(basket, 0.2), 2.5),
    box(-8, foot - 2, 16, 3.6, lighter(basket, 0.25), 1.5),
  );
  return [
    ...elements,
    placed(
      {
        x: chance.between(42, 58),
        y: chance.between(38, 43),
        degrees: chance.between(-9, 9),
        scale: chance.between(0.84, 1.02),
      },
      ...body,
    ),
  ];
}
