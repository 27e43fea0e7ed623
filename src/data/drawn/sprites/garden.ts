/** House, tree, flower, mushroom: what stands on the ground. */
import type { Chance } from "../chance.ts";
import { darker, lighter, mix, paintFrom, paints, twoPaintsFrom } from "../palette.ts";
import { box, circle, ellipse, line, path, placed, type Sketch, shape } from "../svg.ts";
import { groundShadow, outdoors, room } from "./scenery.ts";

export function house(chance: Chance, sketch: Sketch): string[] {
  const horizon = chance.between(64, 74);
  const { mood, elements } = outdoors(chance, sketch, horizon);
  const wide = chance.between(46, 64);
  const tall = chance.between(28, 38);
  const roofTall = chance.between(18, 29);
  const eaves = chance.between(4, 8);
  const wall = paintFrom(chance, ["cream", "butter", "rose", "sky", "mint", "apricot"]);
  const roof = paintFrom(chance, ["coral", "berry", "plum", "navy", "teal", "bark"]);
  const door = paintFrom(chance, ["bark", "teal", "berry", "blue", "moss"]);
  const glass = chance.happens(0.4) ? lighter(paints.butter, 0.25) : mix(paints.sky, paints.navy, 0.3);
  const base = chance.between(80, 87);
  const top = base - tall;
  const middle = chance.between(44, 56);
  const left = middle - wide / 2;
  const right = middle + wide / 2;

  const chimneySide = chance.pick([-1, 1, 0]);
  const chimneyX = middle + chimneySide * wide * 0.27;
  const hasSmoke = chance.happens(0.5);
  const ridge = chance.pick([0, 0.18, 0.3]) * wide;
  const parts = [...elements, groundShadow(sketch, middle, base, wide * 0.68)];
  if (chimneySide !== 0) {
    if (hasSmoke) {
      const puff = mix(mood.skyLow, "#fffaf0", 0.5);
      parts.push(
        circle(chimneyX, top - roofTall - 5, 4, puff),
        circle(chimneyX + 5, top - roofTall - 12, 5.5, puff),
      );
    }
    parts.push(
      box(chimneyX - 4.5, top - roofTall + 1, 9, roofTall, sketch.shaded(darker(roof, 0.15), 0.1), 1),
    );
  }
  parts.push(box(left, top - 1, wide, tall + 1, sketch.shaded(wall, 0.12), 1.5));
  const gable = path`M${left - eaves} ${top}L${middle - ridge} ${top - roofTall}H${middle + ridge}L${right + eaves} ${top}Z`;
  parts.push(box(left, top, wide, 5, darker(wall, 0.16)), shape(gable, sketch.shaded(roof, 0.2), 4));
  if (chance.happens(0.5) && roofTall > 20) {
    parts.push(
      circle(middle, top - roofTall * 0.42, 5.5, lighter(wall, 0.2)),
      circle(middle, top - roofTall * 0.42, 3.6, glass),
    );
  }

  const doorWide = chance.between(11, 14);
  const doorTall = tall * chance.between(0.58, 0.68);
  const doorSlot = chance.pick([-1, 0, 1]);
  const isArched = chance.happens(0.5);
  const isRound = chance.happens(0.3);
  for (const slot of [-1, 0, 1]) {
    const x = middle + slot * wide * 0.31;
    if (slot === doorSlot) {
      const round = isArched ? doorWide / 2 : 1.5;
      parts.push(
        box(x - doorWide / 2, base - doorTall, doorWide, doorTall, sketch.shaded(door, 0.14), round),
        box(x - doorWide / 2, base - doorTall / 2, doorWide, doorTall / 2, darker(door, 0.11)),
      );
    } else if (slot !== 0 || wide > 58) {
      const size = Math.min(11, wide * 0.19);
      const y = top + tall * 0.22;
      const round = isRound ? size / 2 : 1.5;
      parts.push(
        box(x - size / 2 - 1.6, y - 1.6, size + 3.2, size + 3.2, lighter(wall, 0.45), round + 1.2),
        box(x - size / 2, y, size, size, sketch.shaded(glass, 0.12), round),
      );
    }
  }
  const bush = mix(mood.groundLow, paints.moss, 0.6);
  for (const side of [-1, 1]) {
    if (chance.happens(0.45)) {
      const r = chance.between(6, 10);
      parts.push(
        ellipse(middle + side * (wide / 2 + 4), base - r * 0.45, r * 1.1, r, sketch.shaded(bush, 0.18)),
      );
    }
  }
  return parts;
}

