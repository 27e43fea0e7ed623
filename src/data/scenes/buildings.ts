/** Castle, house, windmill, lighthouse: what people build, and what lies around it. */
import { darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, shape } from "../sprites/svg.ts";
import {
  ground,
  hills,
  leafColour,
  leafy,
  mountains,
  outdoors,
  pine,
  ripples,
  sky,
  snow,
  snowLine,
  waterOf,
} from "./places.ts";
import { gloom, lamplight, reflected, type Stage, waves } from "./stage.ts";

/** On a hill or in a lake that mirrors it: equal towers on both sides, flags in one wind and colour, a way to the gate. */
export function castle(stage: Stage): string[] {
  const { chance, sketch, mood, lit, paint, glass, wind, plane } = stage;
  const wall = paint("cream", "lavender", "apricot", "rose", "sky");
  const roof = paint("coral", "berry", "plum", "navy", "teal", "blue");
  const flag = paint("coral", "butter", "berry", "teal", "blue");
  const door = paint("bark");
  const leaf = leafColour(stage);
  const wide = chance.between(21, 26);
  const towerTall = chance.between(36, 44);
  const half = chance.between(6, 7.5);
  const coneTall = chance.between(15, 20);
  const keepTall = chance.between(42, 48);
  const hasOuter = chance.happens(0.6);
  const isPointed = chance.happens(0.7);
  const base = 74;
  const bricks = darker(wall, 0.13);
  const banner = (x: number, y: number) =>
    line(path`M${x} ${y + 2}V${y - 9}`, darker(door, 0.2), 1.4) +
    shape(path`M${x} ${y - 9}L${x + wind * 9} ${y - 6.5}L${x} ${y - 4}Z`, flag, 0.8);
  const battlements = (x0: number, x1: number, y: number) => {
    const count = Math.max(2, Math.round((x1 - x0) / 5 / 2) * 2 + 1);
    const step = (x1 - x0) / (2 * count - 1);
    return Array.from({ length: count }, (_, i) =>
      box(x0 + 2 * i * step, y - 3.5, step, 4.5, i < count / 2 ? plane(wall, -1, 0.1) : plane(wall, 1, 0.1)),
    );
  };
  const tower = (x: number, w: number, tall: number, cone: number) => [
    stage.patternedBox(
      { x: x - w, y: base - tall, width: 2 * w, height: tall + 2 },
      lit(wall, 0.2),
      "bricks",
      8,
      bricks,
    ),
    box(x - w - 1, base - tall - 1, 2 * w + 2, 4, lit(darker(wall, 0.08), 0.2), 1),
    ...(isPointed
      ? [
          shape(
            path`M${x - w - 1.5} ${base - tall - 1}L${x} ${base - tall - cone}L${x + w + 1.5} ${base - tall - 1}Z`,
            lit(roof, 0.26),
            1,
          ),
          banner(x, base - tall - cone),
        ]
      : [...battlements(x - w - 1, x + w + 1, base - tall - 1), banner(x, base - tall - 3)]),
    box(x - 1.7, base - tall + 8, 3.4, 7, glass, 1.7),
  ];
  const x = chance.between(44, 56);
  const bend = chance.between(-16, 16);
  const isInLake = chance.happens(0.4);
  const behind = [
    ...sky(stage, 70),
    ...(chance.happens(0.5) ? mountains(stage, 72) : hills(stage, 66)),
    ground(stage, 70),
  ];
  const parts: string[] = [];
  if (hasOuter) {
    for (const at of [-1, 1])
      parts.push(...tower(x + at * (wide + 11), half * 0.75, towerTall * 0.58, coneTall * 0.8));
    parts.push(
      stage.patternedBox(
        { x: x - wide - 11, y: base - 15, width: 2 * wide + 22, height: 16 },
        darker(wall, 0.06),
        "bricks",
        8,
        bricks,
      ),
    );
  }
  const keep = wide * 0.58;
  parts.push(
    ...tower(x, keep, keepTall, coneTall * 1.05),
    stage.patternedBox(
      { x: x - wide, y: base - 24, width: 2 * wide, height: 26 },
      lit(wall, 0.12),
      "bricks",
      8,
      bricks,
    ),
    ...battlements(x - wide, x + wide, base - 24),
    ...tower(x - wide, half, towerTall, coneTall),
    ...tower(x + wide, half, towerTall, coneTall),
    shape(path`M${x - 6.5} ${base + 2}v-10a6.5 6.5 0 0 1 13 0v10Z`, darker(wall, 0.35)),
    shape(path`M${x - 4.8} ${base + 2}v-9.6a4.8 4.8 0 0 1 9.6 0v9.6Z`, door),
    line(path`M${x} ${base - 12}V${base + 1}`, darker(door, 0.3), 1.1),
  );
  if (isInLake) {
    const water = waterOf(stage);
    const level = base + 3;
    const seen = sketch.symbol(
      ...parts,
      ...[-1, 1].map((at) =>
        ellipse(x + at * (wide + 15), base + 1, 16, 5, lit(mix(leaf, mood.groundTop, 0.3))),
      ),
      box(0, base + 1.4, 100, 2, mix(mood.groundLow, water, 0.4)),
    );
    const board = lighter(door, 0.25);
    return [
      ...behind,
      box(0, level, 100, 30, sketch.fade(mix(water, mood.skyLow, 0.35), darker(water, 0.2))),
      sketch.clipped(path`M0 ${level}H100V101H0Z`, reflected(level, 0.5, 0.45, seen)),
      seen,
      ripples(x, level + 9, 30, water),
      shape(path`M${x - 5} ${base + 2}H${x + 5}L${x + 15} 101H${x - 15}Z`, lit(board, 0.16)),
      line(
        [0, 1, 2, 3].map((i) => path`M${x - 6 - i * 2.4} ${base + 5.5 + i * 5.4}h${12 + i * 4.8}`).join(""),
        darker(board, 0.28),
        1.2,
      ),
      ...[-1, 1].map((at) => line(path`M${x + at * 5.6} ${base}L${x + at * 16} 98`, darker(board, 0.2), 1.8)),
    ];
  }
  for (const at of [-1, 1]) {
    const tx = x + at * (wide + 22);
    parts.push(stage.isWinter ? pine(stage, tx, 88, 20, leaf) : leafy(stage, tx, 88, 20, leaf));
  }
  return [
    ...behind,
    ellipse(x, 92, 58, 24, sketch.fade(lighter(mood.groundTop, 0.1), mood.groundLow)),
    shape(
      path`M${x - 5} ${base + 2}Q${x + bend - 6} 84 ${x + bend * 0.4 - 14} 101H${x + bend * 0.4 + 12}Q${x + bend + 8} 84 ${x + 5} ${base + 2}Z`,
      mix(mood.groundTop, stage.tint(paints.cream), 0.75),
    ),
    stage.shadow(x, base + 2, wide + 12),
    ...parts,
  ];
}

