/** Cat, fish, butterfly, face: what looks back. */
import type { Chance } from "../chance.ts";
import { darker, lighter, mix, paintFrom, paints, twoPaintsFrom } from "../palette.ts";
import { box, circle, ellipse, faint, line, path, placed, type Sketch, shape } from "../svg.ts";
import { groundShadow, openSky, outdoors, room, underWater } from "./scenery.ts";

/** The ink of eyes and mouths: dark, but not black. */
const ink = mix(paints.navy, paints.bark, 0.3);

export function cat(chance: Chance, sketch: Sketch): string[] {
  const { elements } = room(chance, sketch, chance.between(70, 82));
  const fur = paintFrom(chance, ["apricot", "bark", "cream", "lavender", "navy", "coral"]);
  const pale = lighter(fur, 0.55);
  const dark = darker(fur, 0.24);
  const scale = chance.between(0.88, 1.02);
  const belly = chance.between(21, 26);
  const headWide = chance.between(20, 24);
  const ear = chance.between(13, 18);
  const tilt = chance.between(-9, 9);
  const tailSide = chance.pick([-1, 1]);
  const curl = chance.between(2, 16);
  const stripes = chance.whole(0, 3);
  const hasBib = chance.happens(0.55);
  const hasCollar = chance.happens(0.5);
  const isAsleep = chance.happens(0.25);
  const eye = lighter(paintFrom(chance, ["leaf", "teal", "butter", "sky"]), 0.25);
  const fill = sketch.shaded(fur, 0.18);

  // Sitting, its foot at the origin.
  const headY = -49;
  const earPath = (side: number, inset: number) =>
    path`M${side * (headWide * 0.95 - inset)} ${-6}L${side * (headWide * 0.82 - inset * 0.6)} ${-headWide * 0.55 - ear + inset * 1.6}L${side * (headWide * 0.14 + inset)} ${-headWide * 0.66}Z`;
  const head = [
    ...[-1, 1].flatMap((side) => [
      shape(earPath(side, 0), fur, 3),
      shape(earPath(side, 3.6), mix(fur, paints.rose, 0.65), 1),
    ]),
    ellipse(0, 0, headWide, headWide * 0.8, fill),
    ...[-0.34, 0, 0.34]
      .slice(0, stripes)
      .map((at) => box(at * headWide - 1.6, -headWide * 0.78, 3.2, 7.5, dark, 1.6)),
    ellipse(0, headWide * 0.36, headWide * 0.48, headWide * 0.34, pale),
    ...[-1, 1].map((side) =>
      isAsleep
        ? line(path`M${side * 9 - 4} -1Q${side * 9} 3.5 ${side * 9 + 4} -1`, ink, 2)
        : ellipse(side * 9, -1.5, 4.4, 4.8, eye) + ellipse(side * 9, -1.5, 2, 4, ink),
    ),
    shape(path`M-2.6 4.2H2.6L0 7.4Z`, paints.coral, 1.6),
    line(path`M-4.5 10.5Q-1.5 11.5 0 8.5Q1.5 11.5 4.5 10.5`, ink, 1.5),
  ];
  const tail = tailSide * (belly + 6);
  const body = [
    line(
      path`M${tailSide * belly * 0.6} -6Q${tail + tailSide * 10} -2 ${tail + tailSide * 4} -20Q${tail - tailSide * 2} ${-28 - curl * 0.5} ${tail + tailSide * 5} ${-28 - curl}`,
      dark,
      7.5,
    ),
    shape(
      path`M${-belly * 0.55} -48C${-belly * 0.9} -30 ${-belly * 1.25} 0 ${-belly * 0.7} 0H${belly * 0.7}C${belly * 1.25} 0 ${belly * 0.9} -30 ${belly * 0.55} -48Z`,
      fill,
      2,
    ),
    hasBib ? ellipse(0, -21, belly * 0.48, 17, pale) : "",
    ...[-1, 1].map((side) => ellipse(side * belly * 0.4, -2.5, 7, 4.6, hasBib ? pale : lighter(fur, 0.28))),
    hasCollar
      ? box(-13, -36, 26, 5, paintFrom(chance, ["coral", "blue", "butter", "teal", "berry"]), 2.5)
      : "",
    placed({ x: 0, y: headY, degrees: tilt }, ...head),
  ];
  const x = chance.between(44, 56);
  const base = chance.between(87, 93);
  return [...elements, groundShadow(sketch, x, base, belly * 1.5), placed({ x, y: base, scale }, ...body)];
}

