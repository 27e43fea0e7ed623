/** Cactuses, flowers in a vase, teapot, cake: what stands on sills and tables, in sets that match. */
import { darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, shape } from "../sprites/svg.ts";
import type { PatternName } from "./patterns.ts";
import { china, clothTable, room, sky } from "./places.ts";
import { gloom, lamp, type Stage, starlight } from "./stage.ts";

/** Three kinds in a row, pots of one pattern, before a window that shows the hour. */
export function cactus(stage: Stage): string[] {
  const { chance, sketch, mood, lit, paint, twoPaints, isDark } = stage;
  const wall = paint("cream", "sky", "rose", "mint", "butter", "lavender");
  const green = paint("moss", "leaf", "teal");
  const dark = darker(green, 0.26);
  const bloom = paint("coral", "rose", "butter", "berry");
  const [pot, figure] = twoPaints("apricot", "coral", "teal", "blue", "cream", "plum", "rose");
  const kind = chance.pick(["zigzag", "dots", "diamonds", "bands", "stripes"] as const);
  const frame = lighter(paint("cream"), 0.5);
  const sill = 80;
  const sunX = 50 + stage.side * chance.between(16, 28);
  const parts = [
    box(0, 0, 100, 100, lighter(wall, 0.2)),
    box(7, 4, 86, sill - 4, darker(frame, 0.1), 1.5),
    sketch.clipped(
      path`M11 8H89V${sill}H11Z`,
      box(11, 8, 78, sill - 8, sketch.fade(isDark ? darker(mood.skyTop, 0.25) : mood.skyTop, mood.skyLow)),
      ...(isDark
        ? [14, 30, 45, 62, 80].map((x, i) =>
            circle(x + chance.between(-2, 4), 14 + ((i * 13) % 24), 1, starlight),
          )
        : []),
      circle(sunX, chance.between(20, 26), 15, sketch.glow(mood.glow, 0.55)),
      circle(sunX, 23, 7, isDark ? mood.glow : lighter(mood.glow, 0.2)),
      ellipse(chance.between(20, 45), sill, 40, 22, mood.hills),
      ellipse(chance.between(60, 85), sill + 2, 36, 18, mood.groundTop),
    ),
    box(48.6, 8, 2.8, sill - 8, frame),
    box(11, 33, 78, 2.6, frame),
    box(0, sill - 1, 100, 22, sketch.fade(lighter(frame, 0.2), darker(wall, 0.1))),
    box(0, sill + 15, 100, 2, darker(wall, 0.2)),
  ];
  const base = sill + 11;
  const potAt = (x: number, half: number, tall: number) => {
    const outline = path`M${x - half} ${base - tall}H${x + half}L${x + half * 0.76} ${base}H${x - half * 0.76}Z`;
    return [
      stage.shadow(x, base, half * 1.2),
      stage.patterned(
        outline,
        lit(pot, 0.24),
        kind,
        { x: x - half, y: base - tall + 4, width: 2 * half, height: tall - 4 },
        kind === "zigzag" ? 7 : 6.4,
        lighter(figure, 0.25),
      ),
      stage.shade(outline, 0.3),
      box(x - half - 1.6, base - tall - 2.4, 2 * half + 3.2, 5.6, lit(lighter(pot, 0.1), 0.2), 1.6),
    ].join("");
  };
  const ribs = (x: number, y: number, rx: number, ry: number) =>
    line(
      [-0.5, 0, 0.5]
        .map(
          (k) =>
            path`M${x + k * rx} ${y - ry * Math.sqrt(1 - k * k) * 0.92}Q${x + k * rx * 1.25} ${y} ${x + k * rx} ${y + ry * Math.sqrt(1 - k * k) * 0.92}`,
        )
        .join(""),
      dark,
      1.2,
    );
  const flower = (x: number, y: number, r: number) =>
    [0, 72, 144, 216, 288]
      .map((a) => placed({ x, y, degrees: a }, ellipse(0, -r * 0.6, r * 0.4, r * 0.6, bloom)))
      .join("") + circle(x, y, r * 0.36, "#f6dd8c");
  // The tall one with its arms, in the middle.
  const x = chance.between(47, 53);
  const tall = chance.between(40, 46);
  const half = chance.between(7, 8.4);
  const potTall = 16;
  const foot = base - potTall;
  const arm = (at: number, y: number, up: number) =>
    line(
      path`M${x + at * half * 0.5} ${y}H${x + at * (half + 6)}Q${x + at * (half + 9)} ${y} ${x + at * (half + 9)} ${y - 5}V${y - up}`,
      green,
      7.4,
    ) + line(path`M${x + at * (half + 9)} ${y - 4}V${y - up}`, dark, 1.1);
  const armY = foot - tall * 0.42;
  parts.push(
    arm(-1, armY + chance.between(0, 5), chance.between(11, 16)),
    arm(1, armY - chance.between(0, 6), chance.between(11, 16)),
    box(x - half, foot - tall, 2 * half, tall + 4, lit(green, 0.26), half),
    line(
      path`M${x - half * 0.5} ${foot - tall + 5}V${foot}M${x} ${foot - tall + 3}V${foot}M${x + half * 0.5} ${foot - tall + 5}V${foot}`,
      dark,
      1.2,
    ),
    flower(x, foot - tall, 5.4),
    potAt(x, 13, potTall),
  );
  const lean = chance.pick([-1, 1]);
  const bx = x + lean * 33;
  const r = chance.between(9.5, 11);
  const smallFoot = base - 11;
  parts.push(
    circle(bx, smallFoot - r * 0.7, r, lit(green, 0.26)),
    ribs(bx, smallFoot - r * 0.7, r, r),
    flower(bx, smallFoot - r * 1.6, 4.4),
    potAt(bx, 9.4, 11),
  );
  const px = x - lean * 33;
  const pad = (cx: number, cy: number, degrees: number, s: number) =>
    placed(
      { x: cx, y: cy, degrees },
      ellipse(0, -9 * s, 6.6 * s, 9.4 * s, lit(green, 0.26)),
      ...[
        [-2, -12],
        [2, -12],
        [0, -8],
        [-2.6, -5],
        [2.6, -5],
      ].map(([dx, dy]) => circle(dx! * s, dy! * s, 0.8, dark)),
    );
  parts.push(
    pad(px, smallFoot + 2, 0, 1.15),
    pad(px - 4, smallFoot - 13, -32, 0.72),
    pad(px + 4, smallFoot - 14, 30, 0.78),
    flower(px + 9, smallFoot - 27, 3.4),
    potAt(px, 9.4, 11),
  );
  return parts;
}

