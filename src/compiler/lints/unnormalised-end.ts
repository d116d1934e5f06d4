import { constantValues } from './constant-values.ts';
import { type Lint, warning } from './lint.ts';
import { type Stream, streamsOf } from './residual-stream.ts';
import { degreesFrom } from './scale-degree.ts';

export const unnormalisedEnd: Lint = {
  name: 'unnormalised-end',
  summary: 'a running residual sum whose branches read it through a norm, and the head without one',
  run: ({ graph: { block }, graph }) => {
    const constants = constantValues(block);
    return streamsOf(graph).flatMap((stream) => {
      if (!stream.path?.some((step) => step.kind === 'sum') || !normalisedInside(stream)) return [];
      const degrees = degreesFrom(block, stream.final.id, constants);
      const bare = block.ops.find((op) => op.kind === 'contract' && op.operands.some((id) => degrees.get(id) === 1));
      return bare ? [warning('unnormalised-end', {}, { span: bare.span })] : [];
    });
  },
};

/** Every matrix in the body that sees the stream sees it normalised. */
function normalisedInside({ body, degrees }: Stream): boolean {
  const seen = body.ops.flatMap((op) =>
    op.kind === 'contract' ? op.operands.flatMap((id) => degrees.get(id) ?? []) : [],
  );
  return seen.length > 0 && seen.every((degree) => degree !== 1) && seen.some((degree) => degree === 0);
}