export function fish(chance: Chance, sketch: Sketch): string[] {
  const { elements } = underWater(chance, sketch);
  const [colour, second] = twoPaintsFrom(chance, [
    "coral",
    "apricot",
    "butter",
    "rose",
    "berry",
    "plum",
    "cream",
    "blue",
  ]);
  const long = chance.between(25, 31);
  const deep = chance.between(16, 23);
  const tail = chance.between(14, 21);
  const tailKind = chance.pick(["fork", "fan", "round"] as const);
  const topFin = chance.between(7, 14);
  const stripes = chance.whole(0, 3);
  const fin = darker(second, 0.05);
  const bubbles = chance.whole(0, 3);

  // Swimming right, its middle at the origin.
  const root = -long * 0.85;
  const tailShape = {
    fork: path`M${root} 0L${root - tail} ${-tail}Q${root - tail * 0.55} 0 ${root - tail} ${tail}Z`,
    fan: path`M${root + 2} 0L${root - tail * 0.8} ${-tail * 0.9}Q${root - tail * 1.25} 0 ${root - tail * 0.8} ${tail * 0.9}Z`,
    round: path`M${root + 3} 0C${root - tail * 0.4} ${-tail * 1.3} ${root - tail * 1.5} ${-tail * 0.8} ${root - tail * 0.8} 0C${root - tail * 1.5} ${tail * 0.8} ${root - tail * 0.4} ${tail * 1.3} ${root + 3} 0Z`,
  }[tailKind];
  const fins = sketch.shaded(fin, 0.18);
  const body = [
    shape(tailShape, fins, 3),
    shape(
      path`M${-long * 0.55} ${-deep * 0.7}Q${-long * 0.4} ${-deep - topFin} ${long * 0.1} ${-deep - topFin * 0.7}L${long * 0.35} ${-deep * 0.8}Z`,
      fins,
      2.5,
    ),
    shape(
      path`M${-long * 0.35} ${deep * 0.8}L${-long * 0.5} ${deep + topFin * 0.6}L${long * 0.05} ${deep * 0.9}Z`,
      fins,
      2.5,
    ),
    ellipse(0, 0, long, deep, sketch.shaded(colour, 0.24)),
    ellipse(long * 0.1, deep * 0.5, long * 0.62, deep * 0.38, lighter(colour, 0.36)),
  ];
  for (let i = 0; i < stripes; i++) {
    const at = -0.52 + i * 0.34;
    const reach = deep * Math.sqrt(1 - at * at) * 0.95;
    body.push(
      shape(
        path`M${at * long - 2.5} ${-reach}Q${at * long + 4.5} 0 ${at * long - 2.5} ${reach}H${at * long + 2.5}Q${at * long + 10} 0 ${at * long + 2.5} ${-reach}Z`,
        second,
      ),
    );
  }
  body.push(
    shape(
      path`M${-long * 0.02} 3Q${-long * 0.4} 1 ${-long * 0.38} ${chance.between(10, 15)}Q${-long * 0.05} 13 ${long * 0.06} 7Z`,
      fins,
      2,
    ),
    circle(long * 0.58, -deep * 0.22, 5.4, "#fbf6ea"),
    circle(long * 0.61, -deep * 0.2, 3, ink),
    line(
      path`M${long * 0.76} ${deep * 0.3}Q${long * 0.68} ${deep * 0.46} ${long * 0.55} ${deep * 0.4}`,
      darker(colour, 0.4),
      2,
    ),
  );
  const x = chance.between(48, 56);
  const y = chance.between(44, 54);
  const facing = chance.pick([-1, 1]);
  const scale = chance.between(0.95, 1.2);
  const parts = [
    ...elements,
    placed(
      { x: facing > 0 ? x : 100 - x, y, degrees: chance.between(-16, 16), scale, scaleX: facing * scale },
      ...body,
    ),
  ];
  for (let i = 0; i < bubbles; i++) {
    const bx = facing > 0 ? 88 : 12;
    parts.push(
      faint(0.6, circle(bx + chance.between(-6, 6), 30 - i * 10, chance.between(2.4, 4.2), "#f2f7f5")),
    );
  }
  return parts;
}

