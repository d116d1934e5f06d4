/** Pointwise functions by name. */
import { emit } from '../emit.ts';
import { applyUnary, applyWhere, type UNARY } from '../pointwise.ts';
import { number, type Value, varying } from '../value.ts';
import { wantOperand, wrong } from '../want.ts';
import { argument, type Builtin, type BuiltinCall, type BuiltinTable } from './builtin.ts';

type Unary = keyof typeof UNARY;

function unary(fn: Unary): Builtin {
  return {
    params: ['x'],
    run: (call) => applyUnary(call.session, fn, argument(call, 'x').value, argument(call, 'x').span),
  };
}

/** A number that counts or tells true from false, as a float, or cut to an integer. */
function cast(call: BuiltinCall, to: 'float' | 'int'): Value {
  const { value, span } = argument(call, 'x');
  const operand = wantOperand(value, span);
  if (operand.kind === 'tensor') {
    return operand.value.type.kind === to ? operand : emit(call.session, 'cast', { to }, [operand], call.span);
  }
  if (operand.kind === 'varying') {
    return varying('number', to === 'int' ? operand.values.map(Math.trunc) : operand.values);
  }
  return number(to === 'int' ? Math.trunc(Number(operand.value)) : Number(operand.value));
}

export const POINTWISE: BuiltinTable = {
  exp: unary('exp'),
  log: unary('log'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  erf: unary('erf'),
  sqrt: unary('sqrt'),
  rsqrt: unary('rsqrt'),
  abs: unary('abs'),
  floor: unary('floor'),
  acos: unary('acos'),
  ceil: {
    params: ['x'],
    run: ({ session, ...call }) => {
      const { value, span } = argument({ session, ...call }, 'x');
      const negative = (x: Value): Value => applyUnary(session, 'neg', x, span);
      return negative(applyUnary(session, 'floor', negative(value), span));
    },
  },
  where: {
    params: ['condition', 'a', 'b'],
    run: (call) => {
      const [c, a, b] = [argument(call, 'condition'), argument(call, 'a'), argument(call, 'b')];
      return applyWhere(call.session, [c.value, a.value, b.value], [c.span, a.span, b.span], call.span);
    },
  },
  float: { params: ['x'], run: (call) => cast(call, 'float') },
  int: { params: ['x'], run: (call) => cast(call, 'int') },
  stop_gradient: {
    params: ['x'],
    run: (call) => {
      const { value, span } = argument(call, 'x');
      if (value.kind === 'number' || value.kind === 'varying') return value;
      if (value.kind !== 'tensor') return wrong(value, 'a tensor', span);
      return emit(call.session, 'stop_gradient', {}, [value], call.span);
    },
  },
};
