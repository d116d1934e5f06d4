import type { AxisId, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import { withAxes } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import type { Bindings } from './bindings.ts';
import type { Rewriter } from './normal-form.ts';

/** A stack as a sum of padded stacks of no more values than one kernel can bind, the sum before it among them. */
export function splitStack(r: Rewriter, op: OpOf<'stack'>, bindings: Bindings): readonly Op[] {
  const result = present(op.results[0], 'a result');
  const [own, each] = [bindings.of(result.type.axes), bindings.of(result.type.axes.slice(1))];
  const most = Math.max(1, Math.floor((bindings.most - 2 * own) / each));
  if (op.operands.length * each + own <= bindings.most || result.type.kind === 'bool') return [op];
  const { axis } = op.attrs;
  const { span } = op;
  const ops: Op[] = [];
  let sum: ValueId | undefined;
  for (let start = 0; start < op.operands.length; start += most) {
    const operands = op.operands.slice(start, start + most);
    const part = { ...axis, id: `${axis.id}.${start}` as AxisId, size: operands.length };
    const stacked = r.fresh(withAxes(result.type, [part, ...result.type.axes.slice(1)]));
    ops.push({ kind: 'stack', attrs: { axis: part }, operands, results: [stacked], span });
    const last = start + most >= op.operands.length;
    const give = (): Value => (last ? result : r.fresh(result.type));
    const padded = sum === undefined ? give() : r.fresh(result.type);
    const attrs = { from: part.id, before: start, into: axis };
    ops.push({ kind: 'pad', attrs, operands: [stacked.id], results: [padded], span });
    if (sum === undefined) {
      sum = padded.id;
      continue;
    }
    const total = give();
    ops.push({ kind: 'binary', attrs: { fn: 'add' }, operands: [sum, padded.id], results: [total], span });
    sum = total.id;
  }
  return ops;
}
