import type { Probe, Statement } from '../syntax/ast.ts';
import { type Lint, warning } from './lint.ts';
import { mentionsIn } from './mentions.ts';

/** A model is called from outside, and any of a file may be chosen, so its probes are not asked for. */
export const unusedProbe: Lint = {
  name: 'unused-probe',
  summary: 'a probe in a function that nothing in the files mentions',
  run: ({ files }) => {
    const mentioned = new Set(files.flatMap((file) => [...mentionsIn(file)]));
    return files.flatMap((file) =>
      file.items.flatMap((item) => {
        if (item.kind !== 'fn' || item.model || mentioned.has(item.name.text)) return [];
        return probesIn(item.body.statements).map(({ name }) =>
          warning('unused-probe', { name: name.text, fn: item.name.text }, name),
        );
      }),
    );
  },
};

function probesIn(statements: readonly Statement[]): readonly Probe[] {
  return statements.flatMap((statement) => {
    if (statement.kind === 'probe') return [statement];
    if (statement.kind === 'for') return probesIn(statement.body);
    return statement.kind === 'if' ? probesIn([...statement.whenTrue, ...statement.whenFalse]) : [];
  });
}
