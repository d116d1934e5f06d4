/** Functions that WGSL lacks, or whose accuracy or range it leaves to drivers. */
import { erf } from '../../compiler/support/erf.ts';
import type { Helper } from '../shared/dialect.ts';
import { fit } from '../shared/fit.ts';
import { floatText } from '../shared/float-text.ts';

function helper(name: string, text: string, needs: readonly Helper[] = []): Helper {
  return { name, text: text.trim(), needs };
}

/** c0 + v * (c1 + v * (c2 + …)), over several lines. */
function horner(variable: string, coefficients: readonly number[]): string {
  const terms = coefficients.map(floatText);
  const last = terms.length - 1;
  const lines = terms.map((c, i) => (i === last ? `${c}${')'.repeat(last)}` : `${c} + ${variable} * (`));
  return lines.join('\n    ');
}

/** The same function of each component of a vector, for one or two operands. */
function eachComponent(scalar: Helper, operands: 1 | 2): Helper {
  const name = `${scalar.name}_4`;
  const params = operands === 1 ? 'a: vec4f' : 'a: vec4f, b: vec4f';
  const calls = ['x', 'y', 'z', 'w'].map((c) => `${scalar.name}(${operands === 1 ? `a.${c}` : `a.${c}, b.${c}`})`);
  return helper(name, `fn ${name}(${params}) -> vec4f {\n  return vec4f(${calls.join(', ')});\n}`, [scalar]);
}

const NEAR = fit((z) => (z === 0 ? 2 / Math.sqrt(Math.PI) : erf(Math.sqrt(z)) / Math.sqrt(z)), 6, 0, 1);
const FAR = fit((t) => scaledComplement(2 / t - 2), 8, 1 / 3, 2 / 3);

/** exp(x^2) erfc(x). */
function scaledComplement(x: number): number {
  return Math.exp(x * x) * (1 - erf(x));
}

export const ERF = helper(
  'erf',
  `
// The error function: x P(x^2) up to 1, then 1 - exp(-x^2) Q(1 / (1 + x / 2)), which is 1 from 4 on.
// P and Q are polynomials through erf(x) / x and exp(x^2) erfc(x) at Chebyshev nodes.
fn erf(x: f32) -> f32 {
  let square = x * x;
  let near = x * (
    ${horner('square', NEAR)});
  let size = min(abs(x), 4.0);
  let t = 1.0 / (1.0 + 0.5 * size);
  let far = 1.0 - exp(-size * size) * (
    ${horner('t', FAR)});
  return select(near, far * sign(x), abs(x) >= 1.0);
}`,
);

export const TANH = helper(
  'safe_tanh',
  `
// tanh: Lambert's continued fraction (DLMF 4.39.1) near 0, then 1 - 2 / (exp(2 x) + 1), which is 1 from 10 on.
fn safe_tanh(x: f32) -> f32 {
  let square = x * x;
  let near = x / (1.0 + square / (3.0 + square / (5.0 + square / (7.0 + square / 9.0))));
  let size = min(abs(x), 10.0);
  let far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
  return select(near, far * sign(x), abs(x) >= 0.6);
}`,
);

const ARC = fit((x) => (x === 1 ? Math.SQRT2 : Math.acos(x) / Math.sqrt(1 - x)), 8, 0, 1);

export const ACOS = helper(
  'accurate_acos',
  `
// acos: sqrt(1 - |x|) P(|x|), from pi when x is negative; P goes through acos(x) / sqrt(1 - x) at Chebyshev nodes.
fn accurate_acos(x: f32) -> f32 {
  let size = abs(x);
  let angle = sqrt(1.0 - size) * (
    ${horner('size', ARC)});
  return select(angle, ${floatText(Math.PI)} - angle, x < 0.0);
}`,
);

const SINE = fit((z) => (z === 0 ? 1 : Math.sin(Math.sqrt(z)) / Math.sqrt(z)), 5, 0, (Math.PI / 2) ** 2);

const SINE_PAST = helper(
  'sine_past',
  `
// sin(x - turns pi), with pi in three parts, of which the first two multiply exactly (Cody and Waite), so that large
// angles are as good as small ones; the sine is a polynomial through sin(r) / r at Chebyshev nodes.
fn sine_past(x: f32, turns: f32) -> f32 {
  let r = ((x - turns * 3.140625) - turns * 0.0009670257568359375) - turns * 6.278329465203569e-7;
  let square = r * r;
  return r * (
    ${horner('square', SINE)});
}`,
);

