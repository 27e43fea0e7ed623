/** Cat, owl, butterfly: what looks back, and its kin that look alike. */
import { darker, lighter, mix, paints } from "../sprites/palette.ts";
import { box, circle, ellipse, line, path, placed, shape } from "../sprites/svg.ts";
import { leafColour, outdoors, pine, room } from "./places.ts";
import { type Stage, starlight } from "./stage.ts";

/** On a rug by the window, awake or curled up: tabby stripes, eyes of one colour, the thread leads to the ball. */
export function cat(stage: Stage): string[] {
  const { chance, lit, paint, twoPaints, ink, side } = stage;
  const edge = chance.between(66, 70);
  const elements = room(stage, { edge });
  const fur = paint("apricot", "bark", "cream", "lavender", "navy", "coral");
  const pale = lighter(fur, 0.55);
  const dark = darker(fur, 0.3);
  const eye = lighter(paint("leaf", "teal", "butter", "sky"), 0.3);
  const collar = paint("coral", "blue", "butter", "teal", "berry");
  const [rug, figure] = twoPaints("coral", "teal", "butter", "plum", "blue", "cream", "rose");
  const x = 50 - side * chance.between(9, 13);
  const base = 90;
  const headWide = chance.between(17, 19.5);
  const belly = chance.between(18, 21);
  const ear = chance.between(11, 14);
  const tailSide = chance.pick([-1, 1]);
  const isTabby = chance.happens(0.7);
  const isCurled = chance.happens(0.3);
  const isAsleep = chance.happens(isCurled ? 0.75 : 0.2);
  const rugKind = chance.pick(["rings", "stripes", "checks"] as const);
  const rugY = 90;
  const rugShape = path`M${x - 40} ${rugY}a40 9.5 0 1 1 80 0a40 9.5 0 1 1 -80 0Z`;
  const parts = [...elements];
  if (rugKind === "rings") {
    parts.push(
      ...[1, 0.78, 0.56, 0.34].map((k, i) =>
        ellipse(x, rugY, 42 * k, 10.5 * k, i % 2 === 0 ? rug : lighter(figure, 0.25)),
      ),
    );
  } else {
    parts.push(
      ellipse(x, rugY, 42, 11, darker(rug, 0.15)),
      stage.patterned(
        rugShape,
        rug,
        rugKind,
        { x: x - 42, y: rugY - 10, width: 84, height: 20 },
        rugKind === "stripes" ? 13 : 10,
        lighter(figure, 0.25),
      ),
    );
  }
  const fill = lit(fur, 0.2);
  const bodyPath = path`M${-belly * 0.55} -42C${-belly * 0.9} -28 ${-belly * 1.3} 0 ${-belly * 0.7} 0H${belly * 0.7}C${belly * 1.3} 0 ${belly * 0.9} -28 ${belly * 0.55} -42Z`;
  const earPath = (at: number, inset: number) =>
    path`M${at * (headWide * 0.95 - inset)} -5L${at * (headWide * 0.84 - inset * 0.6)} ${-headWide * 0.5 - ear + inset * 1.6}L${at * (headWide * 0.14 + inset)} ${-headWide * 0.64}Z`;
  const tabby = (at: number) =>
    [0, 1, 2]
      .map((i) =>
        line(
          path`M${at * belly * (0.98 - i * 0.09)} ${-9 - i * 8}Q${at * belly * 0.7} ${-7 - i * 8} ${at * belly * 0.52} ${-10 - i * 8}`,
          dark,
          2.4,
        ),
      )
      .join("");
  const head = [
    ...[-1, 1].flatMap((at) => [
      shape(earPath(at, 0), fur, 2.4),
      shape(earPath(at, 3.2), mix(fur, paints.rose, 0.7), 0.8),
    ]),
    ellipse(0, 0, headWide, headWide * 0.8, fill),
    ...(isTabby
      ? [-0.32, 0, 0.32]
          .map((at) => box(at * headWide - 1.2, -headWide * 0.77, 2.4, 6.4, dark, 1.2))
          .concat(
            [-1, 1].map((at) =>
              line(
                path`M${at * headWide * 0.94} 1.5l${-at * 4.5} 1M${at * headWide * 0.86} 6l${-at * 4} -0.4`,
                dark,
                1.9,
              ),
            ),
          )
      : []),
    ellipse(0, headWide * 0.36, headWide * 0.46, headWide * 0.33, pale),
    ...[-1, 1].map((at) =>
      isAsleep
        ? line(path`M${at * 7.6 - 3.4} -1.5Q${at * 7.6} 2.6 ${at * 7.6 + 3.4} -1.5`, ink, 1.8)
        : ellipse(at * 7.6, -1.6, 3.8, 4.2, eye) +
          ellipse(at * 7.6, -1.6, 1.7, 3.5, ink) +
          circle(at * 7.6 + side, -3, 0.9, "#ffffff"),
    ),
    shape("M-2.2 3.4H2.2L0 6Z", paints.coral, 1.4),
    line("M-4 9Q-1.4 9.8 0 7.2Q1.4 9.8 4 9", ink, 1.3),
    line("M-8 6.5L-16 5M-8 8.5L-15.5 9.5M8 6.5L16 5M8 8.5L15.5 9.5", mix(pale, ink, 0.25), 0.9),
  ];
  const ty = tailSide * (belly + 5);
  if (isCurled) {
    // Its head on its paws at one end, its tail laid along the front.
    const h = tailSide;
    parts.push(
      stage.shadow(x, base + 1, 30),
      placed(
        { x, y: base },
        shape("M-29 -6C-33 -38 33 -38 29 -6Q22 3 0 3Q-22 3 -29 -6Z", fill, 1.6),
        ...(isTabby
          ? [-14, -4, 6].map((dx) =>
              line(path`M${-h * (dx + 4)} ${-28 + Math.abs(dx) * 0.16}q${-h * 3} 5 ${-h * 2} 10`, dark, 2.6),
            )
          : []),
        line(
          path`M${-h * 26} -7Q${-h * 24} 2 ${-h * 6} 1.6Q${h * 4} 1.4 ${h * 6} -1.6`,
          isTabby ? fur : dark,
          7,
        ),
        ...(isTabby
          ? [line(path`M${-h * 20} -3l${-h * 2} 5M${-h * 12} -2v5.4M${-h * 4} -2v5`, dark, 2)]
          : []),
        placed({ x: h * 17, y: -15, degrees: h * chance.between(2, 12), scale: 0.94 }, ...head),
        ellipse(h * 12, 0.6, 6, 3.6, pale),
        ellipse(h * 23, 0.6, 6, 3.6, pale),
      ),
    );
  } else {
    parts.push(
      stage.shadow(x, base, belly * 1.25),
      placed(
        { x, y: base },
        line(
          path`M${tailSide * belly * 0.6} -4Q${ty + tailSide * 9} 0 ${ty + tailSide * 3} -17Q${ty - tailSide * 2} -27 ${ty + tailSide * 5} -32`,
          isTabby ? fur : dark,
          6,
        ),
        ...(isTabby
          ? [
              line(
                path`M${ty + tailSide * 1} -14l${tailSide * 6} 1M${ty - tailSide * 2} -21l${tailSide * 5.4} 0.4M${ty} -28l${tailSide * 5} 2.6`,
                dark,
                2,
              ),
            ]
          : []),
        shape(bodyPath, fill, 2),
        ...(isTabby ? [tabby(-1), tabby(1)] : []),
        ellipse(0, -18, belly * 0.42, 14, pale),
        line("M-4.5 -1V-12M4.5 -1V-12", mix(pale, dark, 0.35), 1.1),
        ...[-1, 1].map((at) => ellipse(at * belly * 0.36, -2, 6, 3.8, pale)),
        placed({ x: 0, y: -46, degrees: chance.between(-7, 7) }, ...head),
        stage.chance.happens(0.6) ? box(-9, -34.5, 18, 3.6, collar, 1.8) + circle(0, -30, 2, "#f2cd74") : "",
      ),
    );
  }
  const yarn = paint("coral", "butter", "teal", "rose", "lavender");
  const yx = x + side * chance.between(30, 34);
  parts.push(
    line(path`M${yx - 4} 96Q${yx - side * 14} 100 ${yx - side * 20} 95T${yx - side * 30} 97`, yarn, 1.5),
    circle(yx, 91.5, 6.4, lit(yarn, 0.28)),
    line(
      path`M${yx - 5} 89q5 -1 9 6M${yx - 3} 87q6 1 8.4 5M${yx - 5.5} 93q4 -1 6 4`,
      darker(yarn, 0.25),
      1.1,
    ),
  );
  return parts;
}