/** In the desert before table mountains, a row of its kind behind it; all shadows fall one way. */
export function desertCactus(stage: Stage): string[] {
  const { chance, mood, lit, paint, tint, plane, side } = stage;
  const horizon = chance.between(62, 67);
  const rock = mix(
    tint(chance.pick([paints.coral, paints.apricot, paints.plum, paints.bark])),
    mood.hills,
    0.4,
  );
  const sand = mix(mood.groundTop, tint(chance.pick([paints.butter, paints.apricot, paints.cream])), 0.72);
  const green = paint("moss", "leaf", "teal");
  const dark = darker(green, 0.28);
  const bloom = paint("coral", "rose", "butter", "berry");
  const parts = [...sky(stage, horizon, 1)];
  const start = chance.between(-4, 12);
  for (let i = 0; i < 3; i++) {
    const x = start + i * 42;
    const tall = 17 + ((i * 7) % 12);
    const half = 15 + ((i * 5) % 8);
    const mesa = path`M${x - half - 6} ${horizon + 1}L${x - half} ${horizon - tall}H${x + half * 0.8}L${x + half + 6} ${horizon + 1}Z`;
    parts.push(
      stage.patterned(
        mesa,
        rock,
        "bands",
        { x: x - half - 6, y: horizon - tall, width: 2 * half + 14, height: tall + 2 },
        9,
        darker(rock, 0.1),
      ),
      shape(
        path`M${x + side * half * 0.35} ${horizon - tall}H${x + side * half * 0.8}L${x + side * (half + 6)} ${horizon + 1}H${x + side * half * 0.5}Z`,
        plane(rock, side, 0.16),
      ),
    );
  }
  parts.push(box(0, horizon, 100, 40, stage.sketch.fade(lighter(sand, 0.12), darker(sand, 0.1))));
  parts.push(
    shape(
      path`M0 ${horizon + 14}Q30 ${horizon + 8} 60 ${horizon + 14}T100 ${horizon + 12}V101H0Z`,
      darker(sand, 0.07),
    ),
  );
  const arms = chance.pick([1, 1, -1]);
  const tall = chance.between(52, 58);
  const half = chance.between(6.6, 7.8);
  const left = chance.between(0.38, 0.48) * tall;
  const right = chance.between(0.5, 0.6) * tall;
  const flower = (x: number, y: number, r: number) =>
    [0, 72, 144, 216, 288]
      .map((a) => placed({ x, y, degrees: a }, ellipse(0, -r * 0.6, r * 0.4, r * 0.6, bloom)))
      .join("") + circle(x, y, r * 0.36, "#f6dd8c");
  const one = stage.sketch.symbol(
    ...(
      [
        [-1, left],
        [1, right],
      ] as const
    ).map(
      ([at, y]) =>
        line(
          path`M${at * 3} ${-y}H${at * (half + 6)}Q${at * (half + 9.6)} ${-y} ${at * (half + 9.6)} ${-y - 5}V${-y - 15}`,
          at === side ? lighter(green, 0.14) : darker(green, 0.12),
          7.6,
        ) +
        line(path`M${at * (half + 9.6)} ${-y - 4}V${-y - 15}`, dark, 1.1) +
        flower(at * (half + 9.6), -y - 18, 3.6),
    ),
    shape(path`M${-half} 0V${-tall + half}a${half} ${half} 0 0 1 ${2 * half} 0V0Z`, lit(green, 0.28)),
    line(path`M${-half * 0.5} ${-tall + 6}V-1M0 ${-tall + 4}V-1M${half * 0.5} ${-tall + 6}V-1`, dark, 1.2),
    flower(0, -tall, 5.2),
  );
  for (const dx of [-36, -22, 30, 42]) {
    const y = horizon + 5 + Math.abs(dx % 4);
    parts.push(
      stage.shadow(50 + arms * dx, y, 4),
      placed({ x: 50 + arms * dx, y, scale: 0.2 + (Math.abs(dx) % 3) * 0.03 }, one),
    );
  }
  const x = chance.between(44, 56);
  const base = chance.between(88, 91);
  parts.push(
    faint(
      0.28,
      shape(
        path`M${x - 5} ${base}h10L${x - side * 52 + 4} ${base + 6}q${-side * 7} 2 ${-side * 9} -1Z`,
        gloom,
      ),
    ),
    stage.shadow(x, base, 10),
    placed({ x, y: base, scale: 1.12 }, one),
  );
  const bx = x + arms * chance.between(24, 30);
  parts.push(
    stage.shadow(bx, base + 4, 9),
    circle(bx, base - 3, 7.6, lit(green, 0.28)),
    line(
      path`M${bx - 3.6} ${base - 9}Q${bx - 5.4} ${base - 3} ${bx - 3.6} ${base + 3}M${bx} ${base - 10}V${base + 4}M${bx + 3.6} ${base - 9}Q${bx + 5.4} ${base - 3} ${bx + 3.6} ${base + 3}`,
      dark,
      1.1,
    ),
    flower(bx, base - 10.4, 3.8),
  );
  const stone = mix(rock, tint(paints.cream), 0.25);
  for (const [dx, dy, r] of [
    [-26, 5, 5],
    [-33, 6, 3.4],
    [12, 8, 3],
  ] as const) {
    const sx = x + arms * dx;
    parts.push(
      stage.shadow(sx, base + dy + r * 0.4, r * 1.1),
      ellipse(sx, base + dy, r * 1.2, r * 0.8, lit(stone, 0.26)),
    );
  }
  return parts;
}

