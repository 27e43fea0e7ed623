/** Snowman, umbrellas, mushrooms: what the weather brings. */
import { type Colour, darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, ring, shape } from "../sprites/svg.ts";
import { leafColour, pine, ripples, sky, snow, waterOf } from "./places.ts";
import { gloom, lamplight, reflected, type Stage, waves } from "./stage.ts";

/** Scarf and hat of one wool, before a wood and a house whose windows shine; its child wears the same, the colours swapped. */
export function snowman(stage: Stage): string[] {
  const { chance, sketch, mood, lit, tint, twoPaints, isDark } = stage;
  const white = tint(snow);
  const [wool, stripe] = twoPaints("coral", "teal", "berry", "blue", "butter", "moss", "plum");
  const coal = mix(paints.navy, paints.bark, 0.3);
  const wood = tint(darker(paints.bark, 0.1));
  const hat = chance.pick(["top", "cap"] as const);
  const horizon = chance.between(62, 67);
  const drift = chance.between(-3, 3);
  const leaf = tint(chance.pick([paints.moss, mix(paints.moss, paints.teal, 0.5)]));
  const parts = [
    ...sky(stage, horizon, 1),
    ellipse(20, horizon + 8, 50, 18, mix(white, mood.skyLow, 0.45)),
    ellipse(86, horizon + 8, 46, 15, mix(white, mood.skyLow, 0.35)),
  ];
  const winterly: Stage = { ...stage, isWinter: true };
  const lean = chance.pick([-1, 1]);
  for (const dx of [25, 35, 45])
    parts.push(pine(winterly, 50 + lean * dx, horizon + 5, 34 - Math.abs(dx - 35) * 0.7, leaf));
  const hx = 50 - lean * 33;
  const wall = tint(chance.pick([paints.bark, paints.coral, paints.apricot, paints.teal]));
  parts.push(
    stage.patternedBox(
      { x: hx - 11, y: horizon - 10, width: 22, height: 15 },
      wall,
      "bands",
      5,
      darker(wall, 0.14),
    ),
    box(hx + 3.4, horizon - 24, 4.6, 10, darker(wall, 0.3)),
    shape(
      path`M${hx - 14} ${horizon - 9}L${hx} ${horizon - 22}L${hx + 14} ${horizon - 9}Z`,
      darker(wall, 0.32),
      1.6,
    ),
    shape(
      path`M${hx - 12.6} ${horizon - 11.4}L${hx} ${horizon - 22.6}L${hx + 12.6} ${horizon - 11.4}q-3.2 3 -6.3 0t-6.3 0t-6.3 0t-6.3 0Z`,
      mix(white, tint(paints.blue), 0.14),
      1,
    ),
    box(hx - 7.4, horizon - 6.4, 5.4, 5.8, lamplight, 0.6),
    box(hx + 2, horizon - 6.4, 5.4, 5.8, lamplight, 0.6),
  );
  if (isDark) parts.push(circle(hx, horizon - 3, 16, sketch.glow(lamplight, 0.4)));
  parts.push(
    shape(
      path`M0 ${horizon + 4}Q30 ${horizon + drift} 60 ${horizon + 4}T100 ${horizon + 3}V101H0Z`,
      sketch.fade(lighter(white, 0.3), mix(white, tint(paints.sky), 0.4)),
    ),
  );
  const x = chance.between(46, 54);
  const base = chance.between(90, 93);
  const low = chance.between(18, 20);
  const mid = low * 0.76;
  const head = low * 0.6;
  const midY = -low * 1.5 - mid * 0.55;
  const headY = midY - mid * 0.75 - head * 0.66;
  const ball = (cy: number, r: number) =>
    circle(0, cy, r, lit(white, 0.3)) +
    stage.shade(path`M${-r} ${cy}a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0Z`, 0.16);
  const neck = headY + head * 0.86;
  const nose = chance.pick([-1, 1]);
  const brim = headY - head * 0.62;
  const man = (wool: Colour, stripe: Colour) => [
    ...[-1, 1].map((at) =>
      line(
        path`M${at * mid * 0.8} ${midY - 1}L${at * (mid + 13)} ${midY - 11}M${at * (mid + 8)} ${midY - 7.6}l${at * 1} -6M${at * (mid + 9)} ${midY - 8.4}l${at * 6} 1.6`,
        wood,
        2,
      ),
    ),
    ball(-low * 0.86, low),
    ball(midY, mid),
    ball(headY, head),
    ...[-0.42, 0.08, 0.58].map((k) => circle(0, midY + k * mid, 1.7, coal)),
    ...[-1, 1].map((at) => circle(at * head * 0.36, headY - head * 0.14, 1.8, coal)),
    shape(
      path`M0 ${headY + 0.4}L${nose * head * 1.15} ${headY + 3.4}L0 ${headY + 4.4}Z`,
      tint("#ec8b3f"),
      1.2,
    ),
    ...[-2, -1, 0, 1, 2].map((i) => circle(i * 2.2, headY + head * 0.62 - Math.abs(i) * 0.9, 0.85, coal)),
    shape(path`M${-nose * 5} ${neck}l${-nose * 7} 1l${-nose * 1} 17l${nose * 7} 1Z`, wool, 1),
    ...[0, 1].map((i) =>
      box(-nose * 9 - 3.4 - nose * 0.2, neck + 6.4 + i * 6, 6.8, 2.8, lighter(stripe, 0.25)),
    ),
    stage.patterned(
      path`M${-head * 0.98} ${neck - 3}Q0 ${neck + 4} ${head * 0.98} ${neck - 3}L${head * 1.06} ${neck + 2.6}Q0 ${neck + 9.4} ${-head * 1.06} ${neck + 2.6}Z`,
      wool,
      "stripes",
      { x: -head * 1.1, y: neck - 4, width: head * 2.2, height: 14 },
      7.4,
      lighter(stripe, 0.25),
    ),
    hat === "top"
      ? box(-head * 0.72, brim - 15, head * 1.44, 15, lit(coal, 0.14), 1.4) +
        box(-head * 0.72, brim - 5, head * 1.44, 3.6, wool) +
        box(-head * 1.16, brim - 1.6, head * 2.32, 3.6, lit(coal, 0.14), 1.6)
      : stage.patterned(
          path`M${-head * 0.95} ${brim + 1}C${-head * 0.9} ${brim - 15} ${head * 0.9} ${brim - 15} ${head * 0.95} ${brim + 1}Z`,
          wool,
          "stripes",
          { x: -head, y: brim - 14, width: head * 2, height: 16 },
          7.4,
          lighter(stripe, 0.25),
        ) +
        box(-head * 1.04, brim - 1.6, head * 2.08, 4, lighter(stripe, 0.25), 2) +
        circle(0, brim - 12.6, 3, lighter(stripe, 0.25)),
  ];
  if (chance.happens(0.4)) {
    parts.push(
      stage.shadow(x + lean * 12, base, low * 1.1),
      placed({ x: x + lean * 12, y: base, scale: 0.92 }, ...man(wool, stripe)),
      stage.shadow(x - lean * 24, base + 3, low * 0.7),
      placed({ x: x - lean * 24, y: base + 3, scale: 0.54 }, ...man(stripe, wool)),
    );
  } else {
    parts.push(stage.shadow(x, base, low * 1.3), placed({ x, y: base }, ...man(wool, stripe)));
  }
  const hasSnowfall = chance.happens(0.7);
  if (hasSnowfall) {
    for (let i = 0; i < 18; i++)
      parts.push(
        circle(
          (i * 37 + chance.between(0, 9)) % 100,
          (i * 23 + chance.between(0, 9)) % 100,
          i % 3 === 0 ? 1.5 : 1,
          "#ffffff",
        ),
      );
  }
  return parts;
}

