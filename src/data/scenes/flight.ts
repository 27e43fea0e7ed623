/** Balloon and rocket: what flies, and what lies below. */
import { type Colour, darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, faint, line, path, placed, shape } from "../sprites/svg.ts";
import { cloudAt, hills, mountains, ripples, sky, waterOf } from "./places.ts";
import { gloom, reflected, type Stage, starlight, waves } from "./stage.ts";

/** Gores in turn over a quilt of fields; its fellow far off is of the same cloth, a cloud hides a part of one. */
export function balloon(stage: Stage): string[] {
  const { chance, sketch, lit, paint, twoPaints, mood, tint } = stage;
  const [first, second] = twoPaints(
    "coral",
    "butter",
    "blue",
    "teal",
    "berry",
    "apricot",
    "cream",
    "lavender",
    "mint",
  );
  const basket = paint("bark", "apricot");
  const parts = [...sky(stage, 82, 1), ...(chance.happens(0.5) ? mountains(stage, 76) : hills(stage, 76))];
  // Fields: strips between hedges that all run to one point.
  const crops = [
    mood.groundTop,
    mix(mood.groundTop, tint(paints.butter), 0.5),
    mix(mood.groundLow, tint(paints.moss), 0.35),
    mix(mood.groundTop, tint(paints.apricot), 0.4),
  ];
  const from = chance.between(30, 70);
  const water = waterOf(stage);
  const isOverSea = chance.happens(0.35);
  parts.push(
    isOverSea
      ? box(0, 76, 100, 25, sketch.fade(mix(water, mood.skyLow, 0.4), darker(water, 0.18)))
      : box(0, 76, 100, 25, mood.groundLow),
  );
  for (let i = -5; !isOverSea && i < 6; i++) {
    const at = (k: number, y: number) => from + k * (y - 68) * 1.15;
    const colour = crops[(i + 10) % 4]!;
    parts.push(shape(path`M${at(i, 76)} 76H${at(i + 1, 76)}L${at(i + 1, 101)} 101H${at(i, 101)}Z`, colour));
    if (i % 2 === 0)
      parts.push(line(path`M${at(i + 0.5, 78)} 78L${at(i + 0.5, 101)} 101`, darker(colour, 0.14), 1.4));
  }
  const kind = chance.pick(["gores", "bands", "zigzag"] as const);
  const wide = chance.between(25, 29);
  const tall = chance.between(28, 32);
  const outline = (k: number) =>
    path`M0 ${-tall}C${wide * 1.3 * k} ${-tall} ${wide * 1.3 * k} ${tall * 0.35} ${wide * 0.22 * Math.max(k, 0.3)} ${tall * 1.12}H${-wide * 0.22 * Math.max(k, 0.3)}C${-wide * 1.3 * k} ${tall * 0.35} ${-wide * 1.3 * k} ${-tall} 0 ${-tall}Z`;
  const mouth = tall * 1.12;
  const area = { x: -wide, y: -tall, width: 2 * wide, height: tall * 2.2 };
  const whole = sketch.symbol(
    line(
      path`M${-wide * 0.2} ${mouth}L-4.6 ${mouth + 11}M${wide * 0.2} ${mouth}L4.6 ${mouth + 11}M0 ${mouth}V${mouth + 11}`,
      darker(basket, 0.2),
      1.3,
    ),
    ...(kind === "gores"
      ? [
          shape(outline(1), lit(first, 0.3)),
          shape(outline(0.76), lit(second, 0.22)),
          shape(outline(0.48), lit(first, 0.18)),
          shape(outline(0.18), lit(second, 0.12)),
        ]
      : [
          stage.patterned(
            outline(1),
            lit(first, 0.3),
            kind === "bands" ? "bands" : "zigzag",
            area,
            kind === "bands" ? tall * 0.62 : tall * 0.66,
            second,
          ),
          stage.shade(outline(1)),
        ]),
    box(-wide * 0.24, mouth - 2, wide * 0.48, 4, darker(second, 0.15), 1),
    stage.patternedBox(
      { x: -6.5, y: mouth + 10, width: 13, height: 9 },
      lit(basket),
      "checks",
      4.4,
      darker(basket, 0.16),
    ),
    box(-7.4, mouth + 8.6, 14.8, 3, lighter(basket, 0.3), 1.4),
  );
  const x = chance.between(42, 58);
  const y = chance.between(37, 40);
  const farSide = x < 50 ? 1 : -1;
  const far = { x: 50 + farSide * chance.between(32, 38), y: chance.between(40, 60) };
  const cloud = mix(mood.skyLow, "#fffdf6", 0.75);
  const lean = chance.between(-6, 6);
  const both = sketch.symbol(
    placed({ ...far, scale: 0.28 }, whole),
    placed({ x, y, degrees: lean, scale: 0.94 }, whole),
  );
  parts.push(
    isOverSea
      ? sketch.clipped("M0 76H100V101H0Z", reflected(77, 0.42, 0.45, both)) +
          waves(95, 16, 1.4, chance.between(0, 1), mix(water, darker(water, 0.3), 0.6)) +
          ripples(x, 88, 20, water)
      : faint(0.35, ellipse(x - stage.side * 16, 91, 15, 3, gloom)),
    both,
    cloudAt(x - farSide * chance.between(28, 36), y + chance.between(14, 24), chance.between(9, 12), cloud),
  );
  return parts;
}

