import type { Op, OpOf, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import type { ScalarExpr } from '../ir/train.ts';
import { InternalError, invariant, present } from '../support/invariant.ts';

/** The expression that scalar ops compute from the step, such as a learning rate, for the host to evaluate. */
export function scalarExpr(value: ValueId, items: readonly HirItem[]): ScalarExpr {
  const byResult = new Map<ValueId, Op>();
  for (const op of items) {
    invariant(op.kind !== 'for', 'a schedule has no loops');
    for (const result of op.results) byResult.set(result.id, op);
  }
  const visit = (id: ValueId): ScalarExpr => {
    const op = present(byResult.get(id), 'the op of a scalar');
    const args = (): readonly ScalarExpr[] => op.operands.map(visit);
    switch (op.kind) {
      case 'constant':
        return { kind: 'number', value: numberOf(op) };
      case 'runtime':
        invariant(op.attrs.scalar === 'step', 'a schedule depends on the step');
        return { kind: 'step' };
      case 'unary':
      case 'binary':
        return { kind: 'apply', fn: op.attrs.fn, args: args() };
      case 'where':
        return { kind: 'apply', fn: 'where', args: args() };
      case 'cast':
      case 'stop_gradient':
        return present(args()[0], 'an operand');
      default:
        throw new InternalError(`a schedule with ${op.kind}`);
    }
  };
  return visit(value);
}

function numberOf(op: OpOf<'constant'>): number {
  return present(op.attrs.values[0], 'a value');
}