/** A bunch of one kind in three colours that take turns, on a cloth; what fell lies beside. */
export function flowers(stage: Stage): string[] {
  const { chance, lit, paint, twoPaints } = stage;
  const edge = chance.between(70, 74);
  const elements = room(stage, { edge: 100, hasWindow: chance.happens(0.6) });
  const [first, second] = twoPaints(
    "coral",
    "rose",
    "lavender",
    "butter",
    "berry",
    "apricot",
    "blue",
    "cream",
  );
  const heart = chance.pick([paints.butter, paints.apricot, paints.bark]);
  const green = paint("moss", "leaf");
  const [vase, figure] = twoPaints(...china);
  const kind = chance.pick([
    "bands",
    "zigzag",
    "dots",
    "diamonds",
    "stripes",
  ] as const satisfies readonly PatternName[]);
  const x = 50 - stage.side * chance.between(0, 6);
  const base = 90;
  const flowerKind = chance.pick(["daisy", "tulip", "daisy"] as const);
  const petals = chance.whole(6, 9);
  const parts = [...elements, ...clothTable(stage, edge)];
  const bloom = (px: number, py: number, r: number, colour: string, degrees: number) =>
    flowerKind === "daisy"
      ? [
          ...Array.from({ length: petals }, (_, i) =>
            placed(
              { x: px, y: py, degrees: degrees + (360 * i) / petals },
              ellipse(
                0,
                -r * 0.62,
                r * (2.1 / petals + 0.02),
                r * 0.42,
                i % 2 === 0 ? colour : lighter(colour, 0.16),
              ),
            ),
          ),
          circle(px, py, r * 0.34, heart),
        ].join("")
      : placed(
          { x: px, y: py, degrees },
          shape(
            path`M${-r * 0.62} ${-r * 0.7}L${-r * 0.3} ${-r * 0.2}L0 ${-r * 0.95}L${r * 0.3} ${-r * 0.2}L${r * 0.62} ${-r * 0.7}Q${r * 0.9} ${r * 0.7} 0 ${r * 0.8}Q${-r * 0.9} ${r * 0.7} ${-r * 0.62} ${-r * 0.7}Z`,
            lit(colour, 0.24),
            1,
          ),
          line(path`M0 ${-r * 0.5}V${r * 0.5}`, darker(colour, 0.2), 1.1),
        );
  const neck = base - 29;
  const r = flowerKind === "daisy" ? 10.5 : 9.4;
  const places = [
    [-27, -25, -38],
    [27, -25, 38],
    [-15, -39, -18],
    [15, -39, 18],
    [0, -26, 0],
    [-13, -17, -24],
    [13, -17, 24],
  ] as const;
  parts.push(stage.shadow(x, base, 17));
  for (const [dx, dy] of places)
    parts.push(
      line(
        path`M${x + dx * 0.1} ${neck}Q${x + dx * 0.4} ${neck + dy * 0.5} ${x + dx} ${neck + dy}`,
        darker(green, 0.06),
        1.9,
      ),
    );
  for (const at of [-1, 1]) {
    parts.push(
      shape(
        path`M${x + at * 3} ${neck}Q${x + at * 20} ${neck - 2} ${x + at * 29} ${neck - 9}Q${x + at * 16} ${neck - 15} ${x + at * 3} ${neck}Z`,
        lit(green, 0.2),
        0.8,
      ),
      shape(
        path`M${x + at * 2} ${neck}Q${x + at * 4} ${neck - 24} ${x + at * 9} ${neck - 31}Q${x + at * 13} ${neck - 16} ${x + at * 2} ${neck}Z`,
        darker(green, 0.1),
        0.8,
      ),
    );
  }
  for (const [i, [dx, dy, degrees]] of places.entries()) {
    const colour = i === 4 ? lighter(first, 0.1) : i < 2 || i > 4 ? first : second;
    parts.push(bloom(x + dx, neck + dy, r, colour, degrees));
  }
  const outline = path`M${x - 8} ${neck - 2}Q${x - 7} ${neck + 6} ${x - 14} ${neck + 13}Q${x - 17} ${base - 6} ${x - 8} ${base}H${x + 8}Q${x + 17} ${base - 6} ${x + 14} ${neck + 13}Q${x + 7} ${neck + 6} ${x + 8} ${neck - 2}Z`;
  parts.push(
    stage.patterned(
      outline,
      lit(vase, 0.26),
      kind,
      { x: x - 16, y: neck + 7, width: 32, height: 20 },
      kind === "bands" ? 10 : 8,
      lighter(figure, 0.35),
    ),
    stage.shade(outline, 0.34),
    ellipse(x, neck - 2, 8.6, 2, darker(vase, 0.3)),
    faint(0.4, ellipse(x + stage.side * 8, neck + 17, 2, 6, "#ffffff")),
  );
  const fx = x + stage.side * chance.between(25, 31);
  parts.push(stage.shadow(fx, base + 2, 7), bloom(fx, base, r * 0.62, first, chance.between(0, 40)));
  return parts;
}

