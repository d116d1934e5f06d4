import type { Block, Graph, Op, OpOf, ValueId } from '../ir/graph.ts';
import { resultOf } from '../ir/op-parts.ts';
import { type Constants, constantValues, scalingOf } from './constant-values.ts';
import { type Lint, warning } from './lint.ts';
import { lossesIn, makersIn } from './losses.ts';

/** Only scales that a user wrote where nothing but pointwise maths lies before the norm: a factor in an activation is a habit. */
export const scaleBeforeNorm: Lint = {
  name: 'scale-before-norm',
  summary: 'a constant scale whose readers are all scale-invariant',
  run: ({ graph, files }) => {
    const sources = new Set(files.map((file) => file.span.source));
    return blocksOf(graph).flatMap(({ block, constants }) => {
      const makers = makersIn(block);
      const isLost = lostScales(block, constants);
      return block.ops.flatMap((op) => {
        if (op.kind !== 'binary' || !sources.has(op.span.source)) return [];
        const isIdle = isScale(op, makers, constants) && isLost(resultOf(op, 0).id);
        return isIdle ? [warning('scale-before-norm', {}, { span: op.span })] : [];
      });
    });
  },
};

function blocksOf({ block }: Graph): readonly { readonly block: Block; readonly constants: Constants }[] {
  const constants = constantValues(block);
  const loops = block.ops.filter((op) => op.kind === 'loop');
  const bodies = loops.map((op) => ({ block: op.attrs.body, constants: constantValues(op.attrs.body, constants, op) }));
  return [{ block, constants }, ...bodies];
}

/** By positive numbers; the division in a `mean`, which stands where its sum does, is none. */
function isScale(op: OpOf<'binary'>, makers: ReadonlyMap<ValueId, Op>, constants: Constants): boolean {
  const scaling = scalingOf(op, constants);
  if (op.results[0]?.type.kind !== 'float' || !scaling?.factors.every((factor) => factor > 0)) return false;
  const scaled = makers.get(scaling.of);
  return !scaled || scaled.span.start !== op.span.start || scaled.span.end !== op.span.end;
}

/** Values of a block that a norm, or the like, makes independent of their scale before a product or a loop reads it. */
export function lostScales(block: Block, constants: Constants): (value: ValueId) => boolean {
  return lossesIn(block, constants, {
    follows: () => true,
    leaving: new Set(block.results),
    mayRead: (op) => op.kind !== 'contract' && op.kind !== 'loop',
  });
}
