/** Ducks, penguins, fish: what swims, and the like of it that swims along. */
import { type Colour, darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, ring, shape } from "../sprites/svg.ts";
import { pattern } from "./patterns.ts";
import { clothTable, leafColour, ripples, room, sky, waterOf } from "./places.ts";
import { reflected, type Stage } from "./stage.ts";

/** A row on a pond, all one way, the little ones alike; reeds, and everything again in the water. */
export function duck(stage: Stage): string[] {
  const { chance, sketch, paint, mood, tint } = stage;
  const facing = chance.pick([-1, 1] as const);
  const level = chance.between(38, 44);
  const water = waterOf(stage);
  const feather = paint("cream", "butter", "sky", "bark", "lavender");
  const headColour = chance.happens(0.5) ? paint("moss", "teal", "navy", "berry") : feather;
  const young = mix(tint(paints.butter), feather, 0.2);
  const hasThird = chance.happens(0.5);
  const reed = mix(leafColour(stage), mood.groundLow, 0.25);
  const bank = sketch.symbol(
    ellipse(chance.between(10, 30), level + 2, 40, chance.between(9, 14), mood.hills),
    ellipse(chance.between(70, 90), level + 2, 44, chance.between(7, 12), mood.groundTop),
  );
  const seenBank = sketch.clipped(path`M0 0H100V${level + 0.5}H0Z`, bank);
  const parts = [
    ...sky(stage, level, 1),
    seenBank,
    box(0, level, 100, 101 - level, sketch.fade(mix(water, mood.skyLow, 0.45), darker(water, 0.16))),
    reflected(level, 0.6, 0.4, seenBank),
  ];
  const big = sketch.symbol(...duckOf(stage, facing, feather, headColour, false));
  const small = sketch.symbol(...duckOf(stage, facing, young, young, true));
  const x = 50 + facing * chance.between(9, 13);
  const line0 = chance.between(71, 75);
  const swim = (what: string, at: number, y: number, scale: number) => [
    sketch.clipped(
      path`M0 ${y}H100V101H0Z`,
      reflected(y, 0.8, 0.42, placed({ x: at, y, scale, scaleX: facing * scale }, what)),
    ),
    sketch.clipped(path`M0 0H100V${y}H0Z`, placed({ x: at, y, scale, scaleX: facing * scale }, what)),
    ripples(at, y + 1.5, 20 * scale, water),
  ];
  parts.push(...swim(big, x, line0, 1.06));
  for (const dx of [-36, -56]) parts.push(...swim(small, x + facing * dx, line0 + 3, 0.45));
  if (hasThird) parts.push(...swim(small, x + facing * 16, line0 + 14, 0.5));
  const reedAt = (rx: number, tall: number) => [
    line(path`M${rx} 102Q${rx + 1} ${100 - tall * 0.5} ${rx + stage.wind * 3} ${100 - tall}`, reed, 1.8),
    placed(
      { x: rx + stage.wind * 2.6, y: 100 - tall + 5, degrees: stage.wind * 6 },
      box(-1.9, -6, 3.8, 12, tint(darker(paints.bark, 0.15)), 1.9),
    ),
    shape(
      path`M${rx - 1} 102Q${rx - 7} ${100 - tall * 0.4} ${rx - 8 + stage.wind * 4} ${100 - tall * 0.7}Q${rx - 2} ${100 - tall * 0.35} ${rx + 1} 102Z`,
      darker(reed, 0.08),
    ),
  ];
  const reedSide = 50 + facing * 45;
  for (const [dx, tall] of [
    [-5, 26],
    [0, 38],
    [4, 30],
  ] as const)
    parts.push(...reedAt(reedSide + dx, tall + chance.between(-4, 4)));
  const padX = 50 - facing * chance.between(22, 36);
  parts.push(
    ellipse(padX, 93, 11, 3.6, darker(reed, 0.05)),
    shape(path`M${padX} 93l8 -3.4l3 2.8Z`, mix(water, darker(water, 0.16), 0.7)),
    ellipse(padX - 4, 90.6, 4, 2.6, tint(paints.rose)),
    ellipse(padX - 4, 89.8, 2, 1.7, tint(paints.cream)),
  );
  return parts;
}