/** With cups of the same glaze and pattern, steam from all of them, on a cloth. */
export function teapot(stage: Stage): string[] {
  const { chance, lit, twoPaints } = stage;
  const edge = chance.between(56, 62);
  const elements = room(stage, { edge: 100, hasWindow: chance.happens(0.7) });
  const [glaze, figure] = twoPaints(...china);
  const pale = lighter(glaze, 0.08);
  const mark = lighter(figure, 0.3);
  const kind = chance.pick([
    "dots",
    "bands",
    "stripes",
    "zigzag",
    "diamonds",
  ] as const satisfies readonly PatternName[]);
  const tea = mix(paints.bark, paints.apricot, 0.35);
  const facing = chance.pick([-1, 1] as const);
  const parts = [...elements, ...clothTable(stage, edge)];
  const x = 50 - facing * chance.between(2, 6);
  const base = chance.between(79, 82);
  const wide = chance.between(21, 24);
  const tall = chance.between(29, 34);
  const steam = (sx: number, sy: number, s: number) =>
    faint(0.6, line(path`M${sx} ${sy}q${-4 * s} ${-4 * s} 0 ${-8 * s}t0 ${-8 * s}`, "#ffffff", 2 * s + 0.4));
  const rim = path`M${-wide * 0.5} ${-tall}C${-wide * 1.2} ${-tall * 0.9} ${-wide * 1.25} ${-tall * 0.1} ${-wide * 0.62} 0H${wide * 0.62}C${wide * 1.25} ${-tall * 0.1} ${wide * 1.2} ${-tall * 0.9} ${wide * 0.5} ${-tall}Z`;
  const band = { x: -wide * 1.1, y: -tall * 0.74, width: wide * 2.2, height: tall * 0.46 };
  const bandPath = path`M${-wide * 1.2} ${-tall * 0.76}Q0 ${-tall * 0.66} ${wide * 1.2} ${-tall * 0.76}V${-tall * 0.3}Q0 ${-tall * 0.18} ${-wide * 1.2} ${-tall * 0.3}Z`;
  parts.push(
    stage.shadow(x, base, wide * 1.35),
    placed(
      { x, y: base, scale: 1, scaleX: facing },
      line(
        path`M${-wide * 0.8} ${-tall * 0.78}C${-wide * 1.9} ${-tall * 0.95} ${-wide * 1.8} ${-tall * 0.1} ${-wide * 0.85} ${-tall * 0.22}`,
        darker(glaze, 0.1),
        4.6,
      ),
      shape(
        path`M${wide * 0.75} ${-tall * 0.2}C${wide * 1.5} ${-tall * 0.2} ${wide * 1.25} ${-tall * 0.75} ${wide * 1.75} ${-tall * 0.86}L${wide * 1.5} ${-tall * 0.98}C${wide * 1.1} ${-tall * 0.86} ${wide * 1.1} ${-tall * 0.6} ${wide * 0.8} ${-tall * 0.62}Z`,
        lit(pale, 0.16, facing),
        1.6,
      ),
      shape(rim, lit(pale, 0.28, facing), 1),
      stage.sketch.clipped(
        rim,
        stage.patterned(bandPath, "none", kind, band, kind === "bands" ? 8 : 8.6, mark),
      ),
      stage.shade(rim, 0.34, facing),
      line(
        path`M${-wide * 0.98} ${-tall * 0.77}Q0 ${-tall * 0.67} ${wide * 0.98} ${-tall * 0.77}`,
        figure,
        1.5,
      ),
      ellipse(0, -tall, wide * 0.52, 2.6, darker(glaze, 0.24)),
      shape(
        path`M${-wide * 0.48} ${-tall}Q0 ${-tall - 13} ${wide * 0.48} ${-tall}Q0 ${-tall + 3} ${-wide * 0.48} ${-tall}Z`,
        lit(pale, 0.2, facing),
        0.8,
      ),
      circle(0, -tall - 7.4, 2.9, figure),
      faint(0.45, ellipse(stage.side * facing * wide * 0.62, -tall * 0.58, 2.2, 6.4, "#ffffff")),
    ),
    steam(x + facing * wide * 1.72, base - tall * 0.98, 0.9),
  );
  const cup = (cx: number, cy: number, s: number, at: number) =>
    placed(
      { x: cx, y: cy, scale: s },
      stage.shadow(0, 2, 13),
      ellipse(0, 0, 15, 3.8, darker(pale, 0.06)),
      ellipse(0, -0.8, 14, 3.2, lighter(pale, 0.35)),
      line(
        path`M${at * 8} -11.5q${at * 8} -0.6 ${at * 6.4} 5q${-at * 2.4} 3.6 ${-at * 8} 3`,
        darker(glaze, 0.1),
        2.2,
      ),
      stage.patterned(
        "M-10 -13.5H10Q9.4 -1 3.6 -0.5H-3.6Q-9.4 -1 -10 -13.5Z",
        lit(pale, 0.26),
        kind,
        { x: -10, y: -10.4, width: 20, height: 7 },
        kind === "bands" ? 6 : 6.4,
        mark,
      ),
      ellipse(0, -13.5, 10, 2.6, lighter(pale, 0.4)),
      ellipse(0, -13.2, 8.4, 1.8, tea),
    ) + steam(cx, cy - 17 * s, 0.75 * s);
  const near = base + 11;
  parts.push(cup(x + facing * 30, near - 1, 0.98, facing), cup(x - facing * 27, near, 0.98, -facing));
  const biscuit = mix(paints.apricot, paints.bark, 0.15);
  const bx = x + facing * 2;
  parts.push(
    ellipse(bx, near + 1.5, 12, 3.4, darker(pale, 0.08)),
    ellipse(bx, near + 0.8, 11, 2.8, lighter(pale, 0.35)),
    ...[-5, 0, 5].map((dx, i) => ellipse(bx + dx, near - 1 - (i === 1 ? 2 : 0), 4, 2.4, lit(biscuit, 0.2))),
  );
  return parts;
}