export function butterfly(chance: Chance, sketch: Sketch): string[] {
  const { elements } = chance.happens(0.5)
    ? openSky(chance, sketch)
    : outdoors(chance, sketch, chance.between(66, 84));
  const [upper, lower] = twoPaintsFrom(chance, [
    "apricot",
    "coral",
    "butter",
    "blue",
    "lavender",
    "rose",
    "plum",
    "teal",
  ]);
  const spot = lighter(paintFrom(chance, ["cream", "butter", "sky", "rose"]), 0.2);
  const span = chance.between(33, 40);
  const rise = chance.between(24, 33);
  const drop = chance.between(20, 29);
  const open = chance.between(0.68, 1);
  const rim = chance.happens(0.55);
  const spots = chance.whole(0, 2);
  const spotSize = chance.between(4, 6);
  const thick = chance.between(3.4, 4.8);
  const dark = mix(ink, upper, 0.25);
  const tailed = chance.happens(0.35) ? 8 : 0;

  // One wing pair to the right of the origin; the left one is its mirror image.
  const high = (k: number) =>
    path`M2 2C${span * 0.25 * k} ${-rise * 1.25 * k} ${span * 1.05 * k} ${-rise * 1.35 * k} ${span * k} ${-rise * 0.55 * k}C${span * 0.95 * k} ${-rise * 0.05} ${span * 0.5 * k} 4 2 4Z`;
  const low = (k: number) =>
    path`M2 2C${span * 0.5 * k} 0 ${span * 0.95 * k} ${drop * 0.25 * k} ${span * 0.78 * k} ${drop * 0.85 * k}C${span * 0.62 * k} ${(drop * 1.35 + tailed) * k} ${span * 0.16 * k} ${drop * 1.1 * k} 2 8Z`;
  const wings = [
    shape(low(1), rim ? darker(lower, 0.28) : sketch.shaded(lower, 0.2), 2),
    rim ? shape(low(0.78), sketch.shaded(lower, 0.2), 1) : "",
    shape(high(1), rim ? darker(upper, 0.3) : sketch.shaded(upper, 0.2), 2),
    rim ? shape(high(0.78), sketch.shaded(upper, 0.2), 1) : "",
    spots > 0 ? circle(span * 0.62, -rise * 0.5, spotSize, spot) : "",
    spots > 1 ? circle(span * 0.46, drop * 0.55, spotSize * 0.85, spot) : "",
  ].join("");
  const body = [
    placed({ x: 0, y: 0, scale: 1, scaleX: open }, wings),
    placed({ x: 0, y: 0, scale: 1, scaleX: -open }, wings),
    line(path`M0 -12Q-3 -24 ${-10 * open} -27M0 -12Q3 -24 ${10 * open} -27`, dark, 1.9),
    ellipse(0, 5, thick, 19, sketch.shaded(dark, 0.24)),
    circle(0, -13, thick * 1.15, dark),
  ];
  return [
    ...elements,
    placed(
      {
        x: chance.between(45, 55),
        y: chance.between(46, 54),
        degrees: chance.between(-34, 34),
        scale: chance.between(0.92, 1.12),
      },
      ...body,
    ),
  ];
}

