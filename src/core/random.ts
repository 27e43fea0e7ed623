/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of (key, counter), so batch size, order and
 * workers cannot change it. Seeds, fold-in, bits and uniforms follow JAX's conventions bit for bit.
 *
 * Use a key either to draw from or to derive keys from, not for both: draw i and derived key i come from one block.
 */
import { InputError, requireInput } from "./errors.ts";

/** Two unsigned 32-bit words. */
export type Key = readonly [number, number];

/** What names a run's chance: an integer in 0..2^53 as a number, or up to 2^64 - 1 as a bigint or decimal string. */
export type Seed = number | bigint | string;

const two32 = 2 ** 32;

/** Where {@link block} leaves its two words: the bulk functions then allocate nothing per draw. */
const words = new Uint32Array(2);

/** Encrypts the counter (c0, c1) under the key (k0, k1) into {@link words}. */
function block(k0: number, k1: number, c0: number, c1: number): void {
  // The constant is Skein's key-schedule parity, C240 of Threefish, cut to 32 bits.
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  let a = k1; // the subkeys rotate: (k1, k2), (k2, k0), (k0, k1), ...
  let b = k2;
  let c = k0;
  for (let group = 1; group <= 5; group++) {
    if (group & 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    x0 = (x0 + a) | 0;
    x1 = (x1 + b + group) | 0;
    const first = a;
    a = b;
    b = c;
    c = first;
  }
  words[0] = x0;
  words[1] = x1;
}

/** {@link block} for draw number `counter` (an integer in 0..2^53), high word first. */
function blockAt(key: Key, counter: number): void {
  block(key[0], key[1], Math.floor(counter / two32), counter >>> 0);
}

/** The block cipher itself: key and counter of two uint32 each to two uint32. */
export function threefry2x32(key: Key, counter: readonly [number, number]): [number, number] {
  block(key[0], key[1], counter[0], counter[1]);
  return [words[0], words[1]];
}

/**
 * The key of a seed: [high 32 bits, low 32 bits].
 *
 * @throws InputError for anything but an integer in 0..2^64 - 1, and for a number above 2^53, which JavaScript may
 *   already have rounded.
 */
export function keyFromSeed(seed: Seed): Key {
  const range = "an integer in 0..18446744073709551615";
  if (typeof seed === "number") {
    requireInput(Number.isInteger(seed) && seed >= 0, `seed: must be ${range}, got ${seed}`);
    requireInput(
      seed <= 2 ** 53,
      `seed: a number above 2^53 is not exact, got ${seed}; give it as a bigint or as a decimal string`,
    );
    return [Math.floor(seed / two32), seed >>> 0];
  }
  if (typeof seed === "string" && !/^[0-9]{1,20}$/.test(seed)) {
    throw new InputError(`seed: must be ${range} in decimal digits, got "${seed}"`);
  }
  const value = BigInt(seed);
  requireInput(value >= 0n && value < 1n << 64n, `seed: must be ${range}, got ${value}`);
  return [Number(value >> 32n), Number(value & 0xffffffffn)];
}

/**
 * A new key from `key` and `data` (an integer in 0..2^32 - 1): a sample's index, a step, a purpose. Distinct data
 * give unrelated keys.
 *
 * @throws RangeError when `data` is not such an integer.
 */
export function foldIn(key: Key, data: number): Key {
  if (!Number.isInteger(data) || data < 0 || data >= two32) {
    throw new RangeError(`foldIn: data must be an integer in 0..4294967295, got ${data}`);
  }
  return threefry2x32(key, [0, data]);
}

/** Draw `counter` as 32 random bits (a uint32): both words of the block, xor-ed. */
export function bitsAt(key: Key, counter: number): number {
  blockAt(key, counter);
  return (words[0] ^ words[1]) >>> 0;
}

/** Draw `counter`, uniform over the multiples of 2^-23 in [0, 1): float32 holds each exactly. */
export function uniformAt(key: Key, counter: number): number {
  blockAt(key, counter);
  return ((words[0] ^ words[1]) >>> 9) / 2 ** 23;
}

/** `count` uniform numbers: element i is `uniformAt(key, start + i)`. */
export function uniforms(key: Key, count: number, start = 0): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = uniformAt(key, start + i);
  return out;
}

/** Draw `counter` from the standard Gumbel distribution, -log(-log u); finite, in about (-3.2, 22.9). */
export function gumbelAt(key: Key, counter: number): number {
  // Half a unit up keeps u away from 0 and 1.
  return -Math.log(-Math.log((bitsAt(key, counter) + 0.5) / two32));
}

/**
 * Draw `counter`, an integer uniform over 0..bound - 1, for `bound` an integer in 1..2^32. It scales 53 random bits,
 * so that no value's probability is off by more than 2^-53.
 *
 * @throws RangeError when `bound` is not such an integer.
 */
export function integerAt(key: Key, counter: number, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > two32) {
    throw new RangeError(`integerAt: bound must be an integer in 1..4294967296, got ${bound}`);
  }
  blockAt(key, counter);
  return Math.floor(((words[0] * 2 ** 21 + (words[1] >>> 11)) / 2 ** 53) * bound);
}

/** Draw `counter` from the standard normal distribution: Box-Muller on the two words of one block; |x| < 6.8. */
export function normalAt(key: Key, counter: number): number {
  blockAt(key, counter);
  const radius = Math.sqrt(-2 * Math.log((words[0] + 0.5) / two32));
  return radius * Math.cos((2 * Math.PI * words[1]) / two32);
}

/** `count` normal numbers: element i is `normalAt(key, start + i)` rounded to float32. */
export function normals(key: Key, count: number, start = 0): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = normalAt(key, start + i);
  return out;
}

/** A uniformly random order of 0..n - 1 (Fisher-Yates, draw i choosing among i + 1). */
export function permutation(key: Key, n: number): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const j = integerAt(key, i, i + 1);
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}
