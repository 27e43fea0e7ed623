/** Sailing boat, train, car: what carries people about, and through what. */
import { darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, shape } from "../sprites/svg.ts";
import { pattern } from "./patterns.ts";
import {
  ground,
  hills,
  leafColour,
  leafy,
  mountains,
  pine,
  ripples,
  sky,
  snowLine,
  waterOf,
  waterside,
} from "./places.ts";
import { gloom, lamplight, reflected, type Stage, waves } from "./stage.ts";

/** Before the wind: sails, stripes and flag stand again in the water. */
export function sailboat(stage: Stage): string[] {
  const { chance, sketch, lit, paint, twoPaints, wind } = stage;
  const level = chance.between(52, 58);
  const { elements, water } = waterside(stage, level);
  const hull = paint("coral", "berry", "bark", "teal", "navy", "blue");
  const [sail, figure] = twoPaints("cream", "rose", "butter", "apricot", "coral", "mint", "lavender");
  const pale = lighter(sail, 0.25);
  const wood = stage.tint(paints.bark);
  const half = chance.between(25, 30);
  const tall = chance.between(44, 50);
  const kind = chance.pick(["bands", "stripes", "bands"] as const);
  const x = chance.between(46, 54);
  const line0 = level + chance.between(13, 17);
  const deck = line0 - 9;
  const top = deck - tall;
  const main = path`M${x - wind * 1.5} ${top + 4}Q${x - wind * (half * 0.6 + 8)} ${deck - tall * 0.45} ${x - wind * half * 0.95} ${deck - 5}Q${x - wind * half * 0.4} ${deck - 2} ${x - wind * 1.5} ${deck - 4}Z`;
  const jib = path`M${x + wind * 2} ${top + 8}Q${x + wind * (half * 0.5 + 4)} ${deck - tall * 0.4} ${x + wind * half * 0.85} ${deck - 4}Q${x + wind * half * 0.3} ${deck - 2} ${x + wind * 2} ${deck - 4}Z`;
  const area = { x: x - half - 2, y: top, width: 2 * half + 4, height: tall };
  const period = kind === "bands" ? tall / 3.5 : 11;
  const boat = sketch.symbol(
    line(path`M${x} ${deck + 2}V${top}`, wood, 2.2),
    stage.patterned(main, lit(pale, 0.2), kind, area, period, mix(pale, figure, 0.85)),
    stage.patterned(jib, lit(lighter(pale, 0.15), 0.16), kind, area, period, mix(pale, figure, 0.85)),
    shape(path`M${x} ${top - 1}l${wind * 11} 2.6l${-wind * 11} 2.8Z`, figure, 0.8),
    shape(
      path`M${x - half} ${deck}H${x + half}Q${x + half * 0.9} ${line0 + 3} ${x + half * 0.62} ${line0 + 3}H${x - half * 0.62}Q${x - half * 0.9} ${line0 + 3} ${x - half} ${deck}Z`,
      lit(hull, 0.26),
      2,
    ),
    line(path`M${x - half} ${deck + 2.6}H${x + half}`, lighter(hull, 0.55), 2),
    ...[-0.45, -0.15, 0.15, 0.45].map((at) =>
      circle(x + at * half, deck + 6.6, 1.5, stage.isDark ? lamplight : lighter(hull, 0.65)),
    ),
  );
  const others = chance.whole(1, 3);
  const first = 50 - wind * chance.between(32, 42);
  return [
    ...elements,
    // Others of its make far off, all before the same wind.
    ...Array.from({ length: others }, (_, i) => {
      const far = first + wind * i * 34;
      const s = 1 + (i % 2) * 0.3;
      return (
        shape(
          path`M${far} ${level - 9 * s}l${wind * 5.5 * s} ${8 * s}h${-wind * 5.5 * s}Z`,
          mix(pale, figure, 0.5),
          0.5,
        ) + shape(path`M${far - 5 * s} ${level - 0.5}h${10 * s}l-2 ${3 * s}h${-10 * s + 4}Z`, hull, 0.6)
      );
    }),
    sketch.clipped(path`M0 ${line0}H100V101H0Z`, reflected(line0 + 1.5, 0.75, 0.5, boat)),
    boat,
    faint(0.35, waves(line0 + 1.5, 12, 1.2, chance.between(0, 1), lighter(water, 0.3))),
    ripples(x, line0 + 8, 24, water),
    waves(92, 20, 2.4, chance.between(0, 1), mix(water, darker(water, 0.3), 0.7)),
  ];
}