export function face(chance: Chance, sketch: Sketch): string[] {
  const { elements } = room(chance, sketch, 100);
  const skin = mix(
    chance.pick(["#f6d3b8", "#ecba92", "#d69a70", "#b07a55", "#8a5c43"]),
    paints.cream,
    chance.between(0, 0.25),
  );
  const hair = paintFrom(chance, ["bark", "navy", "apricot", "butter", "berry", "plum"]);
  const shirt = paintFrom(chance, ["teal", "coral", "blue", "butter", "mint", "lavender", "berry", "cream"]);
  const style = chance.pick(["short", "long", "bob", "curly", "bun", "hat"] as const);
  const wide = chance.between(21, 25);
  const tall = chance.between(24, 28);
  const gap = chance.between(8.5, 10.5);
  const eyeSize = chance.between(2.6, 3.6);
  const eyes = chance.pick(["open", "open", "happy"] as const);
  const mouth = chance.pick(["smile", "grin", "small", "oh"] as const);
  const hasGlasses = chance.happens(0.22);
  const part = chance.between(-0.6, 0.6);
  const hairFill = sketch.shaded(hair, 0.2);
  const cheek = mix(skin, paints.coral, 0.42);
  const feature = mix(ink, skin, 0.06);

  // The middle of the face at the origin.
  const behind: string[] = [];
  const front: string[] = [];
  const fringe = shape(
    path`M${-wide - 1.5} -2C${-wide - 4} ${-tall - 14} ${wide + 4} ${-tall - 14} ${wide + 1.5} -2Q${wide * 0.85} ${-tall * 0.42} ${part * wide} ${-tall * 0.55}Q${-wide * 0.85} ${-tall * 0.42} ${-wide - 1.5} -2Z`,
    hairFill,
    2,
  );
  if (style === "long")
    behind.push(
      shape(
        path`M${-wide - 4} -6C${-wide - 4} ${-tall - 18} ${wide + 4} ${-tall - 18} ${wide + 4} -6L${wide + 8} 40H${-wide - 8}Z`,
        darker(hair, 0.12),
        4,
      ),
    );
  if (style === "bob")
    behind.push(box(-wide - 6, -tall - 3, wide * 2 + 12, tall + 25, darker(hair, 0.12), 16));
  if (style === "bun") behind.push(circle(part * 12, -tall - 9, 11, hairFill));
  if (style === "curly") {
    for (const [cx, cy] of [
      [-0.95, -0.25],
      [-0.8, -0.85],
      [0, -1.12],
      [0.8, -0.85],
      [0.95, -0.25],
    ] as const) {
      behind.push(circle(cx * (wide + 2), cy * tall, 12, darker(hair, 0.06)));
    }
  }
  if (style === "hat") {
    const hat = paintFrom(chance, ["coral", "blue", "butter", "teal", "plum"]);
    front.push(
      shape(
        path`M${-wide - 1} ${-tall * 0.4}C${-wide} ${-tall - 20} ${wide} ${-tall - 20} ${wide + 1} ${-tall * 0.4}Z`,
        sketch.shaded(hat, 0.2),
        2,
      ),
      box(-wide - 4, -tall * 0.56, wide * 2 + 8, 8, lighter(hat, 0.3), 4),
    );
    if (chance.happens(0.6)) front.push(circle(0, -tall - 12, 5.5, lighter(hat, 0.35)));
    behind.push(box(-wide - 2.5, -12, wide * 2 + 5, 20, hair, 6));
  } else {
    front.push(fringe);
  }

  const looks: string[] = [];
  for (const side of [-1, 1]) {
    looks.push(ellipse(side * wide * 0.62, 9, 5, 3.8, cheek));
    looks.push(
      eyes === "open"
        ? ellipse(side * gap, -1, eyeSize, eyeSize * 1.25, feature)
        : line(path`M${side * gap - 4} 0.5Q${side * gap} -5 ${side * gap + 4} 0.5`, feature, 2.3),
    );
    if (hasGlasses)
      looks.push(
        `<circle cx="${side * 10}" cy="-1" r="7.4" fill="none" stroke="${feature}" stroke-width="1.9"/>`,
      );
  }
  looks.push(
    ellipse(0, 5.5, 2.6, 2.2, mix(skin, paints.coral, 0.55)),
    {
      smile: line("M-7.5 12.5Q0 19.5 7.5 12.5", mix(feature, paints.coral, 0.35), 2.4),
      grin:
        shape("M-8 12H8Q6.5 20 0 20Q-6.5 20 -8 12Z", mix(paints.berry, ink, 0.2), 1) +
        box(-5.5, 12, 11, 2.6, "#fbf6ea", 1.2),
      small: line("M-4 14.5Q0 16.5 4 14.5", mix(feature, paints.coral, 0.35), 2.4),
      oh: ellipse(0, 15, 3.4, 4, mix(paints.berry, ink, 0.2)),
    }[mouth],
  );
  const x = chance.between(45, 55);
  const y = chance.between(47, 52);
  return [
    ...elements,
    ellipse(x, 104, chance.between(32, 38), chance.between(22, 26), sketch.shaded(shirt, 0.18)),
    placed(
      { x, y, degrees: chance.between(-9, 9), scale: chance.between(0.94, 1.08) },
      ...behind,
      box(-7.5, 12, 15, 25, darker(skin, 0.16), 6),
      ...[-1, 1].map((side) => circle(side * wide, 2, 5, darker(skin, 0.08))),
      ellipse(0, 0, wide, tall, sketch.shaded(skin, 0.12)),
      ...looks,
      ...front,
    ),
  ];
}
