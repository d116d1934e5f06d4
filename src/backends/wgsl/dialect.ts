import type { ScalarType } from '../../compiler/ir/kernel.ts';
import { type Dialect, type Form, type FormOf, type Helper, PRECEDENCE, type Precedence } from '../shared/dialect.ts';
import { call, callOf, modForm, nonfiniteForm } from '../shared/forms.ts';
import {
  ACOS,
  ACOS_4,
  CONSTANT,
  COS,
  COS_4,
  DITHER_BF16,
  DITHER_BF16_4,
  DITHER_F16,
  DITHER_F16_4,
  ERF,
  ERF_4,
  FLOOR_MOD,
  FLOOR_MOD_4,
  FLOOR_MOD_INT,
  HELPERS,
  IS_NONFINITE,
  LOG,
  LOG_4,
  POWER,
  POWER_4,
  RANDOM_UNIFORM,
  ROUND_BF16,
  ROUND_BF16_4,
  ROUND_F16,
  ROUND_F16_4,
  SIN,
  SIN_4,
  TANH,
  TANH_4,
  TO_F16,
  TO_F16_4,
} from './helpers.ts';
import { literal } from './literal.ts';
import { moduleText, TYPES } from './module.ts';
import { KEYWORDS, PREDECLARED_NAMES } from './reserved.ts';

/** A function of WGSL, for all types it takes. */
const builtin =
  (name: string): FormOf =>
  () =>
    call(name);
const prefix =
  (symbol: string): FormOf =>
  () => ({ kind: 'prefix', symbol });
const infix =
  (symbol: string, precedence: Precedence): FormOf =>
  () => ({ kind: 'infix', symbol, precedence });

/**
 * A logical operator that evaluates both sides. `&&` and `||` are branches, and SwiftShader takes twice as long to compile
 * a loop for every branch in its body.
 */
const eager =
  (symbol: string, precedence: Precedence): FormOf =>
  () => ({ kind: 'infix', symbol, precedence, operands: PRECEDENCE.prefix });

/** A helper for f32, and its like for vectors. */
const floats =
  (scalar: Helper, vector: Helper): FormOf =>
  (type) =>
    callOf(type === 'vec4' ? vector : scalar);

const TO: { readonly [T in ScalarType]: Form } = {
  f32: call('f32'),
  i32: call('i32'),
  u32: call('u32'),
  bool: call('bool'),
};

export const WGSL: Dialect = {
  target: 'wgsl',
  extension: 'wgsl',
  entryPoint: 'main',
  keywords: new Set(KEYWORDS),
  reserved: new Set([...KEYWORDS, ...PREDECLARED_NAMES, ...HELPERS.map((h) => h.name)]),
  types: TYPES,
  bindingsAreGlobal: true,
  literal,
  unary: {
    neg: prefix('-'),
    not: prefix('!'),
    exp: builtin('exp'),
    exp2: builtin('exp2'),
    log: floats(LOG, LOG_4),
    sin: floats(SIN, SIN_4),
    cos: floats(COS, COS_4),
    tanh: floats(TANH, TANH_4),
    erf: floats(ERF, ERF_4),
    sqrt: builtin('sqrt'),
    rsqrt: builtin('inverseSqrt'),
    abs: builtin('abs'),
    floor: builtin('floor'),
    acos: floats(ACOS, ACOS_4),
    is_nonfinite: nonfiniteForm(IS_NONFINITE),
    round_f16: floats(ROUND_F16, ROUND_F16_4),
    round_bf16: floats(ROUND_BF16, ROUND_BF16_4),
  },
  binary: {
    add: infix('+', PRECEDENCE.sum),
    sub: infix('-', PRECEDENCE.sum),
    mul: infix('*', PRECEDENCE.product),
    div: infix('/', PRECEDENCE.product),
    mod: modForm(FLOOR_MOD_INT, FLOOR_MOD, FLOOR_MOD_4),
    pow: floats(POWER, POWER_4),
    max: builtin('max'),
    min: builtin('min'),
    eq: infix('==', PRECEDENCE.compare),
    ne: infix('!=', PRECEDENCE.compare),
    lt: infix('<', PRECEDENCE.compare),
    le: infix('<=', PRECEDENCE.compare),
    gt: infix('>', PRECEDENCE.compare),
    ge: infix('>=', PRECEDENCE.compare),
    and: eager('&', PRECEDENCE.and),
    or: eager('|', PRECEDENCE.or),
    dither_f16: floats(DITHER_F16, DITHER_F16_4),
    dither_bf16: floats(DITHER_BF16, DITHER_BF16_4),
  },
  cast: { f32: TO, i32: TO, u32: TO, bool: TO },
  select: (_, condition, then, otherwise) => ({
    text: `select(${otherwise.text}, ${then.text}, ${condition.text})`,
    precedence: PRECEDENCE.atom,
  }),
  narrow: {
    f16: { widen: call('f32'), round: callOf(TO_F16), widenFour: call('vec4f'), roundFour: callOf(TO_F16_4) },
    bf16: undefined,
  },
  loadFour: undefined,
  storeFour: undefined,
  vector: call('vec4f'),
  splat: call('vec4f'),
  components: ['x', 'y', 'z', 'w'],
  random: callOf(RANDOM_UNIFORM),
  shuffle: call('subgroupShuffle'),
  matrices: undefined,
  copies: undefined,
  hasUnions: false,
  declaredBytes: Number.POSITIVE_INFINITY,
  opaque: callOf(CONSTANT),
  define: (_, name, value) => `let ${name} = ${value};`,
  variable: (_, name, value) => `var ${name} = ${value};`,
  // With a value even where it is all zeros: Dawn sets a variable that has none to zero once, not in each pass of a loop.
  array: (type, name, elements, values) => `var ${name} = array<${TYPES[type]}, ${elements}>(${values.join(', ')});`,
  loop: ({ name, from, to, step }) => [
    `for (var ${name} = ${from}; ${name} < ${to}; ${step === undefined ? `${name}++` : `${name} += ${step}`}) {`,
  ],
  barrier: 'workgroupBarrier();',
  module: moduleText,
};