/** Over a bridge of equal arches or past a meadow: engine, wagons of one make, wheels in a row, smoke that the journey bends. */
export function train(stage: Stage): string[] {
  const { chance, sketch, lit, paint, twoPaints, glass, mood } = stage;
  const facing = chance.pick([-1, 1] as const);
  const [colour, trim] = twoPaints("coral", "teal", "berry", "blue", "moss", "navy", "butter");
  const wagon = paint("apricot", "butter", "mint", "sky", "rose", "lavender", "cream");
  const stone = mix(paint("cream", "lavender", "apricot"), mood.hills, 0.3);
  const rail = 66;
  const tyre = mix(paints.navy, paints.bark, 0.25);
  const water = waterOf(stage);
  const level = 93;
  const leaf = leafColour(stage);
  const parts = [...sky(stage, 74, 1), ...mountains(stage, 72), ground(stage, 72)];
  for (const px of [8, 26, 45, 66, 84])
    parts.push(pine(stage, px + chance.between(-4, 4), 76, 15, mix(leaf, mood.hills, 0.35)));
  const isOnBridge = chance.happens(0.6);
  // The bridge: its arches as deep as the valley, the river mirrors them.
  const span = chance.pick([20, 25, 100 / 3]);
  const start = chance.between(0, span);
  let holes = "";
  for (let i = -2; i * span + start < 110; i++) {
    const ax = i * span + start;
    holes += path`M${ax + 3} 101V${rail + 8 + span * 0.36}a${span / 2 - 3} ${span * 0.36} 0 0 1 ${span - 6} 0V101Z`;
  }
  const valley = [
    box(0, rail + 4, 100, 40, sketch.fade(mood.groundTop, mood.groundLow)),
    box(0, level - 2, 100, 12, sketch.fade(mix(water, mood.skyLow, 0.3), darker(water, 0.2))),
    line(
      path`M4 ${level + 2}h14M34 ${level + 4}h18M66 ${level + 2}h12M84 ${level + 5}h14`,
      lighter(water, 0.4),
      1.4,
    ),
  ];
  const bridge = () => [
    stage.patternedBox(
      { x: 0, y: rail, width: 100, height: 36 },
      sketch.fade(lighter(stone, 0.16), darker(stone, 0.14)),
      "bricks",
      10,
      darker(stone, 0.12),
    ),
    faint(0.3, placed({ x: -stage.side * 2, y: 0 }, shape(holes, gloom))),
    sketch.clipped(holes, ...valley),
    box(0, rail - 1, 100, 4.4, lighter(stone, 0.2)),
    line(`M0 ${rail + 4.2}H100`, darker(stone, 0.25), 1.4),
    snowLine(stage, 0, rail - 1, 100, rail - 1, 2),
    line(`M0 ${rail - 1.5}H100`, darker(tyre, 0.1), 1.4),
  ];
  const bloom = paint("coral", "rose", "lavender", "cream", "butter");
  const post = lighter(paint("bark", "cream"), 0.15);
  const meadow = () => [
    box(0, rail - 1, 100, 36, sketch.fade(mood.groundTop, mood.groundLow)),
    shape(path`M0 ${rail + 0.5}H100V${rail + 6}H0Z`, mix(stone, mood.groundLow, 0.4)),
    ...Array.from({ length: 13 }, (_, i) =>
      box((i - 0.7) * 8 + (start % 8), rail, 4, 4.4, darker(stone, 0.35), 0.6),
    ),
    line(`M0 ${rail - 0.6}H100`, darker(tyre, 0.1), 1.8),
    ...Array.from({ length: 22 }, (_, i) => {
      const fx = (i * 23.7 + start) % 102;
      const fy = rail + 12 + ((i * 7.3) % 20);
      return circle(
        fx,
        fy,
        1 + (fy - rail) * 0.03,
        stage.isWinter ? lighter(bloom, 0.7) : i % 3 === 0 ? lighter(bloom, 0.4) : bloom,
      );
    }),
    ...Array.from({ length: 8 }, (_, i) => box(i * 14.3 - 2 + (start % 6), 86, 3.4, 16, post, 1)),
    line("M-2 90H102M-2 96H102", darker(post, 0.14), 2.2),
    snowLine(stage, -2, 89, 102, 89, 1.4),
  ];
  parts.push(...(isOnBridge ? bridge() : meadow()));
  // Drawn facing right from the buffer at x = 0 back to the left, wheels standing on y = 0.
  const wheel = (x: number, r: number) =>
    circle(x, -r, r, tyre) + circle(x, -r, r * 0.55, trim) + circle(x, -r, r * 0.2, lighter(trim, 0.5));
  const coach = (x: number) => [
    line(path`M${x - 2} -6h8`, tyre, 2),
    box(x - 26, -22, 26, 17.5, lit(wagon, 0.16, facing), 2),
    box(x - 26, -10.5, 26, 3, trim),
    box(x - 27, -25, 28, 4.4, darker(colour, 0.15), 2),
    ...[-21.5, -13, -4.5].map((at) => box(x + at - 2.9, -19.5, 5.8, 6.6, glass, 1.2)),
    wheel(x - 20, 3.6),
    wheel(x - 6, 3.6),
  ];
  const boiler = lit(colour, 0.16, facing);
  const puff = mix(mood.skyLow, "#ffffff", 0.5);
  const smoke = [0, 1, 2, 3].map((i) =>
    faint(0.9 - i * 0.12, circle(-8 - i * i * 2.6 - i * 4, -37 - i * 4.6, 3.6 + i * 1.5, puff)),
  );
  const engine = [
    ...smoke,
    shape(path`M-2 -4L5 0H-6Z`, darker(trim, 0.2), 1),
    box(-40, -8, 40, 4.6, darker(trim, 0.1), 1),
    box(-27, -20.5, 26, 13, boiler, 3),
    ...[-21, -13].map((at) => box(at, -20.5, 2.2, 13, trim)),
    shape(path`M-11 -20h7l1.6 -11h-10.2Z`, darker(colour, 0.25), 0.8),
    box(-13.6, -32.5, 12.2, 3.4, trim, 1),
    ellipse(-19, -20.5, 4, 3.6, trim),
    box(-40, -28, 14, 22, lit(colour, 0.2, facing), 1.5),
    box(-37, -25, 8, 8.5, glass, 1.2),
    box(-42, -31, 18, 4, darker(colour, 0.25), 2),
    circle(0, -14, 2.3, lamplight),
    wheel(-34, 5.2),
    wheel(-21, 5.2),
    wheel(-8, 4.2),
    line("M-34 -5.2H-21", lighter(trim, 0.4), 1.8),
  ];
  if (stage.isDark) engine.push(circle(3, -14, 9, sketch.glow(lamplight, 0.7)));
  const head = chance.between(86, 95);
  parts.push(
    placed(
      { x: facing > 0 ? head : 100 - head, y: rail - 2, scaleX: facing, scale: 1 },
      ...coach(-43),
      ...coach(-73),
      ...engine,
    ),
  );
  return parts;
}