/** In the rain, which falls one way everywhere; gores in turn, boots of the same colour, all of it again in the wet. */
export function umbrella(stage: Stage): string[] {
  const { chance, sketch, mood, lit, twoPaints, tint, wind, paint } = stage;
  const [first, second] = twoPaints("coral", "butter", "teal", "blue", "berry", "mint", "rose", "lavender");
  const kind = chance.pick(["gores", "gores", "dots", "plain"] as const);
  const coat = chance.happens(0.5)
    ? paint("butter", "coral", "teal", "blue", "mint")
    : mix(first, tint(paints.cream), 0.25);
  const grey = tint(mix(paints.lavender, paints.navy, 0.35));
  const low = chance.between(72, 75);
  const parts = [
    box(0, 0, 100, low + 1, sketch.fade(mix(mood.skyTop, grey, 0.6), mix(mood.skyLow, grey, 0.25))),
  ];
  // A row of houses in the mist.
  const mist = mix(mix(mood.skyLow, grey, 0.25), grey, 0.32);
  const houses: string[] = [];
  const step = chance.pick([20, 25]);
  for (let i = 0; i * step < 100; i++) {
    const tall = 24 + ((i * 7 + Math.round(step)) % 3) * 6;
    houses.push(
      box(i * step, low - tall, step - 0.5, tall, i % 2 === 0 ? mist : darker(mist, 0.07)),
      shape(
        path`M${i * step - 1} ${low - tall}l${step / 2 + 0.5} -9l${step / 2 + 0.5} 9Z`,
        darker(mist, 0.14),
      ),
      ...[0.28, 0.72].flatMap((at) =>
        [5, 15].map((dy) =>
          box(
            i * step + at * step - 2,
            low - tall + dy,
            4,
            5.6,
            stage.isDark || (i + dy) % 3 === 0 ? lamplight : lighter(mist, 0.3),
            0.5,
          ),
        ),
      ),
    );
  }
  const street = sketch.symbol(...houses);
  const wet = mix(grey, mood.groundLow, 0.25);
  parts.push(
    street,
    box(0, low, 100, 101 - low, sketch.fade(lighter(wet, 0.12), darker(wet, 0.16))),
    reflected(low, 0.35, 0.25, street),
  );
  const lx = 50 + wind * 38;
  parts.push(
    line(path`M${lx} ${low + 4}V36`, darker(grey, 0.5), 2.4),
    box(lx - 4, 25, 8, 10, lamplight, 1.4),
    shape(path`M${lx - 6} 25.5l6 -6l6 6Z`, darker(grey, 0.5), 0.8),
    circle(lx, 30, 17, sketch.glow(lamplight, 0.55)),
  );

  // The foot at y = 0.
  const wide = chance.between(33, 37);
  const tall = chance.between(22, 26);
  const rim = -44;
  const top = rim - tall;
  const boots = kind === "gores" ? second : first;
  const gore = (k: number) =>
    path`M0 ${top}C${-wide * k * 0.9} ${top + 2} ${-wide * k} ${rim - tall * 0.4} ${-wide * k} ${rim}H${wide * k}C${wide * k} ${rim - tall * 0.4} ${wide * k * 0.9} ${top + 2} 0 ${top}Z`;
  const faceSide = -wind;
  const skin = tint(chance.pick(["#f6d3b8", "#e3b088", "#b07a55", "#8a5c43"]));
  const canopy = [
    shape(gore(1), lit(first, 0.26)),
    ...(kind === "gores" ? [shape(gore(0.66), lit(second, 0.2)), shape(gore(0.24), lit(first, 0.12))] : []),
    ...(kind === "dots"
      ? [
          stage.patterned(
            gore(1),
            lit(first, 0.26),
            "dots",
            { x: -wide, y: top, width: 2 * wide, height: tall },
            12,
            lighter(second, 0.35),
          ),
        ]
      : []),
    ...(kind === "plain"
      ? [
          line(
            path`M0 ${top}Q${-wide * 0.62} ${top + 6} ${-wide * 0.66} ${rim}M0 ${top}Q${wide * 0.62} ${top + 6} ${wide * 0.66} ${rim}M0 ${top}Q${-wide * 0.22} ${top + 8} ${-wide * 0.24} ${rim}M0 ${top}Q${wide * 0.22} ${top + 8} ${wide * 0.24} ${rim}`,
            darker(first, 0.22),
            1.3,
          ),
        ]
      : []),
  ];
  const child = [
    ...[-1, 1].map((at) => box(at * 5.2 - 4, -9, 8, 10, lit(boots, 0.2), 2.4)),
    shape("M-9 -34Q0 -38 9 -34L14 -8H-14Z", lit(coat, 0.22), 2),
    line("M0 -33V-9", darker(coat, 0.22), 1.3),
    ...[-27, -20, -13].map((y) => circle(2.6, y, 1.1, lighter(coat, 0.6))),
    line(path`M${faceSide * 7} -31L${faceSide * 10} -24`, darker(coat, 0.12), 5),
    line(path`M${-faceSide * 6} -31L${-faceSide * 12} -27`, darker(coat, 0.12), 5),
    circle(0, -41, 9.6, darker(coat, 0.14)),
    circle(0, -40, 7.4, skin),
    ...[-1, 1].map(
      (at) =>
        circle(at * 2.8, -40.6, 1.2, "#2d2f45") +
        ellipse(at * 4.6, -37.6, 1.7, 1.1, mix(skin, paints.coral, 0.45)),
    ),
    line("M-2 -37Q0 -35.4 2 -37", "#7a4a48", 1.1),
  ];
  // The child stands beside the stick, which stays in the middle.
  const handle = line(path`M0 -24V${top}`, darker(grey, 0.55), 2);
  const figure = sketch.symbol(
    shape(path`M${-wide} ${rim}Q0 ${rim - 9} ${wide} ${rim}Z`, darker(first, 0.45)),
    placed({ x: faceSide * 12.5, y: 0, scale: 0.88 }, ...child),
    handle,
    sketch.clipped(domeOf(wide, rim, tall), ...canopy),
    line(path`M0 ${top + 1}v-5`, darker(grey, 0.55), 2.2),
    circle(0, -26.4, 2.6, skin),
  );
  const x = chance.between(46, 54);
  const base = chance.between(87, 89);
  parts.push(
    ellipse(x, base + 1.5, 27, 5.4, mix(wet, mood.skyLow, 0.5)),
    sketch.clipped(
      path`M${x - 44} ${base}H${x + 44}V101H${x - 44}Z`,
      reflected(base, 0.7, 0.45, placed({ x, y: base }, figure)),
    ),
    ellipse(x + faceSide * 13.6, base + 0.6, 13, 2.2, darker(wet, 0.35)),
    placed({ x, y: base, degrees: 0, scale: 1.06 }, figure),
  );
  // Drops, all at one slant; none beneath the umbrella.
  let rain = "";
  for (let i = 0; i < 46; i++) {
    const rx = (i * 41.3 + chance.between(0, 6)) % 104;
    const ry = (i * 17.7 + chance.between(0, 6)) % 98;
    const isDry = Math.abs(rx - x) < wide + 1 && ry > base + rim * 1.06 - tall - 2 && ry < base + 2;
    if (!isDry) rain += path`M${rx} ${ry}l${wind * 1.8} 5`;
  }
  parts.push(faint(0.75, line(rain, "#e6f0f8", 1.1)));
  for (const [rx, ry] of [
    [14, 92],
    [86, 94],
    [28, 97],
  ] as const)
    parts.push(ring(rx, ry, 5, 1.5, lighter(wet, 0.45), 1));
  return parts;
}