/** A swimming duck that looks right, the water at y = 0. */
function duckOf(stage: Stage, facing: number, body: Colour, head: Colour, isYoung: boolean): string[] {
  const { lit, ink, tint } = stage;
  const beak = tint("#ee9a45");
  return [
    shape("M-22 -13Q-29 -20 -27 -22Q-20 -20 -16 -15Z", body, 2),
    shape("M-24 -12Q-22 3 -4 4H8Q20 2 19 -10Q18 -16 10 -14Q-4 -19 -24 -12Z", lit(body, 0.24, facing), 1.6),
    shape("M2 -10Q8 -16 6.5 -23H20Q18.5 -14 19.5 -6Z", head, 1.6),
    circle(13, -25, 9, lit(head, 0.22, facing)),
    isYoung || head === body ? "" : line("M7.2 -14.6Q13 -11.4 18.6 -14.4", "#fbf6ea", 2.4),
    shape("M20.5 -27.5Q27 -27 29.5 -24Q27 -21.5 20.5 -22.4Z", beak, 1.4),
    circle(15.6, -27, 2.1, ink),
    circle(16.3, -27.8, 0.7, "#ffffff"),
    shape("M-15 -10Q-4 -15 6 -9Q2 0 -8 -1Q-14 -3 -19 -9Z", darker(body, 0.14), 1.6),
    line("M-13 -6Q-6 -3 0 -5", darker(body, 0.3), 1.4),
  ];
}

/** Of rubber, in a tub before tiles; its fellow of the same make and the foam float with it. */
export function bathDuck(stage: Stage): string[] {
  const { chance, sketch, paint, twoPaints, side } = stage;
  const facing = chance.pick([-1, 1] as const);
  const [tile, other] = twoPaints("sky", "mint", "rose", "lavender", "cream", "teal", "butter");
  const rubber = paint("butter", "butter", "coral", "mint", "sky");
  const water = paint("sky", "blue", "teal");
  const tub = lighter(paint("cream"), 0.5);
  const period = chance.pick([12.5, 100 / 6, 20]);
  const pale = lighter(tile, 0.45);
  const kind = chance.pick(["checks", "diamonds", "none"] as const);
  const line0 = chance.between(66, 70);
  const level = line0 - 12;
  // One tile in the middle, as the pattern has it.
  const joints = Array.from({ length: 10 }, (_, i) => {
    const upright = 50 + (i - 4.5) * period;
    return path`M${upright} 0V${level}M0 ${i * period}H100`;
  }).join("");
  const wall = { x: 0, y: 0, width: 100, height: level };
  const big = sketch.symbol(...duckOf(stage, facing, rubber, rubber, true));
  const at = (x: number, y: number, scale: number) => [
    sketch.clipped(
      path`M0 ${y}H100V101H0Z`,
      reflected(y, 0.7, 0.4, placed({ x, y, scale, scaleX: facing * scale }, big)),
    ),
    sketch.clipped(path`M0 0H100V${y}H0Z`, placed({ x, y, scale, scaleX: facing * scale }, big)),
    ripples(x, y + 1.5, 20 * scale, water),
  ];
  const x = 50 + facing * chance.between(4, 7);
  const rim = chance.between(86, 89);
  const foam = "#fbfbf6";
  return [
    box(
      0,
      0,
      100,
      level + 1,
      side < 0 ? sketch.across(lighter(pale, 0.3), pale) : sketch.across(pale, lighter(pale, 0.3)),
    ),
    kind === "none" ? "" : pattern(kind, wall, period * (kind === "checks" ? 2 : 1), lighter(other, 0.25)),
    line(joints, lighter(tile, 0.75), 1.2),
    box(0, level - 5, 100, 7, sketch.fade(tub, darker(tub, 0.12)), 2),
    box(0, level + 1, 100, 60, sketch.fade(lighter(water, 0.35), darker(water, 0.1))),
    ...at(x, line0 + 8, 1.1),
    ...at(x - facing * 42, line0 + 2, 0.46),
    ...[0, 1, 2, 3, 4].map((i) => {
      const bx = 50 - facing * (10 + i * 9);
      return circle(bx, rim - 3 - (i % 2) * 2.5, 5.4 + (i % 3), i % 2 === 0 ? foam : darker(foam, 0.05));
    }),
    ...[0, 1, 2].map((i) => {
      const by = 36 - i * 11 + chance.between(-3, 3);
      const bx = 50 - facing * (26 + (i % 2) * 8);
      return (
        faint(0.75, ring(bx, by, 4.4 - i, 4.4 - i, "#ffffff", 1.3)) +
        circle(bx + side * 1.6, by - 1.6, 0.9, "#ffffff")
      );
    }),
    box(-4, rim, 108, 20, sketch.fade(lighter(tub, 0.4), darker(tub, 0.16)), 3),
    line(path`M0 ${rim + 5}H100`, darker(tub, 0.14), 1.4),
  ];
}

