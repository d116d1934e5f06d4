import { varies } from './constant-values.ts';
import { type Lint, shown, warning } from './lint.ts';
import { streamsOf } from './residual-stream.ts';

export const scaleAfterSum: Lint = {
  name: 'scale-after-sum',
  summary: 'a residual sum that is scaled by layer',
  run: ({ graph }) =>
    streamsOf(graph).flatMap(({ path = [] }) => {
      const firstSum = path.findIndex((step) => step.kind === 'sum');
      return path.flatMap((step, i) => {
        const summed = firstSum >= 0 && firstSum < i;
        if (step.kind !== 'scale' || !summed || !step.factors || !varies(step.factors)) return [];
        const [first = 1, last = 1] = [step.factors[0], step.factors.at(-1)];
        const range = { first: String(shown(first)), last: String(shown(last)) };
        return [warning('scale-after-sum', range, { span: step.op.span })];
      });
    }),
};