/** On a beach in the sun, towel and ball of its colours beneath; its shadow falls away from the light. */
export function parasol(stage: Stage): string[] {
  const { chance, sketch, mood, lit, twoPaints, tint, side, wind } = stage;
  const [first, second] = twoPaints("coral", "butter", "teal", "blue", "berry", "mint", "rose", "lavender");
  const level = chance.between(44, 50);
  const water = waterOf(stage);
  const sand = mix(tint(chance.pick([paints.cream, paints.butter])), mood.groundTop, 0.15);
  const shore = level + chance.between(13, 17);
  const wood = lighter(tint(paints.bark), 0.25);
  const white = lighter(tint(paints.cream), 0.4);
  const other = chance.happens(0.5) ? second : white;
  const parts = [
    ...sky(stage, level),
    ellipse(50 - side * 42, level + 2, 36, 10, mood.hills),
    box(0, level, 100, 30, sketch.fade(mix(water, mood.skyLow, 0.35), water)),
  ];
  const start = chance.between(6, 30);
  for (let i = 0; i < 2; i++) {
    const bx = start + i * 44;
    parts.push(
      shape(path`M${bx} ${level - 8}l${wind * 6} 9h${-wind * 6}Z`, i === 0 ? first : other, 0.6),
      shape(path`M${bx - 5} ${level + 2}h10l-2 3h-6Z`, wood, 0.6),
    );
  }
  parts.push(
    ripples(62, level + 7, 22, water),
    waves(shore - 2.4, 22, 1.6, chance.between(0, 1), white),
    waves(shore, 22, 1.6, chance.between(0, 1), sketch.fade(sand, darker(sand, 0.12))),
  );
  const wide = chance.between(34, 38);
  const tall = chance.between(21, 25);
  const rim = -42;
  const top = rim - tall;
  const lean = chance.between(4, 12) * side;
  const x = chance.between(46, 54);
  const base = 84;
  const gore = (k: number) =>
    path`M0 ${top}C${-wide * k * 0.9} ${top + 2} ${-wide * k} ${rim - tall * 0.4} ${-wide * k} ${rim + 2}H${wide * k}C${wide * k} ${rim - tall * 0.4} ${wide * k * 0.9} ${top + 2} 0 ${top}Z`;
  const tx = x - side * chance.between(14, 20);
  const towel = path`M${tx - 17} 84H${tx + 17}L${tx + 21} 93H${tx - 21}Z`;
  const bx = x + side * chance.between(24, 32);
  const r = 8;
  parts.push(
    ellipse(x - side * 20, 87, 36, 7, sketch.glow(gloom, 0.42)),
    stage.patterned(towel, white, "stripes", { x: tx - 22, y: 84, width: 44, height: 9 }, 9, first),
    line(path`M${tx - 21} 93H${tx + 21}`, darker(first, 0.2), 1.2),
    placed(
      { x, y: base, degrees: lean, scale: 1.06 },
      shape(path`M${-wide} ${rim}Q0 ${rim - 9} ${wide} ${rim}Z`, darker(first, 0.4)),
      line(path`M0 1V${top}`, wood, 2.2),
      sketch.clipped(
        domeOf(wide, rim, tall),
        shape(gore(1), lit(first, 0.24)),
        shape(gore(0.66), lit(other, 0.18)),
        shape(gore(0.24), lit(first, 0.12)),
      ),
      circle(0, top - 1, 1.8, other),
    ),
    ellipse(x, base + 1, 6, 2, darker(sand, 0.1)),
    stage.shadow(bx, 92, r),
    sketch.clipped(
      path`M${bx - r} 85a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0Z`,
      circle(bx, 85, r, lit(first, 0.2)),
      ellipse(bx, 85, r * 0.62, r, lit(white, 0.16)),
      ellipse(bx, 85, r * 0.24, r, lit(second, 0.16)),
    ),
  );
  const star = tint(paints.coral);
  const sx = chance.between(12, 88);
  parts.push(
    line(
      [0, 1, 2, 3, 4]
        .map(
          (i) => path`M${sx} 97l${3.6 * Math.sin(i * 0.4 * Math.PI)} ${-2.4 * Math.cos(i * 0.4 * Math.PI)}`,
        )
        .join(""),
      star,
      1.9,
    ),
  );
  return parts;
}