export function tree(chance: Chance, sketch: Sketch): string[] {
  const { elements } = outdoors(chance, sketch, chance.between(68, 80));
  const x = chance.between(40, 60);
  const base = chance.between(85, 92);
  const scale = chance.between(0.86, 1.08);
  const lean = chance.between(-5, 5);
  const kind = chance.pick(["round", "cloud", "pine", "tall"] as const);
  const leaf = paintFrom(
    chance,
    kind === "pine"
      ? ["moss", "teal", "leaf"]
      : ["leaf", "moss", "mint", "apricot", "coral", "rose", "butter"],
  );
  const bark = paintFrom(chance, ["bark"]);
  const trunk = chance.between(4, 7);
  const wide = chance.between(25, 33);
  const fruit = chance.happens(0.5) && kind !== "pine" ? chance.whole(3, 5) : 0;
  const fruitColour = paintFrom(chance, ["coral", "berry", "butter", "cream"]);
  const fill = sketch.shaded(leaf, 0.24);
  const shade = darker(leaf, 0.16);
  // Drawn with the foot of the trunk at the origin.
  const crown: string[] = [];
  const spots: [number, number][] = [];
  if (kind === "pine") {
    const tiers = chance.whole(2, 3);
    const tall = chance.between(58, 66);
    for (let i = 0; i < tiers; i++) {
      const low = -14 - (i * (tall - 22)) / tiers;
      const high = low - tall / tiers - 10;
      const half = wide * (1 - (i * 0.55) / tiers);
      crown.push(
        shape(
          path`M${-half} ${low}Q0 ${low + 7} ${half} ${low}Q${half * 0.3} ${low - 10} 0 ${high}Q${-half * 0.3} ${low - 10} ${-half} ${low}Z`,
          sketch.shaded(mix(shade, leaf, i / 2), 0.2),
          3,
        ),
      );
    }
  } else if (kind === "cloud") {
    crown.push(
      circle(-wide * 0.52, -37, wide * 0.58, sketch.shaded(shade, 0.16)),
      circle(wide * 0.55, -39, wide * 0.55, sketch.shaded(shade, 0.16)),
      circle(chance.between(-4, 4), -52, wide * 0.8, fill),
    );
    spots.push([-10, -60], [12, -54], [-2, -42], [-20, -38], [20, -36]);
  } else if (kind === "round") {
    crown.push(
      circle(0, -46, wide, fill),
      ellipse(-wide * 0.25, -58, wide * 0.45, wide * 0.3, lighter(leaf, 0.24)),
    );
    spots.push([-14, -44], [13, -52], [2, -34], [-4, -58], [17, -36]);
  } else {
    crown.push(
      ellipse(0, -45, wide * 0.72, 32, fill),
      ellipse(-wide * 0.2, -58, wide * 0.3, 12, lighter(leaf, 0.2)),
    );
    spots.push([-9, -40], [9, -48], [0, -60], [-6, -26], [8, -30]);
  }
  for (const [fx, fy] of spots.slice(0, fruit))
    crown.push(circle(fx, fy, 3.8, sketch.shaded(fruitColour, 0.2)));
  return [
    ...elements,
    groundShadow(sketch, x, base, wide * 0.95),
    placed(
      { x, y: base, degrees: lean, scale },
      shape(
        path`M${-trunk - 3} 0Q${-trunk} -12 ${-trunk * 0.7} -40H${trunk * 0.7}Q${trunk} -12 ${trunk + 3} 0Z`,
        sketch.shaded(bark, 0.18),
      ),
      ...crown,
    ),
  ];
}

export function flower(chance: Chance, sketch: Sketch): string[] {
  const isPotted = chance.happens(0.4);
  const { elements } = isPotted
    ? room(chance, sketch, chance.between(78, 86))
    : outdoors(chance, sketch, chance.between(72, 84));
  const petals = chance.whole(5, 8);
  const [colour, inner] = twoPaintsFrom(chance, [
    "coral",
    "rose",
    "lavender",
    "cream",
    "butter",
    "berry",
    "blue",
    "apricot",
  ]);
  const heart = paintFrom(chance, ["butter", "apricot", "bark", "cream"]);
  const green = paintFrom(chance, ["moss", "leaf"]);
  const reach = chance.between(21, 27);
  const girth = (chance.between(0.75, 1.05) * Math.PI * reach * 0.62) / petals;
  const turn = chance.between(0, 360 / petals);
  const hasRing = chance.happens(0.4);
  const x = chance.between(42, 58);
  const y = chance.between(33, 40);
  const footX = 50 + chance.between(-5, 5);
  const bend = chance.between(-12, 12);
  const soil = isPotted ? 74 : 93;
  const leaves = chance.pick([[-1], [1], [-1, 1], [-1, 1]]);
  const leafLong = chance.between(15, 22);

  const parts = [...elements, groundShadow(sketch, footX, isPotted ? 94 : 92, isPotted ? 22 : 17)];
  parts.push(
    line(path`M${footX} ${soil}Q${footX + bend} ${(soil + y) / 2} ${x} ${y}`, darker(green, 0.08), 4),
  );
  for (const side of leaves) {
    const ly = soil - (isPotted ? 4 : 11) - (side > 0 ? 3 : 0);
    const tipX = footX + side * leafLong;
    parts.push(
      shape(
        path`M${footX} ${ly}Q${footX + side * 4} ${ly - 16} ${tipX} ${ly - 14}Q${tipX - side * 1} ${ly} ${footX} ${ly}Z`,
        sketch.shaded(green, 0.2),
        1,
      ),
    );
  }
  if (isPotted) {
    const pot = paintFrom(chance, ["apricot", "teal", "coral", "blue", "cream", "plum"]);
    parts.push(
      shape(
        path`M${footX - 15} 77H${footX + 15}L${footX + 11} 94H${footX - 11}Z`,
        sketch.shaded(pot, 0.18),
        3,
      ),
      box(footX - 18, 72, 36, 7, sketch.shaded(lighter(pot, 0.12), 0.12), 2),
    );
  }
  const ring = (count: number, length: number, breadth: number, fill: string, start: number) =>
    Array.from({ length: count }, (_, i) =>
      placed(
        { x, y, degrees: start + (360 * i) / count },
        ellipse(0, -length * 0.58, breadth, length * 0.44, fill),
      ),
    );
  parts.push(...ring(petals, reach * 1.12, girth * 1.05, darker(colour, 0.14), turn + 180 / petals));
  parts.push(...ring(petals, reach, girth, sketch.shaded(colour, 0.16), turn));
  if (hasRing) parts.push(...ring(petals, reach * 0.62, girth * 0.62, inner, turn));
  const core = chance.between(6.5, 9);
  parts.push(circle(x, y, core, sketch.shaded(heart, 0.22)));
  return parts;
}

