/** Functions that CUDA C++ lacks without its headers; each file opens with those that it uses. */
import type { Helper } from '../shared/dialect.ts';

function helper(name: string, text: string, needs: readonly Helper[] = []): Helper {
  return { name, text: text.trim(), needs };
}

const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** A function of one or two numbers for each of four. */
function eachComponent(of: string, operands: 1 | 2, needs: readonly Helper[] = []): Helper {
  const name = `${of}_4`;
  const params = operands === 1 ? 'float4 a' : 'float4 a, float4 b';
  const calls = COMPONENTS.map((c) => `${of}(${operands === 1 ? `a.${c}` : `a.${c}, b.${c}`})`);
  const text = `__device__ inline float4 ${name}(${params}) {\n  return make_float4(${calls.join(', ')});\n}`;
  return helper(name, text, needs);
}

type Operand = 'f32' | 'vec4';

/** An operator between four numbers and four, or one for all four; `also` stands behind it. */
function operator(symbol: '+' | '-' | '*' | '/', left: Operand, right: Operand, also = ''): Helper {
  const at = (name: string, type: Operand, c: string): string => (type === 'f32' ? name : `${name}.${c}`);
  const parts = COMPONENTS.map((c) => `${at('a', left, c)} ${symbol} ${at('b', right, c)}`);
  const head = `__device__ inline float4 operator${symbol}(${OPERAND[left]} a, ${OPERAND[right]} b)`;
  return helper(`operator${symbol}`, `${head} {\n  return make_float4(${parts.join(', ')});\n}${also}`);
}

const OPERAND = { f32: 'float', vec4: 'float4' } as const;

/** The operators of vectors that a kernel may need, by the types of their operands. */
export interface VectorOperator {
  readonly both: Helper;
  /** The number stands on the right, or on the left. */
  readonly right: Helper;
  readonly left: Helper;
}

function vectorOperator(symbol: '+' | '-' | '*' | '/', also = ''): VectorOperator {
  return {
    both: operator(symbol, 'vec4', 'vec4', also),
    right: operator(symbol, 'vec4', 'f32', also.replace('float4 b', 'float b')),
    left: operator(symbol, 'f32', 'vec4'),
  };
}

export const ADD_4 = vectorOperator(
  '+',
  '\n__device__ inline float4& operator+=(float4& a, float4 b) {\n  return a = a + b;\n}',
);
export const SUB_4 = vectorOperator('-');
export const MUL_4 = vectorOperator('*');
export const DIV_4 = vectorOperator('/');

export const NEGATE_4 = helper(
  'operator-()',
  `
__device__ inline float4 operator-(float4 a) {
  return make_float4(-a.x, -a.y, -a.z, -a.w);
}`,
);

export const SPLAT = helper(
  'splat',
  `
// One number four times.
__device__ inline float4 splat(float x) {
  return make_float4(x, x, x, x);
}`,
);

export const FLOOR_MOD = helper(
  'floor_mod',
  `
// a - b floor(a / b), with the sign of b; the quotient may have been rounded across a whole number.
__device__ inline float floor_mod(float a, float b) {
  float rest = a - b * floorf(a / b);
  if (rest != 0.0f && (rest < 0.0f) != (b < 0.0f)) {
    rest += b;
  }
  return fabsf(rest) >= fabsf(b) ? rest - b : rest;
}`,
);

export const FLOOR_MOD_INT = helper(
  'floor_mod_int',
  `
// The remainder with the sign of b.
__device__ inline int floor_mod_int(int a, int b) {
  const int rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}`,
);

export const IS_NONFINITE = helper(
  'is_nonfinite',
  `
// 1 for NaN and infinities, whose exponent bits are all ones.
__device__ inline unsigned is_nonfinite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
}`,
);

export const CONSTANT = helper(
  'constant',
  `
// A constant as a value of the run: compilers warn of constants whose result is not finite.
__device__ inline float constant(float x) {
  return x;
}`,
);

export const SHUFFLE = helper(
  'shuffle',
  `
// The value that a lane of the warp has; all of its lanes take part.
__device__ inline float shuffle(float value, unsigned lane) {
  return __shfl_sync(0xffffffffu, value, int(lane));
}`,
);

export const TO_BF16 = helper(
  'to_bf16',
  `
// The bits of the nearest bf16, of two the even one.
__device__ inline unsigned short to_bf16(float x) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}`,
);

export const FROM_BF16 = helper(
  'from_bf16',
  `
// A bf16 is the upper half of a float.
__device__ inline float from_bf16(unsigned short bits) {
  return __uint_as_float(unsigned(bits) << 16);
}`,
);

export const TO_F16 = helper(
  'to_f16',
  `
// The bits of the nearest half, of two the even one.
__device__ inline unsigned short to_f16(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}`,
);

export const FROM_F16 = helper(
  'from_f16',
  `
// The float that a half is.
__device__ inline float from_f16(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}`,
);

export const EXP2 = helper(
  'raise_2',
  `
// Two to the power of x, as one instruction; 0 where that is not normal.
__device__ inline float raise_2(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}`,
);

/** Helpers of PTX, of which the processor has none: it has functions of these names, see the shim. */
export const PTX_HELPERS: readonly Helper[] = [TO_BF16, TO_F16, FROM_F16, EXP2];

/** Four neighbours in a buffer of elements of two bytes. */
function fourNarrow(name: string, from: Helper): Helper {
  const parts = COMPONENTS.map((c) => `${from.name}(four.${c})`);
  return helper(
    name,
    `
// Four that lie side by side, the first at a multiple of 8 bytes.
__device__ inline float4 ${name}(const unsigned short* buffer, unsigned i) {
  const ushort4 four = reinterpret_cast<const ushort4*>(buffer)[i];
  return make_float4(${parts.join(', ')});
}`,
    [from],
  );
}

