/** What a train block is written with: data sources, tokenizers, optimizers. */
import type { Precision, Rounding } from '../../ir/kernel.ts';
import type { DataSpec, OptimizerSpec } from '../../ir/train.ts';
import { refuse } from '../session.ts';
import type { GivenValue, Setting, Value } from '../value.ts';
import { wantList, wantNumber, wantString, wrong } from '../want.ts';
import { argument, type BuiltinCall, type BuiltinTable } from './builtin.ts';

/** One pattern of file names, or a list of them. */
function files(call: BuiltinCall): readonly string[] {
  const { value, span } = argument(call, 'files');
  const found =
    value.kind === 'string'
      ? [value.value]
      : wantList(value, span, 'a path or a list of paths').map((item) => wantString(item, span, 'a path'));
  if (found.length === 0) refuse('empty-list', { name: call.name }, span);
  return found;
}

function data(spec: DataSpec): Setting {
  return { kind: 'data', data: spec };
}

function optional(call: BuiltinCall, name: string, otherwise: number): number {
  const given = call.given.get(name);
  return given ? inRange(wantNumber(given.value, given.span), given, name, 0, Number.POSITIVE_INFINITY) : otherwise;
}

function inRange(value: number, given: GivenValue, name: string, low: number, below: number): number {
  if (!(value >= low && value < below)) refuse('out-of-range', { name, value, low, below }, given.span);
  return value;
}

function adam(call: BuiltinCall, decay: number): Value {
  const betas = call.given.get('betas');
  const [beta1, beta2] = betas
    ? wantList(betas.value, betas.span, 'two numbers').map((v) =>
        inRange(wantNumber(v, betas.span), betas, 'betas', 0, 1),
      )
    : [0.9, 0.999];
  if (betas && (beta1 === undefined || beta2 === undefined)) return wrong(betas.value, 'two numbers', betas.span);
  const optimizer: OptimizerSpec = {
    kind: 'adam',
    beta1: beta1 ?? 0.9,
    beta2: beta2 ?? 0.999,
    eps: optional(call, 'eps', 1e-8),
    decay: optional(call, 'decay', decay),
  };
  return { kind: 'optimizer', optimizer };
}

export const SETTINGS: BuiltinTable = {
  text: {
    params: ['files', 'tokenizer?'],
    run: (call) => {
      const given = call.given.get('tokenizer');
      if (given && given.value.kind !== 'tokenizer')
        return wrong(given.value, 'a tokenizer: `bytes` or `huggingface(PATH)`', given.span);
      const tokenizer = given?.value.kind === 'tokenizer' ? given.value.tokenizer : { kind: 'bytes' as const };
      return data({ kind: 'text', files: files(call), tokenizer });
    },
  },
  tokens: { params: ['files'], run: (call) => data({ kind: 'tokens', files: files(call) }) },
  huggingface: {
    params: ['path'],
    run: (call) => {
      const { value, span } = argument(call, 'path');
      return { kind: 'tokenizer', tokenizer: { kind: 'huggingface', path: wantString(value, span, 'a path') } };
    },
  },
  adam: { params: ['betas?', 'eps?', 'decay?'], run: (call) => adam(call, 0) },
  adamw: { params: ['betas?', 'eps?', 'decay?'], run: (call) => adam(call, 0.1) },
};

/** Settings that are no calls. */
export const BYTES: Value = { kind: 'tokenizer', tokenizer: { kind: 'bytes' } };
export function precision(value: Precision): Value {
  return { kind: 'precision', precision: value };
}
export function rounding(value: Rounding): Value {
  return { kind: 'rounding', rounding: value };
}
export const AUTO: Value = { kind: 'auto' };
