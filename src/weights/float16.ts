/**
 * Half precision on hosts without Float16Array (Node 20): IEEE 754 binary16 as uint16 codes, and bfloat16. Files store
 * halves; everything here computes in float32.
 */

/** The largest finite float16. */
export const maxFloat16 = 65504;

/** Float16 codes to float32, exactly; NaN stays NaN. */
export function fromFloat16(codes: Uint16Array): Float32Array {
  const out = new Float32Array(codes.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < codes.length; i++) {
    const magnitude = codes[i] & 0x7fff;
    if (magnitude >= 0x7c00) {
      bits[i] = 0x7f800000 | ((magnitude & 0x3ff) << 13); // infinity, NaN
    } else {
      // Read as a float32, its exponent's bias is 127 in the place of 15; subnormals are mended by the same factor.
      bits[i] = magnitude << 13;
      out[i] *= 2 ** 112;
    }
    bits[i] |= (codes[i] & 0x8000) << 16;
  }
  return out;
}

/** Float32 to the nearest float16 codes, ties to even; from 65520 up to infinity; NaN stays NaN, its sign kept. */
export function toFloat16(numbers: Float32Array): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const out = new Uint16Array(numbers.length);
  for (let i = 0; i < out.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const magnitude = bits[i] & 0x7fffffff;
    out[i] = sign | magnitudeCode(magnitude, numbers[i]);
  }
  return out;
}

/** The 15 bits below the sign, from float32's lower 31 bits and the number itself. */
function magnitudeCode(magnitude: number, value: number): number {
  if (magnitude > 0x7f800000) return 0x7e00; // NaN
  if (magnitude >= 0x47800000) return 0x7c00; // 2^16 and above, infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14, halves are multiples of 2^-24. Adding 2^52 makes float64 round to whole ones, ties to even.
    return Math.abs(value) * 2 ** 24 + 2 ** 52 - 2 ** 52;
  }
  // Drop 13 bits with rounding, and change the exponent's bias from 127 to 15; a carry may reach infinity, rightly.
  return (magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13;
}

/** Bfloat16 codes to float32, exactly: they are its upper halves. */
export function fromBfloat16(codes: Uint16Array): Float32Array {
  const out = new Float32Array(codes.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i] << 16;
  return out;
}