export function mushroom(chance: Chance, sketch: Sketch): string[] {
  const { mood, elements } = outdoors(chance, sketch, chance.between(62, 78));
  const cap = paintFrom(chance, ["coral", "berry", "apricot", "plum", "blue", "bark", "rose", "teal"]);
  const stem = paintFrom(chance, ["cream", "cream", "butter"]);
  const dot = lighter(paintFrom(chance, ["cream", "butter"]), 0.2);
  const wide = chance.between(29, 38);
  const tall = chance.between(24, 36);
  const stemTall = chance.between(26, 36);
  const stemWide = chance.between(7.5, 12);
  const brim = chance.between(3, 8);
  const point = chance.between(0.55, 1);
  const spots = chance.whole(0, 5);
  const grass = mix(mood.groundLow, paints.moss, 0.55);

  // Drawn with the foot of the stem at the origin.
  const at = -stemTall;
  const capOutline = path`M${-wide} ${at}C${-wide} ${at - tall * point} ${-wide * 0.45 * point} ${at - tall} 0 ${at - tall}C${wide * 0.45 * point} ${at - tall} ${wide} ${at - tall * point} ${wide} ${at}Q0 ${at + brim * 2} ${-wide} ${at}Z`;
  const places: [number, number, number][] = [
    [-0.06, 0.66, 4.6],
    [-0.52, 0.28, 4.2],
    [0.48, 0.34, 4.6],
    [0.04, 0.2, 3.8],
    [0.3, 0.68, 3.2],
  ];
  const body = [
    shape(
      path`M${-stemWide} ${at}Q${-stemWide * 0.7} ${at / 2} ${-stemWide * 1.25} 0H${stemWide * 1.25}Q${stemWide * 0.7} ${at / 2} ${stemWide} ${at}Z`,
      sketch.shaded(stem, 0.16),
      2,
    ),
    ellipse(0, at + brim * 0.6, wide * 0.8, brim + 1.5, darker(stem, 0.22)),
    shape(capOutline, sketch.shaded(cap, 0.26), 3),
    ...places.slice(0, spots).map(([px, py, r]) => ellipse(px * wide, at - py * tall, r * 1.1, r, dot)),
  ];
  const x = chance.between(42, 58);
  const base = chance.between(85, 91);
  const scale = chance.between(0.84, 1.04);
  const parts = [...elements, groundShadow(sketch, x, base, 26)];
  if (chance.happens(0.4)) {
    const side = chance.pick([-1, 1]);
    const small = chance.between(0.34, 0.46);
    parts.push(placed({ x: x + side * 31, y: base - 2, degrees: side * 6, scale: small }, ...body));
  }
  parts.push(placed({ x, y: base, degrees: chance.between(-9, 9), scale }, ...body));
  for (const side of [-1, 1]) {
    if (chance.happens(0.5)) {
      const gx = x + side * chance.between(14, 26);
      parts.push(
        shape(
          path`M${gx - 7} ${base + 3}Q${gx - 6} ${base - 8} ${gx - 9} ${base - 9}Q${gx - 2} ${base - 9} ${gx} ${base - 2}Q${gx + 1} ${base - 12} ${gx + 7} ${base - 12}Q${gx + 5} ${base - 4} ${gx + 6} ${base + 3}Z`,
          grass,
          1,
        ),
      );
    }
  }
  return parts;
}
