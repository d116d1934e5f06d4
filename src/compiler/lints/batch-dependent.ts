import { batchUses } from './batch-reductions.ts';
import { type Lint, warning } from './lint.ts';

export const batchDependent: Lint = {
  name: 'batch-dependent',
  summary: 'values of a sequence that depend on the other sequences of its batch',
  run: ({ graph }) =>
    batchUses(graph)
      .filter((use) => use.kind === 'mixed')
      .map(({ op, reduction }) => {
        const labels = [{ span: reduction.span, text: 'reduced over the batch' }];
        return warning('batch-dependent', {}, { span: op.span, labels });
      }),
};