export const SIN = helper(
  'accurate_sin',
  `
// The sine of any angle; WGSL bounds the error from -pi to pi only.
fn accurate_sin(x: f32) -> f32 {
  let turns = round(x * ${floatText(1 / Math.PI)});
  let odd = turns - 2.0 * floor(0.5 * turns);
  return sine_past(x, turns) * (1.0 - 2.0 * odd);
}`,
  [SINE_PAST],
);

export const COS = helper(
  'accurate_cos',
  `
// The cosine of any angle; WGSL bounds the error from -pi to pi only.
fn accurate_cos(x: f32) -> f32 {
  let turns = floor(x * ${floatText(1 / Math.PI)});
  let odd = turns - 2.0 * floor(0.5 * turns);
  return sine_past(x, turns + 0.5) * (2.0 * odd - 1.0);
}`,
  [SINE_PAST],
);

export const LOG = helper(
  'checked_log',
  `
// The logarithm, NaN of NaN: some drivers give a number.
fn checked_log(x: f32) -> f32 {
  return select(log(x), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}`,
);

export const POWER = helper(
  'power',
  `
// x to the power y. WGSL leaves pow undefined for x below 0, where a whole y gives |x|^y with its sign; a y that is not
// whole gives NaN, which is made from bits because a constant may not be NaN, and likewise 1 / 0.
fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0) {
    return 1.0;
  }
  if (x == 0.0) {
    return select(0.0, bitcast<f32>(bitcast<u32>(abs(x)) | 0x7f800000u), y < 0.0);
  }
  let size = pow(abs(x), y);
  if (x > 0.0) {
    return size;
  }
  if (floor(y) != y) {
    return bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u);
  }
  return select(size, -size, abs(y) % 2.0 == 1.0);
}`,
);

export const FLOOR_MOD = helper(
  'floor_mod',
  `
// a - b floor(a / b), with the sign of b; the quotient may have been rounded across a whole number.
fn floor_mod(a: f32, b: f32) -> f32 {
  let rest = a - b * floor(a / b);
  let other_side = (rest != 0.0) & ((rest < 0.0) != (b < 0.0));
  let within = select(rest, rest + b, other_side);
  return select(within, within - b, abs(within) >= abs(b));
}`,
);

export const FLOOR_MOD_INT = helper(
  'floor_mod_int',
  `
// The remainder with the sign of b.
fn floor_mod_int(a: i32, b: i32) -> i32 {
  let rest = a % b;
  return select(rest, rest + b, (rest != 0) & ((rest < 0) != (b < 0)));
}`,
);

export const IS_NONFINITE = helper(
  'is_nonfinite',
  `
// 1 for NaN and infinities, whose exponent bits are all ones; comparisons may be optimised as if there were none.
fn is_nonfinite(x: f32) -> u32 {
  return select(0u, 1u, (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u);
}`,
);

export const CONSTANT = helper(
  'constant',
  `
// A constant as a value of the run: WGSL refuses to fold constants whose result is not finite.
fn constant(x: f32) -> f32 {
  return x;
}`,
);

export const ROUND_BF16 = helper(
  'round_bf16',
  `
// The nearest bf16, of two the even one; as integers, because WGSL leaves the rounding of conversions to drivers.
fn round_bf16(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let rounded = (bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u;
  return bitcast<f32>(select(rounded, bits, (bits & 0x7fffffffu) > 0x7f800000u));
}`,
);

export const ROUND_F16 = helper(
  'round_f16',
  `
// The nearest half, of two the even one; as integers, because WGSL leaves the rounding of conversions to drivers.
// Below the smallest normal half, 2^-14, halves are the multiples of 2^-24.
fn round_f16(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let normal = (size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u;
  let shift = clamp(126u - min(size >> 23u, 112u), 14u, 25u);
  let fraction = (size & 0x7fffffu) | 0x800000u;
  let multiple = (fraction + (1u << (shift - 1u)) - 1u + ((fraction >> shift) & 1u)) >> shift;
  let small = select(0u, bitcast<u32>(f32(multiple) * ${floatText(2 ** -24)}), shift < 25u);
  let finite = select(small, normal, size >= 0x38800000u);
  let whole = select(finite, 0x7f800000u, size >= 0x477ff000u);
  return bitcast<f32>((bits & 0x80000000u) | select(whole, size, size > 0x7f800000u));
}`,
);

