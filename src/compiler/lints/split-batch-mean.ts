import { batchUses } from './batch-reductions.ts';
import { type Lint, warning } from './lint.ts';

export const splitBatchMean: Lint = {
  name: 'split-batch-mean',
  summary: 'a reduction over the batch that is used nonlinearly, in steps of several micro-batches',
  run: ({ graph, train }) => {
    if (train === undefined || train.micro === 'auto' || train.micro >= train.batch) return [];
    const parts = train.batch / train.micro;
    return batchUses(graph)
      .filter((use) => use.kind === 'bent')
      .map(({ op, reduction }) => {
        const labels = [{ span: reduction.span, text: 'reduced over one micro-batch' }];
        return warning('split-batch-mean', { parts }, { span: op.span, labels });
      });
  },
};