/** The outline of the canopy: a dome whose lower edge hangs in five arcs. */
function domeOf(wide: number, rim: number, tall: number): string {
  const top = rim - tall;
  const edges = [1, 0.66, 0.24, -0.24, -0.66, -1].map((k) => k * wide);
  let d = path`M0 ${top}C${-wide * 0.9} ${top + 2} ${-wide} ${rim - tall * 0.4} ${-wide} ${rim + 2}`;
  for (let i = 5; i > 0; i--)
    d += path`Q${(edges[i]! + edges[i - 1]!) / 2} ${rim - 6} ${edges[i - 1]!} ${rim + 2}`;
  return `${d}${path`C${wide} ${rim - tall * 0.4} ${wide * 0.9} ${top + 2} 0 ${top}Z`}`;
}

/** A family under trees: one cap for all, a snail that passes by, light between the trunks. */
export function mushroom(stage: Stage): string[] {
  const { chance, sketch, mood, lit, paint, tint, side, ink } = stage;
  const cap = paint("coral", "berry", "apricot", "plum", "blue", "bark", "teal");
  const stem = lighter(paint("cream", "butter"), 0.2);
  const dot = lighter(tint(paints.cream), 0.35);
  const trunk = mix(tint(paints.bark), mood.hills, 0.45);
  const green = mix(leafColour(stage), mood.groundLow, 0.35);
  const horizon = chance.between(62, 68);
  const parts = [
    box(0, 0, 100, 100, sketch.fade(mix(mood.hills, mood.skyTop, 0.35), mix(mood.skyLow, mood.hills, 0.3))),
  ];
  const shift = chance.between(0, 16);
  for (let i = 0; i < 7; i++)
    parts.push(box(((i * 16 + shift) % 112) - 8, -2, 5, horizon + 4, mix(trunk, mood.skyLow, 0.5)));
  parts.push(
    faint(
      0.22,
      ...[0, 1, 2].map((i) =>
        shape(
          path`M${50 + side * (40 - i * 22)} -2h12L${50 + side * (40 - i * 22) - side * 44 + 16} 90h-24Z`,
          lighter(mood.glow, 0.3),
        ),
      ),
    ),
  );
  for (const tx of [chance.between(2, 12), chance.between(86, 96)]) {
    parts.push(
      stage.patterned(
        path`M${tx - 7} ${horizon + 8}Q${tx - 5} ${horizon - 10} ${tx - 5} -2h10Q${tx + 5} ${horizon - 10} ${tx + 8} ${horizon + 8}Z`,
        lit(trunk, 0.2),
        "stripes",
        { x: tx - 7, y: -2, width: 14, height: 80 },
        5.4,
        darker(trunk, 0.13),
      ),
    );
  }
  parts.push(
    shape(
      path`M0 ${horizon + 3}Q50 ${horizon - 3} 100 ${horizon + 3}V101H0Z`,
      sketch.fade(mood.groundTop, mood.groundLow),
    ),
  );
  const wide = chance.between(24, 28);
  const tall = chance.between(21, 27);
  const stemTall = chance.between(27, 32);
  const half = chance.between(7, 9);
  const kind = chance.pick(["dots", "dots", "dots", "bands"] as const);
  const at = -stemTall;
  // How far the flanks bulge and the top is drawn out: a dome, a bell, a point.
  const [bulge, flat] = chance.pick([
    [0.85, 0.4],
    [0.85, 0.4],
    [0.5, 0.22],
    [1, 0.75],
  ] as const);
  const capPath = path`M${-wide} ${at}C${-wide} ${at - tall * bulge} ${-wide * flat} ${at - tall} 0 ${at - tall}C${wide * flat} ${at - tall} ${wide} ${at - tall * bulge} ${wide} ${at}Q0 ${at + 9} ${-wide} ${at}Z`;
  const dots = [
    [0, 0.68, 4.6],
    [-0.5, 0.4, 4],
    [0.5, 0.4, 4],
    [0, 0.2, 3.6],
    [-0.78, 0.1, 2.6],
    [0.78, 0.1, 2.6],
    [-0.3, 0.02, 2.4],
    [0.3, 0.02, 2.4],
  ] as const;
  const one = sketch.symbol(
    shape(
      path`M${-half} ${at}Q${-half * 0.7} ${at / 2} ${-half * 1.3} 0H${half * 1.3}Q${half * 0.7} ${at / 2} ${half} ${at}Z`,
      lit(stem, 0.22),
      1.4,
    ),
    ellipse(0, at + 3, wide * 0.82, 5, darker(stem, 0.26)),
    line(
      [-0.6, -0.3, 0, 0.3, 0.6]
        .map((k) => path`M${k * wide} ${at + 1}L${k * half * 1.1} ${at + 6.6}`)
        .join(""),
      darker(stem, 0.4),
      1,
    ),
    shape(
      path`M${-half * 1.35} ${at + 11}Q0 ${at + 17} ${half * 1.35} ${at + 11}L${half * 0.8} ${at + 8}H${-half * 0.8}Z`,
      lighter(stem, 0.2),
      1,
    ),
    shape(capPath, lit(cap, 0.3), 1.6),
    kind === "bands"
      ? sketch.clipped(
          capPath,
          ...[0.62, 0.2].map((k) =>
            line(
              path`M${-wide} ${at - tall * k + 2}Q0 ${at - tall * k + 9} ${wide} ${at - tall * k + 2}`,
              dot,
              3.2,
            ),
          ),
        )
      : sketch.clipped(
          capPath,
          ...dots.map(([dx, dy, r]) => ellipse(dx * wide, at - dy * tall, r * 1.08, r * 0.94, dot)),
        ),
  );
  const lean = chance.pick([-1, 1]);
  const x = 50 - lean * chance.between(2, 6);
  parts.push(
    stage.shadow(x + lean * 26, 82, 10),
    placed({ x: x + lean * 26, y: 82, scale: 0.56, degrees: lean * 4 }, one),
    stage.shadow(x, 88, 20),
    placed({ x, y: 88, scale: 1.08 }, one),
    stage.shadow(x - lean * 24, 93, 9),
    placed({ x: x - lean * 24, y: 93, scale: 0.46, degrees: -lean * 5 }, one),
  );
  if (chance.happens(0.35)) {
    // Someone lives here.
    const door = paint("bark", "teal", "berry", "blue", "moss");
    parts.push(
      placed(
        { x, y: 88, scale: 1.08 },
        shape("M-5 0V-9A5 5 0 0 1 5 -9V0Z", darker(stem, 0.35)),
        shape("M-3.7 0V-8.6A3.7 3.7 0 0 1 3.7 -8.6V0Z", lit(door)),
        circle(1.8, -5.4, 0.8, paints.butter),
        circle(0, -18.4, 3, darker(stem, 0.35)),
        circle(0, -18.4, 2.1, stage.glass),
      ),
    );
  }
  const shell = paint("apricot", "rose", "lavender", "butter", "teal");
  const sx = x + lean * 28;
  const skin = mix(tint(paints.cream), tint(paints.bark), 0.25);
  parts.push(
    placed(
      { x: sx, y: 92.5, scale: 1, scaleX: lean },
      shape("M-12 0Q-4 -2 4 -3Q8 -5 8 -11Q12 -14 14 -10Q14 0 8 0Z", skin, 1.4),
      line("M10 -10L8 -17M12 -10L15 -16", darker(skin, 0.3), 1.7),
      circle(8, -17.4, 1.5, ink),
      circle(15, -16.6, 1.5, ink),
      circle(-2, -8, 7.6, lit(shell, 0.26, lean)),
      line("M5 -7A6.4 6.4 0 1 0 -2 -1.8M1.6 -8A3.6 3.6 0 1 0 -2 -4.6", darker(shell, 0.3), 1.4),
    ),
  );
  for (const gx of [8, 30, 58, 92]) {
    const px = gx + chance.between(-3, 3);
    parts.push(
      shape(
        path`M${px - 7} 101Q${px - 7} 92 ${px - 10} 89Q${px - 3} 91 ${px - 1} 97Q${px} 90 ${px + 1} 86Q${px + 4} 91 ${px + 3} 97Q${px + 6} 91 ${px + 10} 90Q${px + 7} 94 ${px + 7} 101Z`,
        green,
        0.6,
      ),
    );
  }
  return parts;
}
