/**
 * What a program computes with while it is compiled. Only tensors exist at run time; everything else is known here.
 */
import type { Axis, Init, Value as IrValue, ValueId } from '../ir/graph.ts';
import type { Precision, Rounding } from '../ir/kernel.ts';
import type { DataSpec, OptimizerSpec, TokenizerSpec } from '../ir/train.ts';
import type { Span } from '../support/source.ts';
import type { Body, Param, TypeExpr } from '../syntax/ast.ts';
import type { Env } from './env.ts';
import type { Lanes } from './lanes-type.ts';
import type { Place } from './place.ts';

export type Value =
  | NumberValue
  | BoolValue
  | VaryingValue
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'none' }
  | AxisValue
  | InitVal
  | FunctionValue
  | BuiltinValue
  | Instance
  | ListValue
  | TupleValue
  | Tensor
  | Setting
  /** Stands for what an error already reported could not compute. Whatever needs it gives up in silence. */
  | { readonly kind: 'poison' };

export interface NumberValue {
  readonly kind: 'number';
  readonly value: number;
}

export interface BoolValue {
  readonly kind: 'bool';
  readonly value: boolean;
}

/** A number or truth value that differs between the iterations of a loop that are elaborated at once. */
export interface VaryingValue {
  readonly kind: 'varying';
  readonly of: 'number' | 'bool';
  /** One for each iteration; truth values are 0 and 1. */
  readonly values: readonly number[];
}

export interface AxisValue {
  readonly kind: 'axis';
  readonly axis: Axis;
}

/** How a weight begins; `xavier` waits for the weight's fans. */
export type InitValue = Init | { readonly kind: 'xavier'; readonly gain: number };

export interface InitVal {
  readonly kind: 'init';
  readonly init: InitValue;
}

export interface FunctionValue {
  readonly kind: 'function';
  /** Missing for lambdas. */
  readonly name: string | undefined;
  readonly model: boolean;
  readonly lists: readonly (readonly Param[])[];
  readonly result: TypeExpr | undefined;
  readonly body: Body;
  /** What its free names mean. */
  readonly env: Env;
  readonly span: Span;
}

export interface BuiltinValue {
  readonly kind: 'builtin';
  readonly name: string;
}

export interface GivenValue {
  readonly value: Value;
  readonly span: Span;
}

/** The arguments of a call by parameter; missing ones take their defaults. */
export type Given = ReadonlyMap<Param, GivenValue>;

/** The first list of a function, applied: weights belong to it. Its fields are the final bindings of its body. */
export interface Instance {
  readonly kind: 'instance';
  readonly fn: FunctionValue;
  readonly given: Given;
  /** Undefined for a model, whose place is the root. */
  readonly place: Place | undefined;
  /** Filled by each application. */
  readonly applications: Application[];
}

export interface Application {
  readonly env: Env;
  /** Where the names of the body begin. */
  readonly base: Env;
  readonly span: Span;
  /** The loop whose iterations were elaborated at once, each of which applied it. */
  readonly lanes: Lanes | undefined;
}

export interface ListValue {
  readonly kind: 'list';
  readonly items: readonly Value[];
}

/** A tuple, or a record when its entries have keys. */
export interface TupleValue {
  readonly kind: 'tuple';
  readonly items: readonly { readonly key: string | undefined; readonly value: Value }[];
}

export interface Tensor {
  readonly kind: 'tensor';
  readonly value: IrValue;
  /** A gradient may flow from it into a weight. */
  readonly learned: boolean;
  /** Belongs to the element-wise block of an `attend` that is being elaborated. */
  readonly inner: boolean;
  /** Of a mean: what was summed and how many there were, so that means of several batches can be combined. */
  readonly mean: { readonly sum: ValueId; readonly count: ValueId } | undefined;
}

/** A value of a train block. */
export type Setting =
  | { readonly kind: 'data'; readonly data: DataSpec }
  | { readonly kind: 'tokenizer'; readonly tokenizer: TokenizerSpec }
  | { readonly kind: 'optimizer'; readonly optimizer: OptimizerSpec }
  | { readonly kind: 'precision'; readonly precision: Precision }
  | { readonly kind: 'rounding'; readonly rounding: Rounding }
  | { readonly kind: 'auto' };

export type ValueOf<K extends Value['kind']> = Extract<Value, { readonly kind: K }>;

export const NONE: Value = { kind: 'none' };
export const POISON: Value = { kind: 'poison' };

export function number(value: number): NumberValue {
  return { kind: 'number', value };
}

export function bool(value: boolean): BoolValue {
  return { kind: 'bool', value };
}

/** One value for each iteration, or the value that all of them have. */
export function varying(of: 'number' | 'bool', values: readonly number[]): NumberValue | BoolValue | VaryingValue {
  const [first = 0] = values;
  if (values.some((value) => !Object.is(value, first))) return { kind: 'varying', of, values };
  return of === 'number' ? number(first) : bool(first !== 0);
}

export function axisValue(axis: Axis): AxisValue {
  return { kind: 'axis', axis };
}

export function list(items: readonly Value[]): ListValue {
  return { kind: 'list', items };
}

const KIND_NAMES: { readonly [K in Value['kind']]: string } = {
  number: 'a number',
  bool: 'a truth value',
  varying: 'a number',
  string: 'a string',
  none: 'none',
  axis: 'an axis',
  init: 'an initial distribution',
  function: 'a function',
  builtin: 'a function',
  instance: 'an instance',
  list: 'a list',
  tuple: 'a tuple',
  tensor: 'a tensor',
  data: 'a data source',
  tokenizer: 'a tokenizer',
  optimizer: 'an optimizer',
  precision: 'a precision',
  rounding: 'a rounding',
  auto: 'auto',
  poison: 'an error',
};

/** `a number`, `a record`: for messages. */
export function describeKind(value: Value): string {
  return isRecord(value) ? 'a record' : KIND_NAMES[value.kind];
}

export function isRecord(value: Value): value is TupleValue {
  return value.kind === 'tuple' && value.items.some((item) => item.key !== undefined);
}
