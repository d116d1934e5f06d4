/** Recurrences along an axis. */
import { isSubset } from '../../ir/tensor-type.ts';
import { emit } from '../emit.ts';
import { liftAlone, requireAligned, requireKind } from '../pointwise.ts';
import type { Tensor } from '../value.ts';
import { wantOperand } from '../want.ts';
import { argument, axisArgument, type BuiltinCall, type BuiltinTable } from './builtin.ts';

/** h_t = a_t h_(t-1) + b_t, with 0 before the first. One of a and b has all axes of the other, `over` among them. */
function recur(call: BuiltinCall): Tensor {
  const { session, span } = call;
  const [a, b] = [floatArgument(call, 'a'), floatArgument(call, 'b')];
  requireAligned(session, [a, b], span);
  const isOfB = isSubset(a.value.type.axes, b.value.type.axes);
  const axis = axisArgument(call, argument(call, 'over'), isOfB ? b : a, argument(call, isOfB ? 'b' : 'a').span);
  return emit(session, 'recur', { over: axis.id, reverse: false }, [a, b], span);
}

function floatArgument(call: BuiltinCall, name: string): Tensor {
  const { value, span } = argument(call, name);
  const tensor = liftAlone(call.session, wantOperand(value, span), span);
  requireKind(tensor, ['float'], span);
  return tensor;
}

export const RECURRENCE: BuiltinTable = { recur: { params: ['a', 'b', 'over'], run: recur } };