/** On or over a moon of craters, before a ringed planet: fins match, and flag and visitor wear the rocket's colours. */
export function rocket(stage: Stage): string[] {
  const { chance, sketch, lit, paint, twoPaints } = stage;
  const sky0 = darker(
    chance.pick([
      paints.navy,
      paints.plum,
      mix(paints.navy, paints.teal, 0.35),
      mix(paints.navy, paints.berry, 0.3),
    ]),
    0.35,
  );
  const body = lighter(paint("cream", "sky", "mint", "butter", "rose"), 0.3);
  const [trim, ring] = twoPaints("coral", "berry", "teal", "apricot", "blue", "butter");
  const parts = [box(0, 0, 100, 100, sketch.fade(sky0, mix(sky0, paints.plum, 0.55)))];
  for (let i = 0; i < 16; i++)
    parts.push(
      circle(
        (i * 29 + chance.between(0, 14)) % 100,
        (i * 47 + chance.between(0, 10)) % 84,
        chance.pick([0.7, 0.9, 1.3]),
        starlight,
      ),
    );
  const lean = chance.pick([-1, 1] as const);
  // The planet, its ring before and behind it.
  const px = 50 - lean * chance.between(30, 34);
  const py = chance.between(16, 24);
  const pr = chance.between(9, 12);
  const planet = paint("apricot", "rose", "lavender", "mint", "butter", "teal");
  const ringHalf = (sweep: number) =>
    path`M${-pr * 1.75} 0A${pr * 1.75} ${pr * 0.5} 0 0 ${sweep} ${pr * 1.75} 0`;
  parts.push(
    placed(
      { x: px, y: py, degrees: -lean * 18 },
      line(ringHalf(1), mix(ring, sky0, 0.25), 2.4),
      stage.patterned(
        path`M${-pr} 0a${pr} ${pr} 0 1 1 ${2 * pr} 0a${pr} ${pr} 0 1 1 ${-2 * pr} 0Z`,
        lit(planet, 0.35),
        "bands",
        { x: -pr, y: -pr, width: 2 * pr, height: 2 * pr },
        pr * 0.7,
        mix(planet, darker(planet, 0.4), 0.4),
      ),
      line(ringHalf(0), ring, 2.4),
    ),
  );
  const moonY = chance.between(84, 88);
  const moon = lighter(paint("lavender", "cream", "sky"), 0.1);
  parts.push(ellipse(50, moonY + 40, 92, 42, lit(moon, 0.26)));
  for (const [cx, cy, r] of [
    [16, 10, 6],
    [38, 5, 4],
    [66, 9, 7],
    [88, 12, 5],
  ] as const) {
    parts.push(
      ellipse(cx, moonY + cy, r, r * 0.42, darker(moon, 0.2)),
      ellipse(cx - stage.side * r * 0.12, moonY + cy + r * 0.1, r * 0.8, r * 0.28, darker(moon, 0.32)),
    );
  }
  const half = chance.between(10, 12.5);
  const tall = chance.between(48, 54);
  const top = -tall / 2;
  const low = tall / 2;
  const fin = chance.between(9, 12);
  const kind = chance.pick(["bands", "checks", "none"] as const);
  const hull = path`M0 ${top}C${half * 1.25} ${top + tall * 0.26} ${half * 1.15} ${low - tall * 0.2} ${half * 0.72} ${low}H${-half * 0.72}C${-half * 1.15} ${low - tall * 0.2} ${-half * 1.25} ${top + tall * 0.26} 0 ${top}Z`;
  const finAt = (at: number) =>
    path`M${at * half * 0.85} ${low - 20}Q${at * (half + fin)} ${low - 10} ${at * (half + fin)} ${low + 7}Q${at * (half + 3)} ${low - 1} ${at * half * 0.6} ${low - 1}Z`;
  const windows = chance.pick([1, 2, 2]);
  const flame = chance.between(13, 19);
  const nose = top + tall * 0.3;
  const smoke = lighter(mix(sky0, paints.lavender, 0.6), 0.3);
  const hasLanded = chance.happens(0.35);
  const degrees = hasLanded ? 0 : lean * chance.between(8, 26);
  const y = hasLanded ? moonY - tall / 2 - 1 : chance.between(39, 42);
  // The dust that the flame stirs up lies where it points.
  const dust = 50 + lean * 3 - Math.tan((degrees * Math.PI) / 180) * (moonY - y);
  if (hasLanded) {
    parts.push(
      stage.shadow(50 + lean * 3, moonY + 5, 20),
      ...visitor(stage, 50 - lean * 24, moonY + 9, trim, body),
    );
  } else {
    for (const dx of [-15, 15, -8, 8, 0])
      parts.push(circle(dust + dx, moonY + 2 + Math.abs(dx) * 0.12, 6.4 - Math.abs(dx) * 0.2, smoke));
  }
  const fire = () => [
    circle(0, low + 6, 20, sketch.glow("#ffb84f", 0.5)),
    shape(
      path`M${-half * 0.65} ${low}Q${-half * 0.8} ${low + flame * 0.6} 0 ${low + flame * 1.3}Q${half * 0.8} ${low + flame * 0.6} ${half * 0.65} ${low}Z`,
      sketch.fade("#f7c04a", "#e8683f"),
      1,
    ),
    shape(
      path`M${-half * 0.3} ${low}Q${-half * 0.4} ${low + flame * 0.4} 0 ${low + flame * 0.75}Q${half * 0.4} ${low + flame * 0.4} ${half * 0.3} ${low}Z`,
      "#fff0b0",
      1,
    ),
  ];
  parts.push(
    placed(
      { x: 50 + lean * 3, y, degrees, scale: 0.98 },
      ...(hasLanded ? [] : fire()),
      shape(finAt(-1), lit(trim, 0.24), 1.5),
      shape(finAt(1), lit(trim, 0.24), 1.5),
      box(-half * 0.6, low - 2, half * 1.2, 4.6, darker(trim, 0.35), 1.4),
      kind === "none"
        ? shape(hull, lit(body, 0.28))
        : stage.patterned(
            hull,
            lit(body, 0.28),
            kind,
            { x: -half * 1.2, y: low - 13, width: half * 2.4, height: 9 },
            9,
            trim,
          ),
      shape(
        path`M0 ${top - 1}Q${half * 0.7} ${top + tall * 0.16} ${half * 0.88} ${nose}Q0 ${nose + 4} ${-half * 0.88} ${nose}Q${-half * 0.7} ${top + tall * 0.16} 0 ${top - 1}Z`,
        lit(trim, 0.28),
        1,
      ),
      ...Array.from(
        { length: windows },
        (_, i) =>
          circle(0, nose + 8.5 + i * 12, 5.2, darker(trim, 0.2)) +
          circle(0, nose + 8.5 + i * 12, 3.7, "#bfe4f2") +
          circle(stage.side * 1.2, nose + 7.3 + i * 12, 1.2, "#ffffff"),
      ),
    ),
  );
  return parts;
}

