/** Losses that need a stable form. */
import { axesWithout, isSubset, withoutIds } from '../../ir/tensor-type.ts';
import { axesText } from '../describe.ts';
import { emit, indexOver } from '../emit.ts';
import { requireKind } from '../pointwise.ts';
import { refuse } from '../session.ts';
import type { Tensor } from '../value.ts';
import { wantTensor } from '../want.ts';
import { argument, axisArgument, type BuiltinCall, type BuiltinTable } from './builtin.ts';
import { exponentials, makerOf } from './reductions.ts';

/**
 * The negative log-probability of each target, in nats: log(sum(exp z)) minus the z of the target, with z the logits
 * minus their largest. 0 where the target is negative.
 */
function crossEntropy(call: BuiltinCall): Tensor {
  const { session, span } = call;
  const given = argument(call, 'logits');
  const logits = wantTensor(given.value, given.span);
  requireKind(logits, ['float'], given.span);
  const chosen = argument(call, 'targets');
  const targets = wantTensor(chosen.value, chosen.span);
  requireKind(targets, ['int'], chosen.span);
  const vocab = axisArgument(call, argument(call, 'over'), logits, given.span);
  const positions = withoutIds(logits.value.type.axes, [vocab.id]);
  if (!isSubset(targets.value.type.axes, positions)) {
    const params = { targets: axesText(targets.value.type.axes), positions: axesText(positions) };
    refuse('targets-axes', params, chosen.span);
  }
  const make = makerOf(session, span);
  const { shifted, sum } = exponentials(make, logits, [vocab]);
  const missing = axesWithout(logits.value.type.axes, targets.value.type.axes);
  const spread = emit(session, 'expand', { axes: missing }, [targets], span);
  const hit = make.binary('eq', spread, indexOver(session, [vocab], span));
  const target = make.sum(make.where(hit, shifted, 0), [vocab]);
  const loss = make.binary('sub', make.unary('log', sum), target);
  return make.where(make.binary('ge', targets, 0), loss, 0);
}

export const LOSSES: BuiltinTable = {
  cross_entropy: { params: ['logits', 'targets', 'over'], run: crossEntropy },
};
