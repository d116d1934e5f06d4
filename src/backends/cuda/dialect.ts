import type { ScalarType } from '../../compiler/ir/kernel.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import {
  type Dialect,
  type Form,
  type FormOf,
  type FormOfTwo,
  type Helper,
  PRECEDENCE,
  type Precedence,
} from '../shared/dialect.ts';
import { call, callOf, modForm, nonfiniteForm } from '../shared/forms.ts';
import { COPIES, COPY_HELPERS } from './copy-helpers.ts';
import {
  ABS_4,
  ACOS_4,
  ADD_4,
  CONSTANT,
  COS_4,
  DITHER_BF16,
  DITHER_BF16_4,
  DITHER_F16,
  DITHER_F16_4,
  DIV_4,
  ERF_4,
  EXP_4,
  EXP2,
  EXP2_4,
  FLOOR_4,
  FLOOR_MOD,
  FLOOR_MOD_4,
  FLOOR_MOD_INT,
  FOUR_OF_BF16,
  FOUR_OF_F16,
  FROM_BF16,
  FROM_F16,
  IS_NONFINITE,
  LOG_4,
  MAX_4,
  MIN_4,
  MUL_4,
  NAMED_HELPERS,
  NEGATE_4,
  POWER_4,
  RANDOM_UNIFORM,
  ROUND_BF16,
  ROUND_BF16_4,
  ROUND_F16,
  ROUND_F16_4,
  RSQRT_4,
  SHUFFLE,
  SIN_4,
  SPLAT,
  SQRT_4,
  SUB_4,
  TANH_4,
  TO_BF16,
  TO_F16,
  type VectorOperator,
} from './helpers.ts';
import { DECLARED_BYTES } from './limits.ts';
import { literal } from './literal.ts';
import { MATRICES, MATRIX_HELPERS } from './matrix-helpers.ts';
import { ENTRY_POINT, moduleText, TYPES } from './module.ts';
import { KEYWORDS, PREDECLARED_NAMES } from './reserved.ts';

/** A function of CUDA's library for f32, and the helper that takes four. */
const floats =
  (name: string, vector: Helper): FormOf =>
  (type) =>
    type === 'vec4' ? callOf(vector) : call(name);

/** A function that has another name for whole numbers. */
const numbers =
  (whole: string, real: string, vector: Helper): FormOf =>
  (type) =>
    type === 'vec4' ? callOf(vector) : call(type === 'f32' ? real : whole);

/** An operator, which is ours where it takes four numbers. */
const infix =
  (symbol: string, precedence: Precedence, vector?: VectorOperator): FormOfTwo =>
  (type, left, right) => {
    if (type !== 'vec4' || !vector) return { kind: 'infix', symbol, precedence };
    const helper = left !== 'vec4' ? vector.left : right !== 'vec4' ? vector.right : vector.both;
    return { kind: 'infix', symbol, precedence, helper };
  };

const TO: { readonly [T in ScalarType]: Form } = {
  f32: call('float'),
  i32: call('int'),
  u32: call('unsigned'),
  bool: call('bool'),
};

/**
 * Local arrays of at most so many floats lie in registers, of which a thread has 255: loops over them are unrolled. Larger ones
 * lie in the thread's memory, which the cache holds, and their loops are kept rolled, or ptxas would spill.
 */
const ARRAY_REGISTERS = 144;