/** Behind a fence: bricks or boards, a tiled roof, equal windows with shutters, smoke in the wind. */
export function house(stage: Stage): string[] {
  const { chance, sketch, mood, lit, paint, twoPaints, glass, wind } = stage;
  const [wall, trim] = twoPaints("cream", "butter", "rose", "sky", "mint", "apricot");
  const roof = paint("coral", "berry", "plum", "navy", "teal", "bark");
  const shutter = paint("teal", "berry", "blue", "moss", "navy");
  const leaf = leafColour(stage);
  const half = chance.between(25, 30);
  const tall = chance.between(26, 31);
  const roofTall = chance.between(20, 27);
  const base = 80;
  const top = base - tall;
  const x = chance.between(46, 54);
  const treeSide = chance.pick([-1, 1]);
  const cover = chance.pick(["bricks", "bands", "bricks"] as const);
  const isGabled = chance.happens(0.4);
  const parts = [...outdoors(stage, chance.between(62, 70))];
  parts.push(
    stage.isWinter || chance.happens(0.4)
      ? pine(stage, x + treeSide * (half + 9), base - 3, 48, leaf)
      : leafy(stage, x + treeSide * (half + 9), base - 3, 50, leaf),
    stage.shadow(x, base + 1, half * 1.25),
  );
  const chimney = x - treeSide * half * 0.5;
  const puff = mix(mood.skyLow, "#ffffff", 0.45);
  const smokeTop = top - roofTall * (isGabled ? 0.9 : 1) - 6;
  parts.push(
    ...[0, 1, 2].map((i) =>
      faint(0.85, circle(chimney + wind * (i * i * 2 + 2 * i), smokeTop - 5 - i * 6, 2.6 + i * 1.1, puff)),
    ),
    stage.patternedBox(
      { x: chimney - 4, y: smokeTop, width: 8, height: isGabled ? 20 : 14 },
      lit(mix(roof, paints.bark, 0.4)),
      "bricks",
      6,
      darker(roof, 0.3),
    ),
    box(chimney - 5, smokeTop - 1.5, 10, 3.5, darker(roof, 0.25), 1),
    snowLine(stage, chimney - 4, smokeTop - 2, chimney + 4, smokeTop - 2),
    stage.patternedBox(
      { x: x - half, y: top - 1, width: 2 * half, height: tall + 1 },
      lit(wall, 0.14),
      cover,
      cover === "bricks" ? 9 : 7,
      darker(wall, cover === "bricks" ? 0.14 : 0.07),
    ),
    faint(0.2, box(x - half, top, 2 * half, 4.5, gloom)),
  );
  const roofArea = { x: x - half - 6, y: top - roofTall, width: 2 * half + 12, height: roofTall };
  const ridge = half * 0.55;
  const high = top - roofTall;
  if (isGabled) {
    const face = path`M${x - half} ${top + 1}L${x} ${high}L${x + half} ${top + 1}Z`;
    parts.push(
      stage.patterned(
        face,
        lit(wall, 0.14),
        cover,
        { ...roofArea, y: high },
        cover === "bricks" ? 9 : 7,
        darker(wall, 0.12),
      ),
      line(
        path`M${x - half - 6} ${top + 4}L${x} ${high - 1}L${x + half + 6} ${top + 4}`,
        darker(roof, 0.14),
        6.4,
      ),
      line(path`M${x - half - 6} ${top + 3}L${x} ${high - 2}L${x + half + 6} ${top + 3}`, roof, 3.4),
      snowLine(stage, x - half - 6, top + 2, x, high - 3, 3.6),
      snowLine(stage, x + half + 6, top + 2, x, high - 3, 3.6),
      circle(x, top - roofTall * 0.42, 5.6, lighter(trim, 0.6)),
      circle(x, top - roofTall * 0.42, 4, glass),
      line(
        path`M${x} ${top - roofTall * 0.42 - 4}v8M${x - 4} ${top - roofTall * 0.42}h8`,
        lighter(trim, 0.6),
        1.1,
      ),
    );
  } else {
    parts.push(
      stage.patterned(
        path`M${x - half - 6} ${top}L${x - ridge} ${high}H${x + ridge}L${x + half + 6} ${top}Z`,
        lit(roof, 0.22),
        "tiles",
        roofArea,
        8,
        darker(roof, 0.18),
      ),
      line(path`M${x - half - 6} ${top}H${x + half + 6}`, lighter(trim, 0.45), 2.2),
      stage.isWinter
        ? shape(
            path`M${x - ridge - 1} ${high - 2}H${x + ridge + 1}L${x + ridge + 7} ${high + 7}q${-ridge * 0.35} 6 ${-ridge * 0.7} 0t${-ridge * 0.7} 0t${-ridge * 0.7} 0L${x - ridge - 7} ${high + 8}Z`,
            snow,
            1.6,
          )
        : "",
      snowLine(stage, x - half - 5, top - 1, x + half + 5, top - 1, 3.5),
    );
  }
  const isArched = chance.happens(0.5);
  for (const at of [-1, 1]) {
    const wx = x + at * half * 0.6;
    const y = top + 7;
    parts.push(
      box(wx - 9.2, y - 1, 4, 12, shutter, 0.8),
      box(wx + 5.2, y - 1, 4, 12, shutter, 0.8),
      box(wx - 5.4, y - 1.4, 10.8, 12.8, lighter(trim, 0.6), isArched ? 4 : 0.8),
      box(wx - 4, y, 8, 10, glass, isArched ? 3 : 0.5),
      line(path`M${wx} ${y}v10M${wx - 4} ${y + 5}h8`, lighter(trim, 0.6), 1.2),
      box(wx - 6, y + 11, 12, 3, darker(shutter, 0.15), 1),
      ...[-3.5, 0, 3.5].map((dx) =>
        circle(wx + dx, y + 10.6, 1.7, stage.isWinter ? snow : lighter(roof, 0.25)),
      ),
    );
  }
  const door = mix(shutter, roof, 0.25);
  parts.push(
    box(x - 6.6, base - 20.5, 13.2, 20.5, lighter(trim, 0.6), isArched ? 6 : 1),
    box(x - 5, base - 19, 10, 19, lit(door), isArched ? 5 : 0.6),
    circle(x + 3, base - 9, 1.1, paints.butter),
    shape(
      path`M${x - 6} ${base}H${x + 6}L${x + 12} 101H${x - 12}Z`,
      mix(mood.groundTop, stage.tint(paints.cream), 0.7),
    ),
  );
  const fence = lighter(stage.paint("cream"), 0.5);
  const shade = darker(fence, 0.16);
  for (let i = 0; i < 17; i++) {
    const px = 50 + (i - 8) * 6.4;
    if (Math.abs(px - x) < 12.5) continue;
    parts.push(shape(path`M${px - 1.9} 96v-11.5l1.9 -2.6l1.9 2.6V96Z`, fence, 0.4));
  }
  parts.push(
    line(
      path`M-2 87.5H${x - 12.5}M${x + 12.5} 87.5H102M-2 92.5H${x - 12.5}M${x + 12.5} 92.5H102`,
      shade,
      1.5,
    ),
    box(0, 95.5, x - 11, 6, sketch.fade(mood.groundTop, mood.groundLow)),
    box(x + 11, 95.5, 90, 6, sketch.fade(mood.groundTop, mood.groundLow)),
  );
  return parts;
}