export const TO_F16 = helper(
  'to_f16',
  `
// The nearest half. What is converted is one, so that no driver rounds.
fn to_f16(x: f32) -> f16 {
  return f16(round_f16(x));
}`,
  [ROUND_F16],
);

export const DITHER_BF16 = helper(
  'dither_bf16',
  `
// One of the two bf16 around x: the one that is larger in size where u, in [0, 1), is at least its distance from x in their steps.
fn dither_bf16(x: f32, u: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let finite = (bits + u32(u * 65536.0)) & 0xffff0000u;
  return bitcast<f32>(select(bits, finite, (bits & 0x7fffffffu) < 0x7f800000u));
}`,
);

export const DITHER_F16 = helper(
  'dither_f16',
  `
// One of the two halves around x: the one that is larger in size where u, in [0, 1), is at least its distance from x in their steps.
// Below the smallest normal half, 2^-14, halves are the multiples of 2^-24; from 65536 on there are none.
fn dither_f16(x: f32, u: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let shift = 126u - clamp(size >> 23u, 95u, 112u);
  let multiple = (((size & 0x7fffffu) | 0x800000u) + u32(u * f32(1u << shift))) >> shift;
  let small = select(bitcast<u32>(f32(multiple) * ${floatText(2 ** -24)}), 0u, size < 0x2f800000u);
  let whole = select((size + u32(u * 8192.0)) & 0xffffe000u, small, size < 0x38800000u);
  let held = select(whole, 0x7f800000u, whole >= 0x47800000u);
  return bitcast<f32>((bits & 0x80000000u) | select(held, size, size > 0x7f800000u));
}`,
);

const ABSORB_WORD = helper(
  'absorb_word',
  `
// One word into the state of MurmurHash3_x86_32 (A. Appleby).
fn absorb_word(state: u32, word: u32) -> u32 {
  let k = word * 0xcc9e2d51u;
  let h = state ^ (((k << 15u) | (k >> 17u)) * 0x1b873593u);
  return ((h << 13u) | (h >> 19u)) * 5u + 0xe6546b64u;
}`,
);

export const RANDOM_UNIFORM = helper(
  'random_uniform',
  `
// Uniform in [0, 1): the upper 24 bits of MurmurHash3_x86_32 of the five counters, with the key as its seed.
fn random_uniform(key: u32, seed: u32, step: u32, micro: u32, iteration: u32, element: u32) -> f32 {
  var h = absorb_word(absorb_word(absorb_word(key, seed), step), micro);
  h = absorb_word(absorb_word(h, iteration), element) ^ 20u;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return f32((h ^ (h >> 16u)) >> 8u) / 16777216.0;
}`,
  [ABSORB_WORD],
);

export const SIN_4 = eachComponent(SIN, 1);
export const COS_4 = eachComponent(COS, 1);
export const LOG_4 = eachComponent(LOG, 1);
export const ERF_4 = eachComponent(ERF, 1);
export const TANH_4 = eachComponent(TANH, 1);
export const ACOS_4 = eachComponent(ACOS, 1);
export const ROUND_BF16_4 = eachComponent(ROUND_BF16, 1);
export const ROUND_F16_4 = eachComponent(ROUND_F16, 1);

export const TO_F16_4 = helper(
  'to_f16_4',
  `
fn to_f16_4(x: vec4f) -> vec4h {
  return vec4h(round_f16_4(x));
}`,
  [ROUND_F16_4],
);
export const DITHER_BF16_4 = eachComponent(DITHER_BF16, 2);
export const DITHER_F16_4 = eachComponent(DITHER_F16, 2);
export const POWER_4 = eachComponent(POWER, 2);
export const FLOOR_MOD_4 = eachComponent(FLOOR_MOD, 2);

/** All of them, so that no name of a kernel is theirs. */
export const HELPERS: readonly Helper[] = [
  ...[
    SINE_PAST,
    SIN,
    COS,
    LOG,
    ERF,
    TANH,
    ACOS,
    POWER,
    FLOOR_MOD,
    FLOOR_MOD_INT,
    IS_NONFINITE,
    CONSTANT,
    ABSORB_WORD,
    RANDOM_UNIFORM,
  ],
  ...[DITHER_BF16, DITHER_F16, DITHER_BF16_4, DITHER_F16_4],
  ...[ROUND_BF16, ROUND_F16, TO_F16, TO_F16_4, ROUND_BF16_4, ROUND_F16_4],
  ...[SIN_4, COS_4, LOG_4, ERF_4, TANH_4, ACOS_4, POWER_4, FLOOR_MOD_4],
];