/** In a street of houses that are built alike and painted differently, in the country, or by the sea. */
export function car(stage: Stage): string[] {
  const { chance, sketch, lit, paint, mood, tint, glass, isDark } = stage;
  const facing = chance.pick([-1, 1] as const);
  const kind = chance.pick(["round", "van", "taxi"] as const);
  const colour = paint("coral", "butter", "blue", "teal", "mint", "berry", "apricot", "lavender");
  const pane = isDark ? mix(paints.sky, paints.navy, 0.3) : tint(lighter(paints.sky, 0.45));
  const tyre = mix(paints.navy, paints.bark, 0.25);
  const hub = lighter(paint("cream", "butter", "sky"), 0.3);
  const [bag, strap] = stage.twoPaints("bark", "apricot", "berry", "teal", "butter");
  const walk = 70;
  const parts = [...sky(stage, 66, 1)];
  const palette = ["cream", "rose", "sky", "butter", "mint", "apricot", "lavender"] as const;
  const wide = chance.pick([25, 28, 34]);
  const first = chance.whole(0, palette.length - 1);
  const offset = chance.between(-wide, 0);
  const roof = paint("coral", "berry", "navy", "plum", "bark");
  const isGabled = chance.happens(0.6);
  const place = chance.pick(["street", "street", "country", "sea"] as const);
  if (place === "country") parts.push(...countryBehind(stage, walk));
  if (place === "sea") parts.push(...seaBehind(stage, walk));
  for (let i = 0; place === "street" && offset + i * wide < 100; i++) {
    const hx = offset + i * wide;
    const wall = tint(paints[palette[(first + i * 2) % palette.length]!]);
    const top = 30 + ((i * 5 + first) % 3) * 4;
    parts.push(
      box(hx, top, wide, walk - top, lit(wall, 0.1)),
      isGabled
        ? shape(
            path`M${hx - 0.5} ${top}L${hx + wide / 2} ${top - 12}L${hx + wide + 0.5} ${top}Z`,
            lit(roof, 0.16),
            0.6,
          )
        : box(hx - 0.5, top - 3, wide + 1, 4, roof, 0.5),
      snowLine(stage, hx + 2, isGabled ? top - 1 : top - 3, hx + wide / 2, isGabled ? top - 12 : top - 3),
      snowLine(
        stage,
        hx + wide - 2,
        isGabled ? top - 1 : top - 3,
        hx + wide / 2,
        isGabled ? top - 12 : top - 3,
      ),
    );
    for (const at of [0.27, 0.73]) {
      for (const wy of [top + 6, top + 20]) {
        parts.push(
          box(hx + at * wide - 4, wy - 1, 8, 10, lighter(wall, 0.6), 0.6),
          box(hx + at * wide - 2.8, wy, 5.6, 8, glass, 0.4),
        );
      }
    }
  }
  const road = mix(mix(mood.groundLow, tint(paints.plum), 0.55), tint(paints.navy), 0.3);
  parts.push(
    box(0, walk, 100, 7, mix(tint(paints.cream), road, 0.25)),
    box(0, walk + 6, 100, 2, darker(tint(paints.cream), 0.3)),
    box(0, walk + 8, 100, 30, sketch.fade(lighter(road, 0.08), darker(road, 0.12))),
    ...[-1, 0, 1, 2, 3].map((i) => box(i * 26 + 8, 93, 14, 2.6, tint(paints.cream), 0.6)),
  );
  const treeAt = chance.pick([9, 91]);
  const leaf = leafColour(stage);
  if (place === "street") parts.push(leafy(stage, treeAt, walk + 4, 44, leaf));

  // Drawn facing right, standing on y = 0.
  const half = chance.between(32, 36);
  const r = chance.between(7.4, 8.6);
  const low = -5;
  const deck = low - 14;
  const roofY = deck - (kind === "van" ? 19 : 15);
  const [a, b, c, d] = {
    round: [-0.72, -0.42, 0.2, 0.56],
    van: [-0.97, -0.93, 0.4, 0.7],
    taxi: [-0.62, -0.4, 0.24, 0.5],
  }[kind] as [number, number, number, number];
  const cabin = (inset: number) =>
    path`M${a * half + inset} ${deck + 1}L${b * half + inset * 0.6} ${roofY + inset}H${c * half - inset * 0.6}L${d * half - inset} ${deck + 1}Z`;
  const middle = ((b + c) / 2) * half;
  const hasLuggage = chance.happens(0.7);
  const body = [
    ...(hasLuggage
      ? [
          line(path`M${b * half + 2} ${roofY - 2}H${c * half - 2}`, tyre, 1.6),
          stage.patternedBox(
            { x: middle - 12, y: roofY - 11, width: 15, height: 8.5 },
            bag,
            "stripes",
            6,
            mix(bag, strap, 0.7),
          ),
          box(middle + 4, roofY - 9, 9, 6.5, strap, 1.4),
          line(path`M${middle + 6.5} ${roofY - 9}v-2h4v2`, darker(strap, 0.35), 1.2),
        ]
      : []),
    shape(cabin(0), lit(colour, 0.14, facing), 4),
    shape(cabin(3.4), pane, 1),
    faint(
      0.5,
      shape(path`M${b * half + 6} ${deck}l5 ${roofY - deck + 4}h4l-5 ${deck - roofY - 4}Z`, "#ffffff"),
    ),
    box(middle - 1.6, roofY + 1, 3.2, deck - roofY, colour),
    box(-half, deck, half * 2, low - deck, lit(colour, 0.2, facing), 5),
    ...(kind === "taxi"
      ? [
          sketch.clipped(
            path`M${-half} ${deck + 5}h${2 * half}v5h${-2 * half}Z`,
            box(-half, deck + 5, 2 * half, 5, tint("#fbf6ea")),
            pattern("checks", { x: -half, y: deck + 5, width: 2 * half, height: 5 }, 5, tyre),
          ),
        ]
      : [box(-half, deck + 6, half * 2, 2.6, lighter(colour, 0.5))]),
    line(path`M${middle} ${deck + 1}V${low - 3}M${middle + 4} ${deck + 4}h3`, darker(colour, 0.3), 1.2),
    box(-half - 1, low - 3.4, half * 2 + 2, 4, darker(colour, 0.3), 2),
    ellipse(half - 2, deck + 6, 2.8, 3.2, lamplight),
    box(-half, deck + 3.5, 3.2, 5, tint(paints.coral), 1.2),
  ];
  if (isDark)
    body.unshift(
      faint(0.35, shape(path`M${half - 1} ${deck + 6}L${half + 40} ${deck - 2}V${low + 10}Z`, lamplight)),
    );
  for (const at of [-0.56, 0.56]) {
    body.push(
      circle(at * half, -r + 1, r + 1.8, darker(colour, 0.45)),
      circle(at * half, -r + 1, r, tyre),
      circle(at * half, -r + 1, r * 0.56, hub),
      line(
        [0, 60, 120]
          .map(
            (t) =>
              path`M${at * half + Math.cos((t * Math.PI) / 180) * r * 0.45} ${-r + 1 + Math.sin((t * Math.PI) / 180) * r * 0.45}L${at * half - Math.cos((t * Math.PI) / 180) * r * 0.45} ${-r + 1 - Math.sin((t * Math.PI) / 180) * r * 0.45}`,
          )
          .join(""),
        darker(hub, 0.35),
        1,
      ),
    );
  }
  const x = chance.between(46, 54);
  const base = chance.between(86, 88);
  parts.push(
    stage.shadow(x, base + 1, half * 1.1),
    placed({ x, y: base, scale: 1, scaleX: facing }, ...body),
  );
  return parts;
}