/** Someone in a suit who plants a flag; the foot at (x, y). */
function visitor(stage: Stage, x: number, y: number, trim: Colour, cloth: Colour): string[] {
  const { lit, side } = stage;
  const suit = "#f1eee6";
  const at = x < 50 ? -1 : 1;
  return [
    stage.shadow(x, y, 8),
    line(path`M${x + at * 11} ${y + 1}v-27`, "#c9c4d4", 1.5),
    shape(path`M${x + at * 11} ${y - 26}h${at * 13}v9h${-at * 13}Z`, cloth, 0.6),
    box(Math.min(x + at * 11, x + at * 24), y - 23, 13, 3, trim),
    ...[-1, 1].map((leg) => box(x + leg * 3 - 2.6, y - 8, 5.2, 8.6, lit(suit, 0.2), 2)),
    box(x - 6, y - 17, 12, 11.6, lit(suit, 0.22), 3.6),
    line(
      path`M${x + at * 5} ${y - 14}L${x + at * 10} ${y - 12}M${x - at * 5.4} ${y - 14}L${x - at * 7.6} ${y - 8}`,
      suit,
      3.4,
    ),
    box(x - 3, y - 13.4, 6, 3.6, trim, 1),
    circle(x, y - 21.6, 6.4, lit(suit, 0.22)),
    ellipse(x + at * 0.8, y - 21.4, 4.6, 4, "#3d4a74"),
    ellipse(x + at * 0.8 + side * 1.6, y - 22.8, 1.3, 1, "#ffffff"),
  ];
}
