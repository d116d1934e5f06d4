/** How weights begin. */
import type { InitValue, Value } from '../value.ts';
import { wantInteger, wantNumber } from '../want.ts';
import { argument, type BuiltinCall, type BuiltinTable } from './builtin.ts';
import { randomTensor } from './shapes.ts';

const init = (value: InitValue): Value => ({ kind: 'init', init: value });

function numberOf(call: BuiltinCall, name: string, otherwise: number): number {
  const given = call.given.get(name);
  return given ? wantNumber(given.value, given.span) : otherwise;
}

export const INITS: BuiltinTable = {
  normal: { params: ['std?'], run: (call) => init({ kind: 'normal', std: Math.abs(numberOf(call, 'std', 1)) }) },
  xavier: { params: ['gain?'], run: (call) => init({ kind: 'xavier', gain: Math.abs(numberOf(call, 'gain', 1)) }) },
  onehot: {
    params: ['index'],
    run: (call) => {
      const { value, span } = argument(call, 'index');
      return init({ kind: 'onehot', index: wantInteger(value, span, 'a position'), scale: 1 });
    },
  },
  /** Of two numbers it is a distribution; of axes, or like a tensor, random numbers in [0, 1). */
  uniform: {
    params: ['like?'],
    rest: true,
    run: (call) => {
      const [low, high] = call.rest;
      if (low?.value.kind !== 'number' || !high || call.rest.length !== 2) return randomTensor(call);
      return init({ kind: 'uniform', low: low.value.value, high: wantNumber(high.value, high.span) });
    },
  },
};

/** 1 where the last two axes have equal positions. */
export const EYE: Value = init({ kind: 'eye', scale: 1 });