/** On the ice, with a chick of the same coat and wool or three in a row; the ice stands again in the sea. */
export function penguin(stage: Stage): string[] {
  const { chance, sketch, lit, twoPaints, mood, tint } = stage;
  const coat = tint(
    chance.pick([paints.navy, mix(paints.navy, paints.plum, 0.4), mix(paints.navy, paints.teal, 0.4)]),
  );
  const belly = tint("#f6f1e6");
  const beak = tint("#f0a048");
  const [wool, stripe] = twoPaints("coral", "butter", "teal", "rose", "mint", "berry");
  const hasScarf = chance.happens(0.75);
  const hasHat = chance.happens(0.4);
  const level = chance.between(50, 55);
  const water = mix(waterOf(stage), tint(paints.teal), 0.25);
  const ice = tint("#eef3f7");
  const bergX = 50 + stage.side * chance.between(26, 34);
  const bergTall = chance.between(20, 28);
  const berg = sketch.symbol(
    shape(
      path`M${bergX - 22} ${level}L${bergX - 12} ${level - bergTall * 0.6}L${bergX - 2} ${level - bergTall}L${bergX + 9} ${level - bergTall * 0.7}L${bergX + 20} ${level}Z`,
      mix(ice, tint(paints.sky), 0.45),
      1,
    ),
    shape(
      path`M${bergX - 2} ${level - bergTall}L${bergX + 9} ${level - bergTall * 0.7}L${bergX + 20} ${level}H${bergX + 2}Z`,
      stage.plane(mix(ice, tint(paints.sky), 0.45), 1, 0.2),
    ),
    shape(path`M${100 - bergX - 13} ${level}l8 -9l9 3l9 6Z`, mix(ice, tint(paints.sky), 0.35), 1),
  );
  const shore = 84;
  const parts = [
    ...sky(stage, level, 1),
    berg,
    box(0, level, 100, 50, sketch.fade(mix(water, mood.skyLow, 0.4), darker(water, 0.2))),
    sketch.clipped(path`M0 ${level}H100V${shore}H0Z`, reflected(level, 0.6, 0.45, berg)),
    ripples(50, level + 12, 34, water),
    shape(
      path`M-2 ${shore - 2}Q20 ${shore - 8} 50 ${shore - 5}T102 ${shore - 4}V101H-2Z`,
      mix(ice, tint(paints.sky), 0.6),
    ),
    shape(
      path`M-2 ${shore + 1}Q20 ${shore - 5} 50 ${shore - 2}T102 ${shore}V101H-2Z`,
      sketch.fade(ice, darker(ice, 0.1)),
    ),
  ];
  const bird = (isYoung: boolean, wool: Colour, stripe: Colour) => {
    const back = isYoung ? mix(coat, belly, 0.3) : coat;
    const scarfArea = { x: -14, y: -33, width: 28, height: 6 };
    return [
      ...[-1, 1].map((at) => ellipse(at * 7, -1, 6.4, 3, beak)),
      ...[-1, 1].map((at) =>
        shape(path`M${at * 15} -32Q${at * 25} -20 ${at * 22} -9Q${at * 17} -12 ${at * 15} -18Z`, back, 2),
      ),
      shape(
        "M-18 -18C-18 -40 -13 -40 -13 -50C-13 -66 13 -66 13 -50C13 -40 18 -40 18 -18C18 2 -18 2 -18 -18Z",
        lit(back, 0.22),
        1,
      ),
      shape("M-12.5 -17C-12.5 -34 -8 -36 0 -36C8 -36 12.5 -34 12.5 -17C12.5 -1 -12.5 -1 -12.5 -17Z", belly),
      shape(
        "M0 -47C-3 -54 -10.5 -54 -10.5 -46.5C-10.5 -38 -4 -37 0 -37C4 -37 10.5 -38 10.5 -46.5C10.5 -54 3 -54 0 -47Z",
        belly,
      ),
      ...[-1, 1].map(
        (at) =>
          circle(at * 5, -47.5, 1.9, "#2d2f45") +
          circle(at * 5 + 0.6, -48.2, 0.6, "#ffffff") +
          ellipse(at * 8, -43, 2, 1.4, mix(belly, paints.rose, 0.6)),
      ),
      shape("M-3.6 -44.5H3.6L0 -39.5Z", beak, 1.2),
      ...(hasScarf
        ? [
            shape("M7 -31L13 -30L12 -14H5.5Z", lighter(stripe, 0.2), 1),
            stage.patterned(
              "M-13.5 -36Q0 -31 13.5 -36L14.5 -30.5Q0 -25.5 -14.5 -30.5Z",
              wool,
              "stripes",
              scarfArea,
              7,
              lighter(stripe, 0.2),
            ),
            box(5.4, -22, 7, 3, wool),
          ]
        : []),
      ...(hasHat
        ? [
            shape("M-12.5 -54C-11 -67 11 -67 12.5 -54Z", lit(wool, 0.2), 1),
            box(-13.5, -56, 27, 4.4, lighter(stripe, 0.2), 2.2),
            circle(0, -66, 3.2, lighter(stripe, 0.2)),
          ]
        : []),
    ];
  };
  const lean = chance.pick([-1, 1]);
  const x = 50 - lean * chance.between(7, 11);
  const base = chance.between(91, 93);
  if (chance.happens(0.3)) {
    for (const at of [-1, 1, 0]) {
      const px = 50 + at * 29;
      const py = base + (at === 0 ? 2 : 0);
      const [own, other] = at === 0 ? [stripe, wool] : [wool, stripe];
      parts.push(stage.shadow(px, py, 15), placed({ x: px, y: py, scale: 0.82 }, ...bird(false, own, other)));
    }
    return parts;
  }
  parts.push(stage.shadow(x, base, 20), placed({ x, y: base, scale: 1.14 }, ...bird(false, wool, stripe)));
  parts.push(
    stage.shadow(x + lean * 33, base + 2, 11),
    placed({ x: x + lean * 33, y: base + 2, scale: 0.58 }, ...bird(true, wool, stripe)),
  );
  return parts;
}