/** CUDA C++ as NVRTC and nvcc understand it, from sm_80 on. */
export const CUDA: Dialect = {
  target: 'cuda',
  extension: 'cu',
  entryPoint: ENTRY_POINT,
  keywords: new Set(KEYWORDS),
  reserved: new Set([
    ...[...KEYWORDS, ...PREDECLARED_NAMES],
    ...[...NAMED_HELPERS, ...MATRIX_HELPERS, ...COPY_HELPERS].map((h) => h.name),
  ]),
  types: TYPES,
  bindingsAreGlobal: false,
  literal,
  unary: {
    neg: (type) => ({ kind: 'prefix', symbol: '-', ...(type === 'vec4' ? { helper: NEGATE_4 } : {}) }),
    not: () => ({ kind: 'prefix', symbol: '!' }),
    exp: floats('expf', EXP_4),
    exp2: (type) => callOf(type === 'vec4' ? EXP2_4 : EXP2),
    log: floats('logf', LOG_4),
    sin: floats('sinf', SIN_4),
    cos: floats('cosf', COS_4),
    tanh: floats('tanhf', TANH_4),
    erf: floats('erff', ERF_4),
    sqrt: floats('sqrtf', SQRT_4),
    rsqrt: floats('rsqrtf', RSQRT_4),
    abs: numbers('abs', 'fabsf', ABS_4),
    floor: floats('floorf', FLOOR_4),
    acos: floats('acosf', ACOS_4),
    is_nonfinite: nonfiniteForm(IS_NONFINITE),
    round_f16: (type) => callOf(type === 'vec4' ? ROUND_F16_4 : ROUND_F16),
    round_bf16: (type) => callOf(type === 'vec4' ? ROUND_BF16_4 : ROUND_BF16),
  },
  binary: {
    add: infix('+', PRECEDENCE.sum, ADD_4),
    sub: infix('-', PRECEDENCE.sum, SUB_4),
    mul: infix('*', PRECEDENCE.product, MUL_4),
    div: infix('/', PRECEDENCE.product, DIV_4),
    mod: modForm(FLOOR_MOD_INT, FLOOR_MOD, FLOOR_MOD_4),
    pow: floats('powf', POWER_4),
    max: numbers('max', 'fmaxf', MAX_4),
    min: numbers('min', 'fminf', MIN_4),
    eq: infix('==', PRECEDENCE.compare),
    ne: infix('!=', PRECEDENCE.compare),
    lt: infix('<', PRECEDENCE.compare),
    le: infix('<=', PRECEDENCE.compare),
    gt: infix('>', PRECEDENCE.compare),
    ge: infix('>=', PRECEDENCE.compare),
    and: infix('&&', PRECEDENCE.and),
    or: infix('||', PRECEDENCE.or),
    dither_f16: (type) => callOf(type === 'vec4' ? DITHER_F16_4 : DITHER_F16),
    dither_bf16: (type) => callOf(type === 'vec4' ? DITHER_BF16_4 : DITHER_BF16),
  },
  cast: { f32: TO, i32: TO, u32: TO, bool: TO },
  select: (_, condition, then, otherwise) => {
    const side = (printed: { readonly text: string; readonly precedence: Precedence }): string =>
      printed.precedence === PRECEDENCE.conditional ? `(${printed.text})` : printed.text;
    return {
      text: `${side(condition)} ? ${side(then)} : ${side(otherwise)}`,
      precedence: PRECEDENCE.conditional,
    };
  },
  narrow: {
    f16: {
      widen: callOf(FROM_F16),
      round: callOf(TO_F16),
      widenFour: callOf(FOUR_OF_F16),
      roundFour: MATRICES.four.f16,
    },
    bf16: {
      widen: callOf(FROM_BF16),
      round: callOf(TO_BF16),
      widenFour: callOf(FOUR_OF_BF16),
      roundFour: MATRICES.four.bf16,
    },
  },
  // What is loaded or stored in fours begins at a multiple of their bytes.
  loadFour: (buffer, index) => `reinterpret_cast<const float4*>(${buffer})[${index}]`,
  storeFour: (type, buffer, index) => `reinterpret_cast<${isNarrow(type) ? 'uint2' : 'float4'}*>(${buffer})[${index}]`,
  vector: call('make_float4'),
  splat: callOf(SPLAT),
  components: ['x', 'y', 'z', 'w'],
  random: callOf(RANDOM_UNIFORM),
  shuffle: callOf(SHUFFLE),
  matrices: MATRICES,
  copies: COPIES,
  hasUnions: true,
  declaredBytes: DECLARED_BYTES,
  opaque: callOf(CONSTANT),
  define: (type, name, value) => `const ${TYPES[type]} ${name} = ${value};`,
  variable: (type, name, value) => `${TYPES[type]} ${name} = ${value};`,
  array: (type, name, elements, values) => `${TYPES[type]} ${name}[${elements}] = {${values.join(', ')}};`,
  loop: ({ name, from, to, step, arrayFloats }) => [
    ...(arrayFloats === 0 ? [] : [arrayFloats <= ARRAY_REGISTERS ? '#pragma unroll' : '#pragma unroll 1']),
    `for (unsigned ${name} = ${from}; ${name} < ${to}; ${step === undefined ? `${name}++` : `${name} += ${step}`}) {`,
  ],
  barrier: '__syncthreads();',
  module: moduleText,
};
