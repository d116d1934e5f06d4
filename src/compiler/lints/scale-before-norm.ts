import type { Block, Graph, OpOf } from '../ir/graph.ts';
import { type Constants, constantValues, scalingOf } from './constant-values.ts';
import { type Lint, warning } from './lint.ts';
import { degreesFrom } from './scale-degree.ts';

/** Only scales that a user wrote where nothing but pointwise maths lies before the norm: a factor in an activation is a habit. */
export const scaleBeforeNorm: Lint = {
  name: 'scale-before-norm',
  summary: 'a constant scale whose readers are all scale-invariant',
  run: ({ graph, files }) =>
    blocksOf(graph).flatMap(({ block, constants }) =>
      block.ops
        .filter((op) => op.kind === 'binary')
        .filter((op) => files.some((file) => file.span.source === op.span.source) && isLost(op, block, constants))
        .map((op) => warning('scale-before-norm', {}, { span: op.span })),
    ),
};

function blocksOf({ block }: Graph): readonly { readonly block: Block; readonly constants: Constants }[] {
  const constants = constantValues(block);
  const loops = block.ops.filter((op) => op.kind === 'loop');
  const bodies = loops.map((op) => ({ block: op.attrs.body, constants: constantValues(op.attrs.body, constants, op) }));
  return [{ block, constants }, ...bodies];
}

function isLost(op: OpOf<'binary'>, block: Block, constants: Constants): boolean {
  const [result] = op.results;
  const scaling = scalingOf(op, constants);
  const factors = scaling?.factors;
  if (result?.type.kind !== 'float' || !factors?.every((factor) => factor > 0)) return false;
  // The division in a `mean` stands where its sum does.
  const scaled = block.ops.find((other) => other.results.some((value) => value.id === scaling?.of));
  if (scaled && scaled.span.start === op.span.start && scaled.span.end === op.span.end) return false;
  const degrees = degreesFrom(block, result.id, constants);
  if (block.results.some((id) => (degrees.get(id) ?? 0) !== 0)) return false;
  const reading = block.ops.filter((other) => other.operands.some((id) => (degrees.get(id) ?? 0) !== 0));
  return reading.length > 0 && reading.every((other) => other.kind !== 'contract' && other.kind !== 'loop');
}