/** Over a reef, a shoal of its kind with it: bands, fins and heading are the same for all. */
export function fish(stage: Stage): string[] {
  const { chance, sketch, paint, side } = stage;
  const water = paint("sky", "blue", "teal", "mint");
  const sand = mix(water, paint("cream", "butter", "apricot"), 0.6);
  const facing = chance.pick([-1, 1] as const);
  const parts = [box(0, 0, 100, 100, sketch.fade(lighter(water, 0.45), darker(water, 0.3)))];
  // Rays fan out from where the light is.
  for (const at of [0, 1, 2]) {
    const top = 50 + side * (34 - at * 16);
    parts.push(faint(0.16, shape(path`M${top - 3} -2h7L${top + 14 - side * 30} 92h-26Z`, "#ffffff")));
  }
  const coral = paint("coral", "rose", "berry", "apricot", "lavender");
  const weed = mix(water, paint("moss", "leaf", "teal"), 0.65);
  const coralAt = (x: number, s: number) =>
    placed(
      { x, y: 91, scale: s },
      line(
        "M0 0V-16M0 -8Q-8 -10 -9 -20M0 -12Q8 -12 9 -24M-9 -14Q-14 -15 -14 -21M9 -17Q14 -17 15 -23",
        mix(coral, water, 0.12),
        4.2,
      ),
    );
  for (const at of [-1, 1]) {
    for (let i = 0; i < 2; i++) {
      const x = 50 + at * (36 + i * 9);
      const tall = 26 + i * 14 + chance.between(-4, 6);
      parts.push(
        line(
          path`M${x} 96q-6 ${-tall / 4} 0 ${-tall / 2}t0 ${-tall / 2}`,
          i === 0 ? weed : darker(weed, 0.12),
          3.4,
        ),
      );
    }
  }
  parts.push(
    coralAt(50 + facing * chance.between(20, 28), 0.9),
    coralAt(50 - facing * chance.between(14, 24), 0.66),
  );
  parts.push(
    shape(path`M0 88Q25 83 50 88T100 87V101H0Z`, sketch.fade(lighter(sand, 0.15), darker(sand, 0.12))),
  );
  const star = paint("coral", "apricot", "butter");
  const sx = chance.between(20, 80);
  parts.push(
    line(
      [0, 1, 2, 3, 4]
        .map(
          (i) =>
            path`M${sx} 94l${5 * Math.sin((i * 2 * Math.PI) / 5)} ${-3.4 * Math.cos((i * 2 * Math.PI) / 5)}`,
        )
        .join(""),
      star,
      2.6,
    ),
  );

  const one = swimmer(stage, facing);
  const tilt = chance.between(-9, 9) * facing;
  const x = chance.between(48, 54);
  const y = chance.between(42, 50);
  const at = (dx: number, dy: number, scale: number) =>
    placed({ x: 50 + facing * (x - 50) + dx, y: y + dy, degrees: tilt, scale, scaleX: facing * scale }, one);
  parts.push(
    faint(0.85, at(-facing * 32, -33, 0.26), at(-facing * 8, -36, 0.26)),
    at(-facing * 36, 24, 0.3),
    at(0, 0, 1.12),
  );
  const count = chance.whole(1, 3);
  for (let i = 0; i < count; i++)
    parts.push(
      faint(0.7, circle(50 + facing * (40 + (i % 2) * 4), y - 8 - i * 10, 3.2 - i * 0.6, "#f2f9f9")),
    );
  return parts;
}