/** Four equal sails over rows of tulips, each row of one colour, or by a canal that mirrors them. */
export function windmill(stage: Stage): string[] {
  const { chance, mood, lit, paint, glass, tint } = stage;
  const wall = paint("cream", "butter", "rose", "sky", "apricot");
  const cap = paint("coral", "berry", "navy", "bark", "teal");
  const cloth = lighter(paint("cream"), 0.4);
  const [first, second] = stage.twoPaints("coral", "butter", "rose", "lavender", "berry", "apricot");
  const x = chance.between(43, 57);
  const base = 76;
  const tall = chance.between(36, 42);
  const low = chance.between(13, 16);
  const high = low * 0.62;
  const turn = chance.between(5, 85);
  const long = chance.between(28, 32);
  const hub = base - tall - 3;
  const wood = tint(darker(paints.bark, 0.15));
  const houseSide = chance.pick([-1, 1]);
  const parts = [...sky(stage, 66), ...hills(stage, 66), ground(stage, 66)];
  const hx = x + houseSide * 36;
  parts.push(
    box(hx - 7, 62, 14, 9, lit(lighter(wall, 0.1))),
    shape(path`M${hx - 9} 62L${hx} 54L${hx + 9} 62Z`, cap, 0.6),
    box(hx - 2, 64.5, 4, 4, glass),
    snowLine(stage, hx - 8, 61, hx, 54),
    snowLine(stage, hx + 8, 61, hx, 54),
    stage.shadow(x, base, low * 1.3),
  );
  const body = path`M${x - low} ${base}L${x - high} ${base - tall}H${x + high}L${x + low} ${base}Z`;
  const mill = [
    stage.patterned(
      body,
      lit(wall, 0.24),
      chance.pick(["bricks", "bands"] as const),
      { x: x - low, y: base - tall, width: 2 * low, height: tall },
      10,
      darker(wall, 0.15),
    ),
    line(path`M${x - low * 0.86} ${base - tall * 0.36}H${x + low * 0.86}`, wood, 2.2),
    shape(
      path`M${x - high - 2} ${base - tall}Q${x - high} ${base - tall - 13} ${x} ${base - tall - 13}Q${x + high} ${base - tall - 13} ${x + high + 2} ${base - tall}Z`,
      lit(cap),
      1,
    ),
    snowLine(stage, x - high * 0.6, base - tall - 12, x + high * 0.6, base - tall - 12),
    shape(path`M${x - 4.5} ${base}v-9a4.5 4.5 0 0 1 9 0v9Z`, wood),
    box(x - 2.4, base - tall * 0.62, 4.8, 6, glass, 2.4),
  ];
  for (let i = 0; i < 4; i++) {
    mill.push(
      placed(
        { x, y: hub, degrees: turn + 90 * i },
        box(-0.2, -long, 7.4, long - 6, cloth, 0.6),
        line(
          path`M3.4 ${-long}V-6M0 ${-long + 6}H7M0 ${-long + 12}H7M0 ${-long + 18}H7`,
          darker(cloth, 0.24),
          1,
        ),
        line(path`M0 0V${-long}`, wood, 2),
      ),
    );
  }
  mill.push(circle(x, hub, 3.4, wood), circle(x, hub, 1.6, lighter(wood, 0.35)));
  if (chance.happens(0.4)) {
    const water = waterOf(stage);
    const level = base + 2;
    const seen = stage.sketch.symbol(...mill);
    return [
      ...parts,
      seen,
      box(0, level, 100, 30, stage.sketch.fade(mix(water, mood.skyLow, 0.35), darker(water, 0.2))),
      stage.sketch.clipped(path`M0 ${level}H100V101H0Z`, reflected(level, 0.7, 0.5, seen)),
      line(path`M0 ${level}H100`, mix(mood.groundLow, tint(paints.bark), 0.35), 2.4),
      ripples(x, level + 8, 26, water),
      ripples(x + houseSide * 30, level + 4, 12, water),
      waves(96, 18, 1.4, chance.between(0, 1), mix(water, darker(water, 0.3), 0.6)),
    ];
  }
  parts.push(...mill);
  const stems = mix(mood.groundLow, tint(paints.moss), 0.55);
  for (let row = 0; row < 3; row++) {
    const y = 80 + row * 8;
    const size = 1.9 + row * 0.65;
    const step = 6.4 + row * 1.6;
    parts.push(box(0, y + 1, 100, 9 + row, mix(stems, mood.groundTop, 0.3)));
    const colour = row % 2 === 0 ? first : second;
    for (let i = -9; i <= 9; i++) {
      const fx = 50 + (i + (row % 2) * 0.5) * step;
      if (fx < -4 || fx > 104) continue;
      parts.push(
        line(path`M${fx} ${y}v6`, stems, 1.2),
        shape(
          path`M${fx - size} ${y - size}l${size * 0.5} ${size * 0.6}l${size * 0.5} ${-size * 0.9}l${size * 0.5} ${size * 0.9}l${size * 0.5} ${-size * 0.6}v${size}a${size} ${size} 0 0 1 ${-2 * size} 0Z`,
          colour,
        ),
      );
    }
  }
  return parts;
}