/** Tiers in turn, candles in a row and all alight, pennants that repeat the colours. */
export function cake(stage: Stage): string[] {
  const { chance, sketch, lit, twoPaints, paint, isDark } = stage;
  const edge = chance.between(70, 74);
  const elements = room(stage, { edge: 100, hasWindow: false });
  const [first, second] = twoPaints("rose", "mint", "butter", "lavender", "sky", "coral", "cream", "apricot");
  const cream = lighter(paint("cream"), 0.5);
  const fruit = paint("coral", "berry", "blue", "plum");
  const stand = paint("sky", "cream", "mint", "lavender", "teal");
  const kind = chance.pick([
    "stripes",
    "dots",
    "zigzag",
    "diamonds",
  ] as const satisfies readonly PatternName[]);
  const tiers = chance.pick([2, 3]);
  const candles = chance.pick([3, 4, 5]);
  const x = chance.between(47, 53);
  const parts = [...elements];
  if (isDark) parts.push(faint(0.35, box(0, 0, 100, 100, gloom)));
  for (let i = 0; i < 10; i++) {
    const px = 5 + i * 10;
    const py = 4 + 9 * (1 - ((px - 50) / 50) ** 2);
    parts.push(shape(path`M${px - 4.4} ${py}h8.8l-4.4 8Z`, [first, second, fruit][i % 3]!));
  }
  parts.push(line("M-2 3Q50 23 102 3", darker(fruit, 0.2), 1.1));
  parts.push(...clothTable(stage, edge));
  const base = 84;
  parts.push(
    stage.shadow(x, 92, 24),
    shape(path`M${x - 5} ${base}H${x + 5}L${x + 12} 92H${x - 12}Z`, lit(stand, 0.26), 1),
    ellipse(x, base, 34, 4.4, darker(stand, 0.14)),
    ellipse(x, base - 1.4, 33, 3.8, lit(lighter(stand, 0.3), 0.2)),
  );
  let y = base - 1;
  const height = tiers === 3 ? 14.5 : 18.5;
  for (let i = 0; i < tiers; i++) {
    const half = 28 - i * (tiers === 3 ? 7.6 : 9);
    const colour = i % 2 === 0 ? first : second;
    const top = y - height;
    const outline = path`M${x - half} ${top}V${y - 1.5}Q${x} ${y + 3.5} ${x + half} ${y - 1.5}V${top}Z`;
    parts.push(
      stage.patterned(
        outline,
        lit(colour, 0.26),
        kind,
        { x: x - half, y: top + 6, width: 2 * half, height: height },
        kind === "zigzag" ? 9 : 8,
        i % 2 === 0 ? lighter(second, 0.3) : lighter(first, 0.3),
      ),
    );
    // Icing that runs over the rim in even drops.
    const drops = Math.round(half / 3.4);
    const step = (2 * half) / drops;
    let d = path`M${x - half - 0.6} ${top}`;
    for (let k = 0; k < drops; k++)
      d += path`q0 ${k % 2 === 0 ? 9 : 6.4} ${step / 2} ${k % 2 === 0 ? 9 : 6.4}t${step / 2} ${k % 2 === 0 ? -9 : -6.4}`;
    parts.push(shape(`${d}Z`, cream, 0.8), ellipse(x, top, half + 0.6, 2.8, lighter(cream, 0.2)));
    const berries = tiers === 3 ? 3 - i : 2 - i;
    for (let k = 0; k < berries; k++)
      for (const at of [-1, 1])
        parts.push(circle(x + at * (half - 3.4 - k * 6), top - 1.6, 2.2, lit(fruit, 0.3)));
    y = top;
  }
  if (chance.happens(0.5)) {
    // A slice, of the layers that the tiers are of.
    const sx = x + chance.pick([-1, 1]) * 33;
    parts.push(
      stage.shadow(sx, 96, 12),
      ellipse(sx, 95.5, 12.5, 3.2, darker(stand, 0.14)),
      ellipse(sx, 94.7, 11.5, 2.6, lighter(stand, 0.35)),
      box(sx - 7.5, 84, 15, 10.4, first, 0.8),
      box(sx - 7.5, 87.4, 15, 3.4, second),
      line(path`M${sx - 7} 87.4h14M${sx - 7} 90.8h14`, cream, 1.1),
      box(sx - 8, 82, 16, 3.4, cream, 1.6),
      circle(sx, 80.6, 2.2, lit(fruit, 0.3)),
    );
  }
  const reach = (tiers === 3 ? 28 - 15.2 : 19) - 5;
  for (let i = 0; i < candles; i++) {
    const cx = x + (i / (candles - 1) - 0.5) * 2 * reach * 0.82;
    const wax = i % 2 === 0 ? fruit : lighter(second, 0.2);
    parts.push(
      lamp(sketch, cx, y - 13, 1.1, "#ffc65c"),
      box(cx - 1.3, y - 9.6, 2.6, 10, wax, 0.6),
      line(path`M${cx - 1} ${y - 5.4}l2 -1.4M${cx - 1} ${y - 2}l2 -1.4`, cream, 0.9),
      shape(
        path`M${cx} ${y - 16}Q${cx + 2.4} ${y - 12} ${cx} ${y - 10}Q${cx - 2.4} ${y - 12} ${cx} ${y - 16}Z`,
        "#ffb648",
      ),
    );
  }
  return parts;
}
