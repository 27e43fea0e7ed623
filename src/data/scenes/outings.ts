/** Tent and Ferris wheel: where one goes on a day off. */
import { darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, line, path, placed, ring, shape } from "../sprites/svg.ts";
import { ground, hills, leafColour, mountains, pine, ripples, sky, waterOf } from "./places.ts";
import { lamp, lamplight, reflected, type Stage } from "./stage.ts";

/** Striped like its flag, by a fire whose glow falls on it, before a wood and a lake that mirrors mountains. */
export function tent(stage: Stage): string[] {
  const { chance, sketch, mood, lit, isDark, tint } = stage;
  const [cloth, stripe] = stage.twoPaints(
    "coral",
    "butter",
    "teal",
    "blue",
    "cream",
    "apricot",
    "berry",
    "mint",
  );
  const wood = tint(paints.bark);
  const leaf = leafColour(stage);
  const fireSide = chance.pick([-1, 1]);
  const level = chance.between(54, 58);
  const water = waterOf(stage);
  const peaks = sketch.symbol(...mountains(stage, level));
  const shore = level + chance.between(9, 12);
  const parts = [
    ...sky(stage, level),
    peaks,
    box(0, level, 100, 20, sketch.fade(mix(water, mood.skyLow, 0.4), water)),
    sketch.clipped(path`M0 ${level}H100V80H0Z`, reflected(level, 0.5, 0.45, peaks)),
    shape(path`M0 ${shore}Q50 ${shore - 5} 100 ${shore}V101H0Z`, sketch.fade(mood.groundTop, mood.groundLow)),
  ];
  const near = chance.pick([0, 1]);
  for (const px of [3, 15, 85, 97])
    parts.push(pine(stage, px, shore + 5, (px < 10 || px > 90 ? 42 : 32) + near * 3, leaf));
  const x = 50 - fireSide * chance.between(5, 10);
  const base = 86;
  const half = chance.between(27, 31);
  const tall = chance.between(38, 44);
  const top = base - tall;
  const open = chance.between(8, 11);
  const outline = path`M${x - half} ${base}L${x} ${top}L${x + half} ${base}Z`;
  const kind = chance.pick(["stripes", "stripes", "bands"] as const);
  const one = sketch.symbol(
    stage.shadow(x, base + 1, half * 1.2),
    line(
      path`M${x} ${top}L${x - half - 9} ${base + 1}M${x} ${top}L${x + half + 9} ${base + 1}`,
      lighter(wood, 0.3),
      1.1,
    ),
    stage.patterned(
      outline,
      lit(cloth, 0.26),
      kind,
      { x: x - half, y: top, width: 2 * half, height: tall },
      kind === "stripes" ? 14 : 12,
      lighter(stripe, 0.2),
    ),
    stage.shade(outline),
    shape(
      path`M${x - open} ${base}L${x} ${top + 10}L${x + open} ${base}Z`,
      isDark ? "#ffcf7a" : darker(cloth, 0.5),
    ),
    ...[-1, 1].map((at) =>
      shape(
        path`M${x + at * open} ${base}L${x} ${top + 10}Q${x + at * open * 1.2} ${base - 16} ${x + at * (open + 6)} ${base}Z`,
        lighter(cloth, 0.3),
        0.6,
      ),
    ),
    line(path`M${x} ${top + 2}v-9`, darker(wood, 0.2), 1.5),
    shape(path`M${x} ${top - 7}l${stage.wind * 9} 2.8l${-stage.wind * 9} 2.8Z`, stripe, 0.8),
  );
  // Another of the same cloth, farther off.
  if (chance.happens(0.4))
    parts.push(placed({ x: 50 + fireSide * 28 - x * 0.36, y: shore + 8 - base * 0.36, scale: 0.36 }, one));
  parts.push(one);
  const fx = 50 + fireSide * 33;
  const fy = base + 6;
  parts.push(
    circle(fx, fy - 6, 22, sketch.glow("#ffb84f", isDark ? 0.6 : 0.32)),
    ellipse(fx, fy + 1.5, 10, 3, darker(mood.groundLow, 0.25)),
    shape(
      path`M${fx - 6} ${fy}Q${fx - 7} ${fy - 8} ${fx - 1} ${fy - 17}Q${fx + 1} ${fy - 11} ${fx + 4} ${fy - 12}Q${fx + 8} ${fy - 5} ${fx + 6} ${fy}Z`,
      sketch.fade("#f7b64a", "#e8683f"),
    ),
    shape(
      path`M${fx - 3} ${fy}Q${fx - 3} ${fy - 5} ${fx} ${fy - 9}Q${fx + 4} ${fy - 4} ${fx + 3} ${fy}Z`,
      lamplight,
    ),
    line(
      path`M${fx - 7} ${fy + 1.5}L${fx + 7} ${fy - 1.5}M${fx - 7} ${fy - 1.5}L${fx + 7} ${fy + 1.5}`,
      darker(wood, 0.15),
      3,
    ),
    line(path`M${50 - fireSide * 8} 96h15`, wood, 5),
    circle(50 - fireSide * 8 + 15, 96, 2.6, lighter(wood, 0.4)),
  );
  return parts;
}

/**
 * Cars in two colours that take turns, all upright, on a wheel over a fair whose tents are striped alike, or on a quay
 * where all of it stands again in the water.
 */
