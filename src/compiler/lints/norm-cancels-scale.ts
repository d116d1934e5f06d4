import type { Op } from '../ir/graph.ts';
import { scalingOf, varies } from './constant-values.ts';
import { type Lint, warning } from './lint.ts';
import { type Stream, streamsOf } from './residual-stream.ts';
import { type Degrees, degreesFrom } from './scale-degree.ts';

export const normCancelsScale: Lint = {
  name: 'norm-cancels-scale',
  summary: 'a scale by layer in front of attention that a norm on queries and keys takes off again',
  run: ({ graph }) => {
    const bodies = new Map(streamsOf(graph).map((stream) => [stream.loop, stream]));
    const attending = [...bodies.values()].filter(({ body }) => body.ops.some((op) => op.kind === 'attend'));
    return attending.flatMap((stream) =>
      scalesByLayer(stream).flatMap((op) => {
        const [result] = op.results;
        if (!result) return [];
        const degrees = degreesFrom(stream.body, result.id, stream.constants);
        const label = stream.body.ops.find((other) => valuesOnly(other, degrees));
        return label ? [warning('norm-cancels-scale', {}, { span: op.span })] : [];
      }),
    );
  },
};

function scalesByLayer({ body, constants }: Stream) {
  return body.ops.filter((op) => op.kind === 'binary').filter((op) => varies(scalingOf(op, constants)?.factors ?? []));
}

function valuesOnly(op: Op, degrees: Degrees): boolean {
  if (op.kind !== 'attend') return false;
  const [q, k, v] = op.operands.map((id) => degrees.get(id));
  return q === 0 && k === 0 && v === 1;
}
