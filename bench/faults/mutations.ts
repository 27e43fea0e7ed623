/** Damage to files, by a seed: what disks, downloads, editors and strangers do to them. */
import { integerAt, type Key, keyFromSeed } from "../../src/core/random.ts";

/** Numbers that break arithmetic, in the place of a number in a text. */
const oddNumbers = [
  "0",
  "-1",
  "1e999",
  "9007199254740993",
  "0.5",
  "NaN",
  "4294967296",
  "null",
  '""',
  "[]",
  "{}",
];

/** A seeded series of choices: each call gives a whole number in 0..below-1. */
export function choices(seed: number, index: number): (below: number) => number {
  const key: Key = keyFromSeed(seed);
  let at = 0;
  return (below) => (below <= 1 ? 0 : integerAt(key, index * 4096 + at++, below));
}

/** The file with one to three damages; never empty of changes but by chance. */
export function mutated(file: Uint8Array, choose: (below: number) => number): Uint8Array {
  let bytes = file;
  const damages = 1 + choose(3);
  for (let i = 0; i < damages; i++) bytes = kinds[choose(kinds.length)]!(bytes, choose);
  return bytes;
}

type Damage = (bytes: Uint8Array, choose: (below: number) => number) => Uint8Array;

/** Heads of files hold what readers go by, so half of all damage lies in the first 512 bytes. */
const placeIn = (bytes: Uint8Array, choose: (below: number) => number): number =>
  choose(2) === 0 ? choose(Math.min(512, bytes.length + 1)) : choose(bytes.length + 1);

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const kinds: readonly Damage[] = [
  // a bit flipped
  (bytes, choose) => {
    const copy = bytes.slice();
    const at = placeIn(bytes, choose);
    if (at < copy.length) copy[at]! ^= 1 << choose(8);
    return copy;
  },
  // a byte replaced, often by an extreme
  (bytes, choose) => {
    const copy = bytes.slice();
    const at = placeIn(bytes, choose);
    if (at < copy.length) copy[at] = [0, 255, 127, 128, choose(256)][choose(5)]!;
    return copy;
  },
  // the end cut off
  (bytes, choose) => bytes.slice(0, placeIn(bytes, choose)),
  // a part left out
  (bytes, choose) => {
    const at = placeIn(bytes, choose);
    return joined(bytes.slice(0, at), bytes.slice(at + 1 + choose(64)));
  },
  // a part twice
  (bytes, choose) => {
    const at = placeIn(bytes, choose);
    return joined(bytes.slice(0, at + 1 + choose(64)), bytes.slice(at));
  },
  // a part of zeros, as after a crash
  (bytes, choose) => {
    const at = placeIn(bytes, choose);
    return bytes.slice().fill(0, at, at + 1 + choose(256));
  },
  // something more at the end
  (bytes, choose) => joined(bytes, new Uint8Array(1 + choose(16)).fill(choose(256))),
  // another number in a text
  (bytes, choose) => {
    const text = Buffer.from(bytes.subarray(0, 4096)).toString("latin1");
    const numbers = [...text.matchAll(/-?\d+(\.\d+)?/g)];
    if (numbers.length === 0) return bytes;
    const found = numbers[choose(numbers.length)]!;
    const odd = Buffer.from(oddNumbers[choose(oddNumbers.length)]!, "latin1");
    return joined(bytes.slice(0, found.index), odd, bytes.slice(found.index + found[0].length));
  },
];