/** In a bowl on a table by the window; the glass catches the light where it falls. */
export function fishBowl(stage: Stage): string[] {
  const { chance, sketch, paint, side } = stage;
  const water = paint("sky", "blue", "teal", "mint");
  const facing = chance.pick([-1, 1] as const);
  const edge = chance.between(70, 74);
  const x = 50 - side * chance.between(3, 8);
  const y = 56;
  const r = chance.between(32, 34);
  const neck = y - r * 0.78;
  const half = r * 0.63;
  const bowl = path`M${x - half} ${neck}A${r} ${r} 0 1 0 ${x + half} ${neck}Z`;
  const level = y - r * chance.between(0.46, 0.58);
  const weed = mix(water, paint("moss", "leaf", "teal"), 0.75);
  const [pebble, other] = stage.twoPaints("cream", "coral", "butter", "lavender", "rose", "apricot");
  const one = swimmer(stage, facing);
  const tilt = chance.between(-8, 8);
  const swims = (dx: number, dy: number, scale: number) =>
    placed({ x: x + facing * dx, y: y + dy, degrees: tilt, scale, scaleX: facing * scale }, one);
  return [
    ...room(stage, { edge: 100 }),
    ...clothTable(stage, edge),
    stage.shadow(x, y + r - 2, r * 0.9),
    faint(0.3, shape(bowl, "#ffffff")),
    sketch.clipped(
      bowl,
      box(x - r, level, 2 * r, 2 * r, sketch.fade(lighter(water, 0.4), darker(water, 0.12))),
      ...[-0.6, -0.42, 0.62].map((k) =>
        line(path`M${x + k * r} ${y + r}q-5 ${-r * 0.3} 0 ${-r * 0.6}t0 ${-r * (0.3 + k * 0.2)}`, weed, 3),
      ),
      swims(1, -1, 0.78),
      ...[0, 1, 2].map((i) =>
        faint(0.75, circle(x + facing * (21 + (i % 2) * 3), y - 5 - i * 6, 2 - i * 0.3, "#f6fbfb")),
      ),
      ...Array.from({ length: 14 }, (_, i) =>
        circle(x - r + 4 + i * 4.7, y + r * 0.86 + (i % 2) * 2.4, 3.6, i % 3 === 0 ? other : pebble),
      ),
      ellipse(x, level, r, 2.6, lighter(water, 0.65)),
    ),
    line(path`M${x - half} ${neck}A${r} ${r} 0 1 0 ${x + half} ${neck}`, lighter(water, 0.7), 1.6),
    ellipse(x, neck, half + 1.4, 2.6, lighter(water, 0.72)),
    ellipse(x, neck, half - 0.8, 1.4, lighter(water, 0.35)),
    faint(
      0.65,
      line(
        path`M${x + side * r * 0.8} ${y - r * 0.22}Q${x + side * r * 0.87} ${y + r * 0.16} ${x + side * r * 0.7} ${y + r * 0.46}`,
        "#ffffff",
        2.6,
      ),
    ),
  ];
}

