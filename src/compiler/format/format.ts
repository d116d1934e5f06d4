import { Failure } from '../diagnostics/diagnostic.ts';
import { invariant } from '../support/invariant.ts';
import { makeSource, type Source } from '../support/source.ts';
import { layOut } from '../syntax/layout.ts';
import { lex } from '../syntax/lex.ts';
import { parseOnce } from '../syntax/parse.ts';
import { parseItems } from '../syntax/recover.ts';
import { makeContext } from './context.ts';
import { fileDoc } from './documents.ts';
import { print } from './print.ts';
import { sameProgram } from './same-program.ts';

/**
 * The one canonical text of a program: the same words and comments, with spaces and line breaks where they belong. Lines
 * end as the first one does; there is no byte order mark. Fails with the syntax errors of the source.
 */
export function formatSource(source: Source): string {
  const { diagnostics } = parseOnce(source);
  if (diagnostics.length > 0) throw new Failure(diagnostics);
  const lexed = lex(source);
  const items = parseItems(layOut(source, lexed.tokens).tokens).trees.map(({ tree }) => tree);
  const printed = print(fileDoc(makeContext(source, lexed), items)).replace(/^\n+/, '');
  const text = printed === '' ? '' : `${printed}\n`;
  invariant(sameProgram(source, makeSource(source.path, text)), 'formatting would make another program');
  return /^[^\n]*\r\n/.test(source.text) ? text.replaceAll('\n', '\r\n') : text;
}
