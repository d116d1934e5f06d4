import type { Use } from '../syntax/ast.ts';
import { type Lint, warning } from './lint.ts';
import { mentionsIn } from './mentions.ts';

export const unusedImport: Lint = {
  name: 'unused-import',
  summary: 'a name of a `use` that its file does not mention',
  run: ({ files }) =>
    files.flatMap((file) =>
      file.uses
        .flatMap(namesOf)
        .flatMap(({ text, span }) =>
          mentionsIn(file).has(text) ? [] : [warning('unused-import', { name: text }, { span })],
        ),
    ),
};

function namesOf({ module, names }: Use) {
  return names.length > 0 || module.kind === 'path' ? names : module.path.slice(-1);
}