/** On a branch before the moon, with a little one of the same feathers. */
export function owl(stage: Stage): string[] {
  const { chance, sketch, lit, paint, mood, ink } = stage;
  const feather = paint("bark", "apricot", "plum", "lavender", "teal", "cream");
  const pale = lighter(feather, 0.5);
  const dark = darker(feather, 0.25);
  const eye = paint("butter", "apricot", "mint");
  const leaf = paint("leaf", "moss", "coral", "apricot");
  const wood = mix(stage.tint(paints.bark), mood.skyTop, 0.15);
  const lean = chance.pick([-1, 1] as const);
  const chest = chance.pick(["tiles", "tiles", "dots", "bands", "zigzag"] as const);
  const hasTufts = chance.happens(0.7);
  const moonX = 50 + stage.side * chance.between(10, 22);
  const moonY = chance.between(26, 36);
  const moonR = chance.between(20, 25);
  const top = darker(mood.skyTop, 0.25);
  const parts = [box(0, 0, 100, 100, sketch.fade(top, mood.skyLow))];
  for (let i = 0; i < 9; i++)
    parts.push(
      circle(
        (i * 31 + chance.between(0, 14)) % 100,
        (i * 23 + chance.between(0, 8)) % 66,
        chance.pick([0.8, 1.2]),
        starlight,
      ),
    );
  parts.push(
    circle(moonX, moonY, moonR * 1.5, sketch.glow(mood.glow, 0.45)),
    circle(moonX, moonY, moonR, lighter(mood.glow, 0.2)),
    circle(moonX - moonR * 0.4, moonY - moonR * 0.3, moonR * 0.16, darker(mood.glow, 0.1)),
    circle(moonX + moonR * 0.45, moonY - moonR * 0.35, moonR * 0.22, darker(mood.glow, 0.1)),
  );
  const far = mix(mood.hills, top, 0.4);
  parts.push(ellipse(20, 102, 50, 20, mix(mood.hills, top, 0.2)), ellipse(84, 103, 44, 16, far));
  for (const px of [6, 17, 27, 78, 90])
    parts.push(pine(stage, px + chance.between(-3, 3), 95, chance.between(15, 20), far));
  const by = 78;
  parts.push(
    shape(
      path`M${lean < 0 ? -2 : 102} ${by - 3}Q50 ${by + 5} ${lean < 0 ? 92 : 8} ${by - 4}Q50 ${by + 12} ${lean < 0 ? -2 : 102} ${by + 8}Z`,
      lit(wood, 0.2),
      2,
    ),
  );
  const leafAt = (x: number, y: number, degrees: number) =>
    placed(
      { x, y, degrees },
      shape("M0 0Q4 -6 0 -13Q-4 -6 0 0Z", leaf, 1),
      line("M0 0V-9", darker(leaf, 0.25), 0.9),
    );
  const lx = lean < 0 ? 92 : 8;
  parts.push(
    leafAt(lx, by - 3, -lean * 60),
    leafAt(lx, by - 3, -lean * 110),
    leafAt(lx + lean * 12, by, 180 - lean * 20),
  );
  const bird = (isYoung: boolean) => {
    const wide = isYoung ? 19 : 20;
    const tall = isYoung ? 40 : 50;
    const outline = path`M${-wide} ${-tall * 0.45}C${-wide} ${-tall * 1.1} ${wide} ${-tall * 1.1} ${wide} ${-tall * 0.45}C${wide} ${tall * 0.06} ${-wide} ${tall * 0.06} ${-wide} ${-tall * 0.45}Z`;
    const face = -tall * 0.64;
    return [
      ...(hasTufts ? [-1, 1] : []).map((at) =>
        shape(
          path`M${at * wide * 0.9} ${-tall * 0.72}L${at * wide * 0.86} ${-tall * 1.06}L${at * wide * 0.25} ${-tall * 0.88}Z`,
          dark,
          2,
        ),
      ),
      shape(outline, lit(feather, 0.26)),
      stage.patterned(
        path`M${-wide * 0.6} ${-tall * 0.24}a${wide * 0.6} ${tall * 0.25} 0 1 1 ${wide * 1.2} 0a${wide * 0.6} ${tall * 0.25} 0 1 1 ${-wide * 1.2} 0Z`,
        pale,
        chest,
        { x: -wide * 0.6, y: -tall * 0.46, width: wide * 1.2, height: tall * 0.5 },
        7,
        feather,
      ),
      ...[-1, 1].flatMap((at) => [
        shape(
          path`M${at * wide * 0.98} ${-tall * 0.52}Q${at * wide * 1.12} ${-tall * 0.1} ${at * wide * 0.5} ${-tall * 0.02}Q${at * wide * 0.55} ${-tall * 0.3} ${at * wide * 0.98} ${-tall * 0.52}Z`,
          dark,
          1.4,
        ),
        line(
          path`M${at * wide * 0.9} ${-tall * 0.3}l${-at * 4} 3M${at * wide * 0.84} ${-tall * 0.18}l${-at * 4} 3`,
          pale,
          1.4,
        ),
        circle(at * 8.6, face, 9.2, pale),
        circle(at * 8.6, face, 6.8, eye),
        circle(at * 8.2, face, 4, ink),
        circle(at * 8.2 + stage.side * 1.4, face - 1.5, 1.4, "#ffffff"),
      ]),
      shape(path`M-2.8 ${face + 3.6}H2.8L0 ${face + 9.4}Z`, "#e8a050", 1.2),
      ...[-8.6, -5.4, 5.4, 8.6].map((dx) => ellipse(dx, -0.6, 1.9, 2.8, "#e0a050")),
    ];
  };
  const x = 50 + lean * chance.between(8, 12);
  parts.push(placed({ x, y: by + 1, scale: 1.06 }, ...bird(false)));
  if (chance.happens(0.75)) parts.push(placed({ x: x - lean * 36, y: by + 3, scale: 0.58 }, ...bird(true)));
  return parts;
}

