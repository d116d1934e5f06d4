/** Every function and constant that the language has from the start. The rest is in the library, in the language. */
import { tensor as tensorType } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import { GENERATED, type Span } from '../../support/source.ts';
import type { Argument } from '../../syntax/ast.ts';
import { evaluateArgument, placeArguments } from '../arguments.ts';
import { emit } from '../emit.ts';
import { giveUp, refuse, type Scope, type Session } from '../session.ts';
import { bool, type GivenValue, number, type Value } from '../value.ts';
import { ATTENTION } from './attend.ts';
import type { BuiltinTable } from './builtin.ts';
import { GRADIENT } from './gradient.ts';
import { EYE, INITS } from './inits.ts';
import { LOSSES } from './losses.ts';
import { POINTWISE } from './pointwise-builtins.ts';
import { RECURRENCE } from './recurrence.ts';
import { REDUCTIONS } from './reductions.ts';
import { AUTO, BYTES, precision, rounding, SETTINGS } from './settings.ts';
import { SHAPES } from './shapes.ts';

const EVERYWHERE: BuiltinTable = {
  ...POINTWISE,
  ...REDUCTIONS,
  ...RECURRENCE,
  ...SHAPES,
  ...INITS,
  ...LOSSES,
  ...ATTENTION,
  ...GRADIENT,
};
const TABLE: BuiltinTable = { ...EVERYWHERE, ...SETTINGS };

/** How a builtin takes its arguments. */
interface Signature {
  readonly names: readonly string[];
  readonly required: readonly boolean[];
  /** How many positional arguments go to parameters; those after them are further ones. */
  readonly positional: number;
}

const SIGNATURES: ReadonlyMap<string, Signature> = new Map(
  Object.entries(TABLE).map(([name, { params, rest }]) => [
    name,
    {
      names: params.map((param) => param.replace('?', '')),
      required: params.map((param) => !param.endsWith('?')),
      positional: rest ? firstRest(params) : Number.POSITIVE_INFINITY,
    },
  ]),
);

/** Values of all specifications. */
const VALUES: Readonly<Record<string, (session: Session) => Value>> = {
  step: (session) => emit(session, 'runtime', { scalar: 'step' }, [], GENERATED, tensorType('float', [])),
  training: (session) => {
    session.readsTraining = true;
    return bool(session.training);
  },
  eye: () => EYE,
  pi: () => number(Math.PI),
};

/** Values of train blocks. */
const TRAIN_VALUES: Readonly<Record<string, (session: Session) => Value>> = {
  bytes: () => BYTES,
  auto: () => AUTO,
  f32: () => precision('f32'),
  bf16: () => precision('bf16'),
  f16: () => precision('f16'),
  nearest: () => rounding('nearest'),
  stochastic: () => rounding('stochastic'),
};

/** What a name means that no file binds. */
export function predefined(name: string, session: Session): Value | undefined {
  if (Object.hasOwn(VALUES, name)) return present(VALUES[name], name)(session);
  if (Object.hasOwn(TRAIN_VALUES, name)) return present(TRAIN_VALUES[name], name)(session);
  if (name === 'steps' && session.trainSteps !== undefined) return number(session.trainSteps);
  return Object.hasOwn(TABLE, name) ? { kind: 'builtin', name } : undefined;
}

export const PREDEFINED_NAMES: readonly string[] = [
  ...Object.keys(TABLE),
  ...Object.keys(VALUES),
  ...Object.keys(TRAIN_VALUES),
];

/** The parameters of a function that the language has from the start; those that end in `?` may be missing. */
export function builtinParameters(name: string): readonly string[] | undefined {
  return Object.hasOwn(TABLE, name) ? TABLE[name]?.params : undefined;
}

export function callBuiltin(name: string, args: readonly Argument[], span: Span, scope: Scope): Value {
  const builtin = present(TABLE[name], `builtin ${name}`);
  const { names, required, positional } = present(SIGNATURES.get(name), `the signature of ${name}`);
  const beyond = args.length > positional ? args.filter((arg) => !arg.name).slice(positional) : [];
  const placed = placeArguments(
    beyond.length === 0 ? args : args.filter((arg) => !beyond.includes(arg)),
    names,
    () => name,
  );
  const given = new Map<string, GivenValue>();
  const nodes = new Map<string, object>();
  names.forEach((text, i) => {
    const arg = placed[i];
    if (!arg && required[i]) refuse('missing-argument', { callee: name, name: text }, span);
    if (!arg) return;
    given.set(text, evaluateGiven(arg, scope));
    nodes.set(text, arg);
  });
  const rest = beyond.flatMap((arg) => spread(evaluateGiven(arg, scope), arg));
  return builtin.run({ name, session: scope.frame.session, scope, span, node: args, given, nodes, rest });
}

/** Optional parameters of a function with further arguments are given by name only. */
function firstRest(params: readonly string[]): number {
  const optional = params.findIndex((param) => param.endsWith('?'));
  return optional < 0 ? params.length : optional;
}

function evaluateGiven(arg: Argument, scope: Scope): GivenValue {
  const value = evaluateArgument(arg, scope);
  return value.kind === 'poison' ? giveUp() : { value, span: arg.value.span };
}

/** `..` among further arguments stands for each of its axes. */
function spread({ value, span }: GivenValue, arg: Argument): readonly GivenValue[] {
  return arg.value.kind === 'rest' && value.kind === 'list'
    ? value.items.map((item) => ({ value: item, span }))
    : [{ value, span }];
}