/** Hills with a row of equal trees. */
function countryBehind(stage: Stage, base: number): string[] {
  const leaf = leafColour(stage);
  const isPine = stage.isWinter || stage.chance.happens(0.4);
  const start = stage.chance.between(0, 18);
  return [
    ...(stage.chance.happens(0.5) ? mountains(stage, 58) : hills(stage, 56)),
    ground(stage, 56),
    ...[0, 1, 2, 3, 4, 5].map((i) =>
      isPine
        ? pine(stage, start + i * 18, base - 3, 32, leaf)
        : leafy(stage, start + i * 18, base - 3, 32, leaf),
    ),
  ];
}

/** The sea behind a railing, sails on it that are alike. */
function seaBehind(stage: Stage, base: number): string[] {
  const { chance, mood, paint, sketch } = stage;
  const water = waterOf(stage);
  const level = chance.between(44, 48);
  const sail = lighter(paint("cream", "coral", "butter", "rose"), 0.2);
  const hull = paint("coral", "berry", "navy", "teal");
  const rail = lighter(paint("cream"), 0.45);
  const start = chance.between(8, 30);
  return [
    ellipse(50 - stage.side * 40, level + 2, 40, 12, mood.hills),
    box(0, level, 100, 30, sketch.fade(mix(water, mood.skyLow, 0.4), darker(water, 0.16))),
    ...[0, 1, 2].flatMap((i) => {
      const x = start + i * 26;
      const y = level + 5 + (i % 2) * 4;
      return [
        shape(path`M${x} ${y - 12}l${stage.wind * 7} 11h${-stage.wind * 7}Z`, sail, 0.6),
        shape(path`M${x - 6} ${y}h12l-2.4 3.4h-7.2Z`, hull, 0.8),
      ];
    }),
    waves(base - 9, 14, 1.3, chance.between(0, 1), mix(water, darker(water, 0.3), 0.6)),
    ...Array.from({ length: 11 }, (_, i) => box(i * 10 - 1, base - 12, 2, 13, rail, 0.6)),
    box(0, base - 13, 100, 2.4, rail),
    box(0, base - 6, 100, 1.6, darker(rail, 0.1)),
  ];
}