/** On a flower among its like: all that is on one wing is on the other. */
export function butterfly(stage: Stage): string[] {
  const { chance, lit, twoPaints, paint, mood, tint, ink } = stage;
  const [upper, lower] = twoPaints("apricot", "coral", "butter", "blue", "lavender", "rose", "plum", "teal");
  const spot = lighter(paint("cream", "butter", "sky", "rose"), 0.3);
  const petal = paint("coral", "rose", "lavender", "cream", "butter", "berry");
  const heart = tint(chance.pick([paints.butter, paints.apricot, paints.bark]));
  const green = mix(leafColour(stage), mood.groundLow, 0.3);
  const horizon = chance.between(60, 68);
  const parts = [...outdoors(stage, horizon)];
  const petals = chance.whole(6, 8);
  const bloom = (x: number, y: number, r: number, foot: number) => [
    line(
      path`M${x} ${y}Q${x + stage.wind * 3} ${(y + foot) / 2} ${x} ${foot}`,
      green,
      Math.max(1.5, r * 0.2),
    ),
    shape(
      path`M${x} ${foot - (foot - y) * 0.25}q${r * 0.9} ${-r * 0.2} ${r * 1.2} ${-r}q${-r * 1.1} 0 ${-r * 1.2} ${r}Z`,
      green,
      0.8,
    ),
    ...Array.from({ length: petals }, (_, i) =>
      placed(
        { x, y, degrees: (360 * i) / petals },
        ellipse(0, -r * 0.62, r * 0.3, r * 0.42, i % 2 === 0 ? petal : lighter(petal, 0.18)),
      ),
    ),
    circle(x, y, r * 0.34, heart),
  ];
  for (const fx of [6, 21, 36, 64, 79, 94])
    parts.push(...bloom(fx + chance.between(-2, 2), horizon + 9 + chance.between(0, 6), 4.8, horizon + 24));
  for (const [fx, fy] of [
    [10, 84],
    [90, 82],
  ] as const)
    parts.push(...bloom(fx, fy, 9, 102));
  const x = chance.between(47, 53);
  const y = chance.between(40, 44);
  parts.push(...bloom(x, 78, 15, 104));

  const span = chance.between(33, 38);
  const rise = chance.between(24, 29);
  const drop = chance.between(20, 25);
  const rim = darker(upper, 0.5);
  const kind = chance.pick(["spots", "bands", "eyes"] as const);
  const high = (k: number) =>
    path`M2 2C${span * 0.25 * k} ${-rise * 1.25 * k} ${span * 1.05 * k} ${-rise * 1.35 * k} ${span * k} ${-rise * 0.55 * k}C${span * 0.95 * k} ${-rise * 0.05} ${span * 0.5 * k} 4 2 4Z`;
  const low = (k: number) =>
    path`M2 2C${span * 0.5 * k} 0 ${span * 0.95 * k} ${drop * 0.25 * k} ${span * 0.78 * k} ${drop * 0.85 * k}C${span * 0.62 * k} ${drop * 1.35 * k} ${span * 0.16 * k} ${drop * 1.1 * k} 2 8Z`;
  const wing = (at: number) => [
    shape(low(1), rim, 1.4),
    shape(low(0.84), lit(lower, 0.2, at)),
    shape(high(1), rim, 1.4),
    shape(high(0.86), lit(upper, 0.22, at)),
    line(
      path`M4 0L${span * 0.6} ${-rise * 0.72}M4 1L${span * 0.74} ${-rise * 0.36}M4 5L${span * 0.5} ${drop * 0.74}`,
      darker(upper, 0.22),
      1.1,
    ),
    kind === "bands" ? shape(high(0.5), lighter(lower, 0.2)) + shape(low(0.46), lighter(upper, 0.2)) : "",
    kind === "eyes"
      ? circle(span * 0.62, -rise * 0.52, 6.4, spot) +
        circle(span * 0.62, -rise * 0.52, 4, rim) +
        circle(span * 0.62, -rise * 0.52, 1.8, lower)
      : "",
    kind === "spots"
      ? circle(span * 0.56, -rise * 0.6, 3.4, spot) +
        circle(span * 0.7, -rise * 0.34, 2.6, spot) +
        circle(span * 0.38, -rise * 0.4, 2.4, spot)
      : "",
    circle(span * 0.46, drop * 0.5, kind === "eyes" ? 4.4 : 3.2, spot),
    kind === "eyes" ? circle(span * 0.46, drop * 0.5, 2.5, rim) : "",
    ...[0.2, 0.5, 0.8].map((k) =>
      circle(
        span * (0.92 + 0.03 * Math.sin(k * 3)) - k * k * span * 0.02,
        -rise * (0.82 - k * 0.62),
        1.15,
        spot,
      ),
    ),
  ];
  const whole = stage.sketch.symbol(
    ...wing(1),
    placed({ x: 0, y: 0, scale: 1, scaleX: -1 }, ...wing(-1)),
    line("M0 -12Q-2 -22 -9 -26M0 -12Q2 -22 9 -26", ink, 1.5),
    circle(-9, -26, 1.4, ink),
    circle(9, -26, 1.4, ink),
    ellipse(0, 6, 3.4, 18, lit(mix(ink, upper, 0.2), 0.25)),
    line("M-2.6 4H2.6M-2.6 9H2.6M-2.2 14H2.2", mix(spot, ink, 0.35), 1),
    circle(0, -12, 4, mix(ink, upper, 0.2)),
  );
  const degrees = chance.between(-14, 14);
  // Another of its kind, farther off.
  if (chance.happens(0.5))
    parts.push(
      placed(
        { x: 50 - stage.side * 41, y: chance.between(50, 60), degrees: stage.side * 24, scale: 0.22 },
        whole,
      ),
    );
  parts.push(placed({ x, y, degrees, scale: 1.02 }, whole));
  return parts;
}
