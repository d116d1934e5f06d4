import { findLeak } from '../causality/find-leak.ts';
import { textOf } from '../elaborate/describe.ts';
import { type Lint, warning } from './lint.ts';

export const futureUndecided: Lint = {
  name: 'future-undecided',
  summary: 'predictions of which it cannot be told whether they depend on later tokens',
  run: ({ graph, train }) => {
    const leak = train?.causal && train.data ? findLeak(graph) : undefined;
    if (leak?.kind !== 'undecided') return [];
    const { path, origin } = leak;
    return [warning('future-undecided', { what: path[0] ?? 'the loss', path, text: textOf(origin) }, { span: origin })];
  },
};
