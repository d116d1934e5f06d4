import { allOps } from '../ir/walk-graph.ts';
import { type Lint, warning } from './lint.ts';
import { mentionsIn } from './mentions.ts';

/** A weight that some output besides the loss needs is mentioned by it. */
export const unusedWeight: Lint = {
  name: 'unused-weight',
  summary: 'a weight that no value uses',
  run: ({ graph, files }) => {
    const used = new Set([...allOps(graph.block)].flatMap((op) => (op.kind === 'weight' ? [op.attrs.weight] : [])));
    return graph.weights.flatMap(({ id, members, span }) => {
      const [first] = members;
      const file = files.find((one) => one.span.source === span.source);
      if (!first || !file || used.has(id)) return [];
      const own = first.name.split('.').at(-1) ?? first.name;
      return mentionsIn(file).has(own) ? [] : [warning('unused-weight', { name: first.name }, { span })];
    });
  },
};