export const FOUR_OF_BF16 = fourNarrow('four_of_bf16', FROM_BF16);
export const FOUR_OF_F16 = fourNarrow('four_of_f16', FROM_F16);

/** What storing and loading leave of a float. */
function rounding(name: string, to: Helper, from: Helper): Helper {
  return helper(
    name,
    `
__device__ inline float ${name}(float x) {
  return ${from.name}(${to.name}(x));
}`,
    [to, from],
  );
}

export const ROUND_BF16 = rounding('round_bf16', TO_BF16, FROM_BF16);
export const ROUND_F16 = rounding('round_f16', TO_F16, FROM_F16);

export const DITHER_BF16 = helper(
  'dither_bf16',
  `
// One of the two bf16 around x: the one that is larger in size where u, in [0, 1), is at least its distance from x in their steps.
__device__ inline float dither_bf16(float x, float u) {
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) >= 0x7f800000u) {
    return x;
  }
  return __uint_as_float((bits + unsigned(u * 65536.0f)) & 0xffff0000u);
}`,
);

export const DITHER_F16 = helper(
  'dither_f16',
  `
// One of the two halves around x: the one that is larger in size where u, in [0, 1), is at least its distance from x in their steps.
// Below the smallest normal half, 2^-14, halves are the multiples of 2^-24; from 65536 on there are none.
__device__ inline float dither_f16(float x, float u) {
  const unsigned bits = __float_as_uint(x);
  const unsigned size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) {
    return x;
  }
  const unsigned shift = 126u - min(max(size >> 23, 95u), 112u);
  const unsigned multiple = (((size & 0x7fffffu) | 0x800000u) + unsigned(u * float(1u << shift))) >> shift;
  const unsigned small = size < 0x2f800000u ? 0u : __float_as_uint(float(multiple) / 16777216.0f);
  const unsigned whole = size < 0x38800000u ? small : (size + unsigned(u * 8192.0f)) & 0xffffe000u;
  return __uint_as_float((bits & 0x80000000u) | (whole >= 0x47800000u ? 0x7f800000u : whole));
}`,
);

const ABSORB_WORD = helper(
  'absorb_word',
  `
// One word into the state of MurmurHash3_x86_32 (A. Appleby).
__device__ inline unsigned absorb_word(unsigned state, unsigned word) {
  const unsigned k = word * 0xcc9e2d51u;
  const unsigned h = state ^ (((k << 15) | (k >> 17)) * 0x1b873593u);
  return ((h << 13) | (h >> 19)) * 5u + 0xe6546b64u;
}`,
);

export const RANDOM_UNIFORM = helper(
  'random_uniform',
  `
// Uniform in [0, 1): the upper 24 bits of MurmurHash3_x86_32 of the five counters, with the key as its seed.
__device__ inline float random_uniform(unsigned key, unsigned seed, unsigned step, unsigned micro, unsigned iteration,
                                       unsigned element) {
  unsigned h = absorb_word(absorb_word(absorb_word(key, seed), step), micro);
  h = absorb_word(absorb_word(h, iteration), element) ^ 20u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return float((h ^ (h >> 16)) >> 8) / 16777216.0f;
}`,
  [ABSORB_WORD],
);

export const EXP_4 = eachComponent('expf', 1);
export const EXP2_4 = eachComponent('raise_2', 1, [EXP2]);
export const LOG_4 = eachComponent('logf', 1);
export const SIN_4 = eachComponent('sinf', 1);
export const COS_4 = eachComponent('cosf', 1);
export const TANH_4 = eachComponent('tanhf', 1);
export const ERF_4 = eachComponent('erff', 1);
export const SQRT_4 = eachComponent('sqrtf', 1);
export const RSQRT_4 = eachComponent('rsqrtf', 1);
export const ABS_4 = eachComponent('fabsf', 1);
export const FLOOR_4 = eachComponent('floorf', 1);
export const ACOS_4 = eachComponent('acosf', 1);
export const POWER_4 = eachComponent('powf', 2);
export const ROUND_BF16_4 = eachComponent('round_bf16', 1, [ROUND_BF16]);
export const ROUND_F16_4 = eachComponent('round_f16', 1, [ROUND_F16]);
export const DITHER_BF16_4 = eachComponent('dither_bf16', 2, [DITHER_BF16]);
export const DITHER_F16_4 = eachComponent('dither_f16', 2, [DITHER_F16]);
export const MAX_4 = eachComponent('fmaxf', 2);
export const MIN_4 = eachComponent('fminf', 2);
export const FLOOR_MOD_4 = eachComponent('floor_mod', 2, [FLOOR_MOD]);

/** Those that a kernel could hide by a name of its own. */
export const NAMED_HELPERS: readonly Helper[] = [
  ...[SPLAT, FLOOR_MOD, FLOOR_MOD_INT, IS_NONFINITE, CONSTANT, SHUFFLE, ABSORB_WORD, RANDOM_UNIFORM],
  ...[EXP_4, EXP2, EXP2_4, LOG_4, SIN_4, COS_4, TANH_4, ERF_4, SQRT_4, RSQRT_4, ABS_4, FLOOR_4, ACOS_4],
  ...[POWER_4, MAX_4, MIN_4, FLOOR_MOD_4],
  ...[
    TO_BF16,
    FROM_BF16,
    TO_F16,
    FROM_F16,
    FOUR_OF_BF16,
    FOUR_OF_F16,
    ROUND_BF16,
    ROUND_F16,
    ROUND_BF16_4,
    ROUND_F16_4,
  ],
  ...[DITHER_BF16, DITHER_F16, DITHER_BF16_4, DITHER_F16_4],
];
