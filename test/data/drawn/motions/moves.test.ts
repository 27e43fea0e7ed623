import { describe, expect, it } from "vitest";
import { foldIn, keyFromSeed } from "../../../../src/core/random.ts";
import { chanceOf } from "../../../../src/data/drawn/chance.ts";
import { type MotionName, moves, type Pose, type Stage } from "../../../../src/data/drawn/motions/moves.ts";

const stage: Stage = { size: 40, foot: 19, ground: 87 };
const times = Array.from({ length: 201 }, (_, i) => i / 200);

/** 100 ways of one motion, each as its poses in 201 moments. */
const ways = (motion: MotionName) =>
  Array.from({ length: 100 }, (_, seed) => {
    const move = moves[motion](chanceOf(foldIn(keyFromSeed(seed), 5)), stage);
    return { ...move, poses: times.map(move.at) };
  });

/** How often a series turns from rising to falling or back. */
function turns(series: readonly number[]): number {
  const steps = series.slice(1).map((value, i) => value - series[i]!);
  const moving = steps.filter((step) => Math.abs(step) > 1e-9);
  return moving.filter((step, i) => i > 0 && step > 0 !== moving[i - 1]! > 0).length;
}

const column = (poses: readonly Pose[], name: keyof Pose, absent = 0) =>
  poses.map((pose) => pose[name] ?? absent);
const change = (series: readonly number[]) => series.at(-1)! - series[0]!;
const spread = (series: readonly number[]) => Math.max(...series) - Math.min(...series);

describe("moves", () => {
  it("drives from side to side without turning back, facing where it goes, never below ground", () => {
    for (const { poses, facing } of ways("drive")) {
      const x = column(poses, "x");
      expect(turns(x)).toBe(0);
      expect(change(x) * facing).toBeGreaterThan(70);
      expect(spread(column(poses, "y"))).toBe(0);
      expect(poses[0]!.y + stage.foot).toBeLessThanOrEqual(stage.ground);
    }
  });

  it("bounces on the ground, under constant gravity in the air", () => {
    for (const { poses, at } of ways("bounce")) {
      const y = column(poses, "y");
      const rest = stage.ground - stage.foot;
      expect(Math.max(...y)).toBeLessThanOrEqual(rest + 1e-9);
      expect(rest - Math.min(...y)).toBeGreaterThan(20);
      // More than a whole hop: a top and a landing lie between the ends.
      expect(turns(y)).toBeGreaterThanOrEqual(2);
      // Second differences are one constant within a hop; only triples across a landing (at most three) break it.
      const pull = times.slice(1, -1).map((t) => at(t - 0.005).y - 2 * at(t).y + at(t + 0.005).y);
      const breaks = pull.filter((value, i) => i > 0 && Math.abs(value - pull[i - 1]!) > 1e-6);
      expect(breaks.length).toBeLessThanOrEqual(3 * 3);
    }
  });

  it("spins on the spot: narrow, mirrored and wide again", () => {
    for (const { poses } of ways("spin")) {
      expect([spread(column(poses, "x")), spread(column(poses, "y"))]).toEqual([0, 0]);
      const turn = column(poses, "turn", 1);
      expect(turns(turn)).toBeGreaterThanOrEqual(1);
      expect(Math.min(...turn)).toBeLessThan(-0.7);
      expect(Math.max(...turn)).toBeGreaterThan(0.7);
    }
  });

  it("swings to and fro at the end of a rope that stays as long as it is", () => {
    for (const { poses, pivot } of ways("swing")) {
      const rope = poses.map(({ x, y }) => Math.hypot(x - pivot!.x, y - pivot!.y));
      expect(spread(rope)).toBeLessThan(1e-9);
      expect(turns(column(poses, "x"))).toBeGreaterThanOrEqual(1);
      expect(Math.max(...column(poses, "y")) + stage.size / 2).toBeLessThan(stage.ground);
    }
  });

  it("grows to more than twice its size, and never shrinks", () => {
    for (const { poses } of ways("grow")) {
      const scale = column(poses, "scale", 1);
      expect(turns(scale)).toBe(0);
      expect(scale.at(-1)! / scale[0]!).toBeGreaterThan(2.5);
    }
  });

  it("orbits its centre for more than half a turn", () => {
    for (const { poses, centre } of ways("orbit")) {
      expect(Math.abs(winding(poses, centre!))).toBeGreaterThan(0.59);
    }
  });

  it("blinks: there and gone, nothing else", () => {
    for (const { poses } of ways("blink")) {
      const opacity = column(poses, "opacity", 1);
      const isThere = opacity.map((value) => value > 0.5);
      expect(isThere.filter((now, i) => i > 0 && now !== isThere[i - 1]).length).toBeGreaterThanOrEqual(2);
      expect([Math.min(...opacity), Math.max(...opacity)]).toEqual([0, 1]);
      expect([spread(column(poses, "x")), spread(column(poses, "y"))]).toEqual([0, 0]);
    }
  });

  it("falls from the top to the ground, ever faster, and stays there", () => {
    for (const { poses } of ways("fall")) {
      const y = column(poses, "y");
      expect(turns(y)).toBe(0);
      expect(y[0]).toBeLessThan(0);
      expect(y.at(-1)).toBe(stage.ground - stage.foot);
      const steps = y.slice(1).map((value, i) => value - y[i]!);
      const landing = y.indexOf(y.at(-1)!);
      // The last step in the air is cut short by the ground.
      const falling = steps.slice(0, landing - 1);
      expect(falling.every((step, i) => i === 0 || step > falling[i - 1]!)).toBe(true);
    }
  });

  it("keeps every moment finite, sizes above zero and opacity in 0..1", () => {
    for (const motion of Object.keys(moves) as MotionName[]) {
      const poses = ways(motion).flatMap((way) => way.poses);
      expect(poses.every((pose) => Object.values(pose).every(Number.isFinite))).toBe(true);
      expect(poses.every(({ scale = 1, squash = 1 }) => scale > 0 && squash > 0)).toBe(true);
      expect(poses.every(({ opacity = 1 }) => opacity >= 0 && opacity <= 1)).toBe(true);
    }
  });
});

/** Turns of a path about a point, counted from its angles. */
function winding(path: readonly Pose[], centre: { x: number; y: number }): number {
  const angles = path.map(({ x, y }) => Math.atan2(y - centre.y, x - centre.x));
  const steps = angles.slice(1).map((angle, i) => angle - angles[i]!);
  return (
    steps.reduce((sum, step) => sum + step - 2 * Math.PI * Math.round(step / (2 * Math.PI)), 0) /
    (2 * Math.PI)
  );
}
