import type { Name, Pattern, Statement } from '../syntax/ast.ts';
import { type Lint, warning } from './lint.ts';
import { mentionsIn } from './mentions.ts';

/**
 * What a model binds outside its loops it gives: probes and commands read it. Parameters and patterns are left alone, for their names
 * often have to be there.
 */
export const unusedBinding: Lint = {
  name: 'unused-binding',
  summary: 'a binding of a body that nothing in the files mentions',
  run: ({ files }) => {
    const mentioned = new Set(files.flatMap((file) => [...mentionsIn(file)]));
    return files.flatMap((file) =>
      file.items.flatMap((item) => {
        if (item.kind !== 'fn') return [];
        const { statements } = item.body;
        const inner = item.model ? statements.filter((s) => s.kind === 'for' || s.kind === 'if') : statements;
        return inner.flatMap((statement) => unused(statement, mentioned));
      }),
    );
  },
};

function unused(statement: Statement, mentioned: ReadonlySet<string>): ReturnType<Lint['run']> {
  const inner = (statements: readonly Statement[]) => statements.flatMap((s) => unused(s, mentioned));
  const idle = ({ text }: Name): boolean => !mentioned.has(text) && !text.startsWith('_');
  switch (statement.kind) {
    case 'binding':
      return nameOf(statement.pattern)
        .filter(idle)
        .map((name) => warning('unused-binding', { name: name.text }, name));
    case 'axis':
      return idle(statement.name) ? [warning('unused-binding', { name: statement.name.text }, statement.name)] : [];
    case 'for':
      return inner(statement.body);
    case 'if':
      return inner([...statement.whenTrue, ...statement.whenFalse]);
    default:
      return [];
  }
}

function nameOf(pattern: Pattern): readonly Name[] {
  return pattern.kind === 'name-pattern' ? [pattern.name] : [];
}