export function ferrisWheel(stage: Stage): string[] {
  const { chance, sketch, lit, isDark, tint, mood } = stage;
  const [first, second] = stage.twoPaints("coral", "butter", "teal", "blue", "berry", "mint", "lavender");
  const steel = tint(lighter(paints.plum, chance.between(0.1, 0.5)));
  const frame = tint(chance.pick([paints.navy, paints.berry, paints.teal, paints.bark]));
  const x = chance.between(46, 54);
  const y = chance.between(42, 45);
  const r = chance.between(28, 31);
  const count = chance.pick([6, 8, 8]);
  const turn = chance.between(0, 360 / count);
  const behind = [...sky(stage, 76), ...hills(stage, 74), ground(stage, 76)];
  const parts: string[] = [];
  const tentAt = (tx: number, size: number) => {
    const base = 86;
    return [
      stage.patternedBox(
        { x: tx - size, y: base - size * 0.85, width: 2 * size, height: size * 0.85 },
        lighter(first, 0.6),
        "stripes",
        size * 0.57,
        first,
      ),
      stage.patterned(
        path`M${tx - size - 2} ${base - size * 0.8}L${tx} ${base - size * 1.7}L${tx + size + 2} ${base - size * 0.8}Z`,
        lit(second, 0.2),
        "stripes",
        { x: tx - size - 2, y: base - size * 1.7, width: 2 * size + 4, height: size },
        size * 0.6,
        lighter(second, 0.45),
      ),
      line(path`M${tx} ${base - size * 1.7}v-5`, frame, 1.2),
      shape(
        path`M${tx} ${base - size * 1.7 - 5}l${stage.wind * 5.5} 1.8l${-stage.wind * 5.5} 1.8Z`,
        first,
        0.5,
      ),
      box(tx - size * 0.2, base - size * 0.55, size * 0.4, size * 0.55, darker(first, 0.45), 1),
    ];
  };
  parts.push(
    stage.shadow(x, 88, 30),
    line(path`M${x} ${y}L${x - 17} 89M${x} ${y}L${x + 17} 89`, darker(frame, 0.12), 3.4),
    ring(x, y, r, r, steel, 2.4),
    ring(x, y, r * 0.62, r * 0.62, steel, 1.3),
  );
  const places = Array.from({ length: count }, (_, i) => {
    const a = ((turn + (360 * i) / count) * Math.PI) / 180;
    return { cx: x + r * Math.cos(a), cy: y + r * Math.sin(a), colour: i % 2 === 0 ? first : second };
  });
  parts.push(line(places.map(({ cx, cy }) => path`M${x} ${y}L${cx} ${cy}`).join(""), steel, 1.4));
  for (const { cx, cy, colour } of places) {
    if (isDark) parts.push(circle(cx, cy, 7, sketch.glow(lamplight, 0.5)));
    parts.push(
      line(path`M${cx} ${cy}v4`, darker(frame, 0.2), 1.2),
      shape(path`M${cx - 5.4} ${cy + 4.6}q5.4 -7 10.8 0Z`, lighter(colour, 0.35), 0.6),
      shape(path`M${cx - 5} ${cy + 6}h10v2.4a5 4 0 0 1 -10 0Z`, lit(colour, 0.22), 0.6),
      circle(cx, cy, 1.5, lighter(steel, 0.4)),
    );
  }
  parts.push(circle(x, y, 4, lit(frame)), circle(x, y, 1.9, first));
  parts.push(...tentAt(x - 35, 11), ...tentAt(x + 35, 11));
  if (chance.happens(0.4)) {
    const water = waterOf(stage);
    const quay = mix(tint(paints.bark), mood.groundLow, 0.3);
    const level = 85.5;
    // The water starts where the ground of the fair ends, so that what it mirrors meets what it stands on.
    const seen = sketch.symbol(...parts, box(0, 82, 100, 3.6, lighter(quay, 0.2)));
    return [
      ...behind,
      sketch.clipped(path`M0 0H100V${level}H0Z`, seen),
      box(0, level, 100, 20, sketch.fade(mix(water, mood.skyLow, 0.3), darker(water, 0.22))),
      sketch.clipped(path`M0 ${level}H100V101H0Z`, reflected(level, 0.3, 0.55, seen)),
      line(path`M0 ${level}H100`, darker(quay, 0.2), 1.6),
      ripples(x, 91, 28, water),
    ];
  }
  parts.push(
    box(x - 20, 87, 40, 5, lit(frame, 0.2), 1),
    shape(
      path`M0 91Q50 88 100 91V101H0Z`,
      sketch.fade(
        mix(mood.groundTop, tint(paints.cream), 0.55),
        mix(mood.groundLow, tint(paints.cream), 0.4),
      ),
    ),
  );
  // A string of pennants or lamps across the front, its colours taking turns.
  for (let i = 0; i < 9; i++) {
    const px = 6 + i * 11;
    const py = 93.5 + Math.abs(i - 4) * -0.5;
    if (isDark) parts.push(lamp(sketch, px, py + 2, 1.5, lamplight));
    else parts.push(shape(path`M${px - 3.6} ${py}h7.2l-3.6 5.5Z`, i % 2 === 0 ? first : second));
  }
  parts.push(line("M0 91.2Q50 96.5 100 91.2", frame, 1.1));
  return [...behind, ...parts];
}