/** A fish that swims right, its middle at the origin, to be placed as often as one likes. */
function swimmer(stage: Stage, facing: number): string {
  const { chance, sketch, lit, twoPaints, ink } = stage;
  const [colour, second] = twoPaints("coral", "apricot", "butter", "rose", "berry", "plum", "cream");
  const long = chance.between(24, 27);
  const deep = chance.between(15, 19);
  const tail = chance.between(13, 17);
  const kind = chance.pick(["stripes", "dots", "bands", "stripes", "tiles"] as const);
  const tailKind = chance.pick(["fork", "fan"] as const);
  const root = -long * 0.82;
  const fins = lit(second, 0.18, facing);
  const outline = path`M${-long} 0C${-long * 0.6} ${-deep * 1.3} ${long * 0.75} ${-deep * 1.3} ${long} 0C${long * 0.75} ${deep * 1.3} ${-long * 0.6} ${deep * 1.3} ${-long} 0Z`;
  const area = { x: -long * 0.85, y: -deep, width: long * 1.25, height: 2 * deep };
  return sketch.symbol(
    shape(
      tailKind === "fork"
        ? path`M${root} 0L${root - tail} ${-tail}Q${root - tail * 0.5} 0 ${root - tail} ${tail}Z`
        : path`M${root + 2} 0L${root - tail * 0.8} ${-tail * 0.9}Q${root - tail * 1.25} 0 ${root - tail * 0.8} ${tail * 0.9}Z`,
      fins,
      2.4,
    ),
    line(
      path`M${root - 3} -1L${root - tail * 0.7} ${-tail * 0.5}M${root - 3} 0H${root - tail * 0.6}M${root - 3} 1L${root - tail * 0.7} ${tail * 0.5}`,
      darker(second, 0.25),
      1.1,
    ),
    shape(
      path`M${-long * 0.5} ${-deep * 0.7}Q${-long * 0.35} ${-deep - 9} ${long * 0.1} ${-deep - 6}L${long * 0.35} ${-deep * 0.7}Z`,
      fins,
      2,
    ),
    shape(
      path`M${-long * 0.3} ${deep * 0.75}L${-long * 0.45} ${deep + 5}L${long * 0.1} ${deep * 0.85}Z`,
      fins,
      2,
    ),
    shape(outline, lit(colour, 0.28, facing)),
    sketch.clipped(
      outline,
      ellipse(long * 0.1, deep * 0.85, long, deep * 0.6, lighter(colour, 0.35)),
      sketch.clipped(
        path`M${-long} ${-deep}h${long * 1.3}v${2 * deep}h${-long * 1.3}Z`,
        pattern(
          kind,
          area,
          kind === "dots" ? 8 : kind === "tiles" ? 7.5 : 10,
          kind === "tiles" ? darker(colour, 0.2) : second,
        ),
      ),
      line(path`M${long * 0.4} ${-deep}Q${long * 0.2} 0 ${long * 0.4} ${deep}`, darker(colour, 0.18), 1.4),
    ),
    shape(
      path`M${-long * 0.02} 3Q${-long * 0.4} 1 ${-long * 0.36} 11Q${-long * 0.05} 12 ${long * 0.06} 7Z`,
      fins,
      1.6,
    ),
    circle(long * 0.6, -deep * 0.2, 4.6, "#fbf6ea"),
    circle(long * 0.63, -deep * 0.18, 2.7, ink),
    line(
      path`M${long * 0.86} ${deep * 0.28}Q${long * 0.78} ${deep * 0.46} ${long * 0.62} ${deep * 0.4}`,
      darker(colour, 0.45),
      1.7,
    ),
  );
}
