import type { Block, ValueId } from '../ir/graph.ts';
import { InternalError, present } from '../support/invariant.ts';
import { spreadActivity } from './activity.ts';
import { makeBuilder } from './builder.ts';
import { conform, scalar } from './make.ts';
import { makeGradients, reverseOps } from './reverse.ts';

/**
 * A pointwise block of one result, with a second result: the derivative of the first by the block's first parameter, of
 * the parameter's type. Both blocks share ids; new ones begin at `firstId`, which no id of the graph reaches.
 */
export function withDerivative(block: Block, firstId: number): Block {
  const b = makeBuilder({ inputs: [], weights: [], firstId });
  const variable = present(block.params[0], 'a parameter');
  const value = present(block.results[0], 'a result');
  let slope: ValueId | undefined;
  b.adopt(block.params);
  for (const op of block.ops) b.append(op);
  const active = new Set([variable.id]);
  spreadActivity(block.ops, active);
  if (active.has(value)) {
    const gradients = makeGradients(b);
    gradients.give(value, conform(b, scalar(b, 1), b.typeOf(value).axes));
    const onLoop = (): never => {
      throw new InternalError('a pointwise block has no loop');
    };
    reverseOps(b, block.ops, gradients, { active: (id) => active.has(id), onLoop });
    slope = gradients.get(variable.id);
  }
  const derivative = conform(b, slope ?? scalar(b, 0), variable.type.axes);
  const { ops } = b.finish([]).block;
  return { params: block.params, ops, results: [value, derivative] };
}