/** Bands around a tower on a rock; at night two equal beams; the sea mirrors it. */
export function lighthouse(stage: Stage): string[] {
  const { chance, sketch, mood, lit, paint, isDark, tint } = stage;
  const level = chance.between(68, 73);
  const water = waterOf(stage);
  const band = paint("coral", "berry", "blue", "navy", "teal", "coral");
  const white = lighter(paint("cream"), 0.5);
  const x = chance.pick([38, 62]) + chance.between(-5, 5);
  const away = x < 50 ? 1 : -1;
  const tall = chance.between(37, 42);
  const base = level - 6;
  const low = chance.between(8.5, 10.5);
  const high = low * 0.64;
  const count = chance.pick([2, 3]);
  const top = base - tall;
  const rock = mix(tint(paints.bark), mood.hills, 0.5);
  const body = path`M${x - low} ${base}L${x - high} ${top}H${x + high}L${x + low} ${base}Z`;
  const shine = isDark;
  const parts = [...sky(stage, level)];
  if (shine) {
    // Fading with the distance, the same to both sides.
    for (const to of [-1, 1] as const) {
      parts.push(
        shape(
          path`M${x} ${top - 6.5}L${x + to * 64} ${top - 17}v21Z`,
          sketch.veil(lamplight, 0.75, to === 1 ? -1 : 1),
        ),
      );
    }
    parts.push(circle(x, top - 6.5, 12, sketch.glow(lamplight, 0.8)));
  }
  const tower = sketch.symbol(
    stage.patterned(
      body,
      lit(white, 0.22),
      "bands",
      { x: x - low, y: top + tall / (2 * count + 1), width: 2 * low, height: tall },
      (2 * tall) / (2 * count + 1),
      band,
    ),
    stage.shade(body),
    box(x - high - 3, top - 2, 2 * high + 6, 3.4, darker(band, 0.3), 1),
    box(x - high * 0.75, top - 10.5, high * 1.5, 8.5, shine ? lamplight : stage.glass, 1),
    line(
      path`M${x - high * 0.75} ${top - 10}v8M${x + high * 0.75} ${top - 10}v8M${x} ${top - 10}v8`,
      darker(band, 0.3),
      1.2,
    ),
    shape(
      path`M${x - high - 1.5} ${top - 10}Q${x} ${top - 21} ${x + high + 1.5} ${top - 10}Z`,
      lit(band),
      0.8,
    ),
    line(path`M${x} ${top - 15}v-5`, darker(band, 0.3), 1.4),
    box(x - 2, base - 9, 4, 9, darker(band, 0.35), 2),
    box(x - 1.5, top + tall * 0.42, 3, 4.5, stage.glass, 1.5),
  );
  const hut = paint("cream", "apricot", "rose", "sky");
  const island = sketch.symbol(
    shape(
      path`M${x - 32} ${level}Q${x - 26} ${level - 7} ${x - 14} ${base + 1}L${x + 13} ${base - 1}Q${x + 26} ${level - 6} ${x + 31} ${level}Z`,
      lit(rock, 0.24),
      1,
    ),
    shape(
      path`M${x - 20} ${base + 3}Q${x} ${base - 5} ${x + 19} ${base + 2}Z`,
      mix(mood.groundTop, rock, 0.2),
    ),
  );
  const cottage = sketch.symbol(
    box(x + away * 17 - 7, base - 6, 14, 8, lit(hut)),
    shape(path`M${x + away * 17 - 9} ${base - 6}l9 -7l9 7Z`, band, 0.6),
    box(x + away * 17 - 1.8, base - 4, 3.6, 3.6, stage.glass),
  );
  const seen = island + tower + cottage;
  parts.push(
    box(0, level - 0.5, 100, 101 - level, sketch.fade(mix(water, mood.skyLow, 0.4), darker(water, 0.22))),
    sketch.clipped(path`M0 ${level}H100V100H0Z`, reflected(level, 0.62, 0.4, seen)),
    seen,
    ripples(x, level + 6, 16, water),
  );
  const bx = 50 + away * chance.between(26, 34);
  const by = level + chance.between(8, 12);
  const sail = stage.paint("cream", "coral", "butter", "rose");
  parts.push(
    shape(path`M${bx} ${by - 14}L${bx + away * 8} ${by - 2}H${bx}Z`, lighter(sail, 0.3), 0.8),
    shape(path`M${bx - away * 1.5} ${by - 12}L${bx - away * 6.5} ${by - 2}H${bx - away * 1.5}Z`, sail, 0.8),
    shape(path`M${bx - 9} ${by}H${bx + 9}L${bx + 6} ${by + 4}H${bx - 6}Z`, darker(band, 0.12), 1),
    ripples(bx, by + 6, 8, water),
    waves(94, 16, 1.6, chance.between(0, 1), mix(water, darker(water, 0.3), 0.8)),
  );
  return parts;
}
