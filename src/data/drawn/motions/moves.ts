/**
 * How things move: eight kinds of motion, each a function of normalised time t in [0, 1], so that a video may have any
 * number of frames. The stage is 100 x 100 units, y down, as everywhere in the drawn datasets.
 */
import type { Chance } from "../chance.ts";

/** Where a thing is at one moment. */
export interface Pose {
  /** Of its middle. */
  readonly x: number;
  readonly y: number;
  /** Its width is times this, below 0 mirrored, from turning about its upright axis; default 1. */
  readonly turn?: number;
  /** Times its own size; default 1. */
  readonly scale?: number;
  /** In [0, 1]; default 1. */
  readonly opacity?: number;
  /** Its height is times this and its width over this, from landing hard; default 1. The foot stays where it is. */
  readonly squash?: number;
}

/** What a motion needs to know of the thing and the scene. */
export interface Stage {
  /** Side of the thing's box. */
  readonly size: number;
  /** From its middle down to what it stands on. */
  readonly foot: number;
  /** The y of the ground. */
  readonly ground: number;
}

/** One way through time. */
export interface Move {
  readonly at: (t: number) => Pose;
  /** +1 where the thing should face right, -1 left. */
  readonly facing: number;
  /** The point that it hangs from, where it does. */
  readonly pivot?: { readonly x: number; readonly y: number };
  /** The point that it goes round, where it does. */
  readonly centre?: { readonly x: number; readonly y: number };
}

type Choreography = (chance: Chance, stage: Stage) => Move;

/** Time bent: steady, gathering speed, or losing it. */
const ease = (chance: Chance): ((t: number) => number) => {
  const power = chance.pick([1, 1, 1.6, 2]);
  return chance.happens(0.5) ? (t) => t ** power : (t) => 1 - (1 - t) ** power;
};

const radians = (degrees: number) => (degrees * Math.PI) / 180;
const wave = (turns: number) => Math.sin(2 * Math.PI * turns);

/** From one side of the frame to the other, along the ground or a little above. */
const drive: Choreography = (chance, { foot, ground }) => {
  const facing = chance.pick([-1, 1]);
  const pace = ease(chance);
  const from = chance.between(-2, 14);
  const to = chance.between(86, 102);
  const y = ground - foot - chance.pick([0, 0, 1]) * chance.between(4, 18);
  return {
    facing,
    at: (t) => {
      const x = from + (to - from) * pace(t);
      return { x: facing > 0 ? x : 100 - x, y };
    },
  };
};

/** One to two hops on the spot, all as high or each lower than the last, flattened where it lands. */
const bounce: Choreography = (chance, { foot, ground, size }) => {
  const hops = chance.between(1.2, 2);
  const phase = chance.pick([0, 0.5, chance.between(0, 1)]);
  const rest = ground - foot;
  const height = Math.min(chance.between(32, 42), rest - size * 0.3);
  const fade = chance.pick([1, 1, 0.82]);
  const x = chance.between(42, 58);
  const drift = chance.between(-10, 10);
  return {
    facing: drift < 0 ? -1 : 1,
    at: (t) => {
      const hop = phase + hops * t;
      const u = hop % 1;
      const lift = 4 * u * (1 - u) * fade ** Math.floor(hop);
      return {
        x: x + drift * (t - 0.5),
        y: rest - height * lift,
        squash: 1 - 0.26 * Math.max(0, 1 - lift / 0.3),
      };
    },
  };
};

/** About its upright axis, like a top, three quarters of a turn to one and a half. */
const spin: Choreography = (chance) => {
  const turns = chance.between(0.75, 1.5);
  const start = chance.between(0, 1);
  const [x, y] = [chance.between(44, 56), chance.between(42, 50)];
  return { facing: 1, at: (t) => ({ x, y, turn: wave(start + turns * t) }) };
};

/** On a rope from a point above, like a pendulum, but upright. */
const swing: Choreography = (chance) => {
  const pivot = { x: chance.between(46, 54), y: chance.between(-6, 2) };
  const rope = chance.between(44, 50);
  const reach = chance.between(26, 36);
  const swings = chance.between(0.6, 1.1);
  const phase = chance.between(0, 1);
  return {
    facing: 1,
    pivot,
    at: (t) => {
      const angle = radians(reach * wave(phase + swings * t));
      return { x: pivot.x + rope * Math.sin(angle), y: pivot.y + rope * Math.cos(angle) };
    },
  };
};

/** To two and a half times its size or more, from the ground up or about its middle. */
const grow: Choreography = (chance, { foot, ground }) => {
  const from = chance.between(0.36, 0.5);
  const to = chance.between(1.3, 1.5);
  const pace = ease(chance);
  const stands = chance.happens(0.5);
  const [x, y] = [chance.between(44, 56), chance.between(44, 52)];
  return {
    facing: chance.pick([-1, 1]),
    at: (t) => {
      const scale = from + (to - from) * pace(t);
      return { x, y: stands ? ground - foot * scale : y, scale };
    },
  };
};

/** Round a point, upright, about a turn. */
const orbit: Choreography = (chance) => {
  const centre = { x: chance.between(47, 53), y: chance.between(43, 47) };
  const turns = chance.pick([-1, 1]) * chance.between(0.6, 1.1);
  const phase = chance.between(0, 1);
  const rx = chance.between(25, 30);
  const ry = chance.between(23, 27);
  return {
    facing: Math.sign(turns),
    centre,
    at: (t) => ({
      x: centre.x + rx * wave(phase + turns * t),
      y: centre.y - ry * wave(phase + turns * t + 0.25),
      scale: 0.85,
    }),
  };
};

/** There and gone, once or twice. */
const blink: Choreography = (chance, { foot, ground }) => {
  const times = chance.between(1.2, 2);
  const phase = chance.between(0, 1);
  const sharpness = chance.between(0.8, 2.5);
  const [x, y] = [chance.between(38, 62), chance.between(44, 54)];
  const stands = chance.happens(0.5);
  return {
    facing: chance.pick([-1, 1]),
    at: (t) => ({
      x,
      y: stands ? ground - foot : y,
      opacity: Math.min(1, Math.max(0, 0.5 + sharpness * wave(phase + times * t))),
    }),
  };
};

/** From above, ever faster, to the ground, where it stays. */
const fall: Choreography = (chance, { foot, ground, size }) => {
  const landing = chance.between(0.5, 0.85);
  const power = chance.between(1.3, 1.9);
  const x = chance.between(36, 64);
  const drift = chance.between(-10, 10);
  const [from, to] = [-size * 0.1, ground - foot];
  return {
    facing: drift < 0 ? -1 : 1,
    at: (t) => {
      const u = Math.min(1, t / landing);
      const since = (t - landing) / 0.14;
      return {
        x: x + drift * u,
        y: from + (to - from) * u ** power,
        squash: since >= 0 && since < 1 ? 0.76 + 0.24 * since : 1,
      };
    },
  };
};

export const moves = { drive, bounce, spin, swing, grow, orbit, blink, fall } as const satisfies Record<
  string,
  Choreography
>;

export type MotionName = keyof typeof moves;
