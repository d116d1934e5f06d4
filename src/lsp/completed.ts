/**
 * A document as it would be if the word at the cursor were whole: with a stand-in for it that the parser accepts, so that
 * the tree and the elaboration tell what may stand there.
 */
import type { Position } from 'vscode-languageserver';
import { makeSource } from '../compiler/support/source.ts';
import { lex } from '../compiler/syntax/lex.ts';
import { parse } from '../compiler/syntax/parse.ts';
import type { Analysis } from './analysis.ts';
import { offsetOf } from './places.ts';
import type { Workspace } from './workspace.ts';

/** No name that anyone would choose. */
export const STAND_IN = 'completed__';

/**
 * In order: a value or a name; the same where the line lacks `closing` brackets, in which the next lines would stand, and
 * what must follow these; then a statement, an attribute or a key that needs a value.
 */
function formsOf(closing: string): readonly string[] {
  const closed = STAND_IN + closing;
  const followed = closing === '' ? [] : [`${closed} 0;`, `${closed} ~ 0;`, `${closed} = 0;`];
  return [STAND_IN, `${closed};`, ...followed, `${STAND_IN} = 0`, `${STAND_IN} = 0;`, `${STAND_IN} = 0${closing};`];
}

export interface Completed {
  readonly analysis: Analysis;
  /** Where the stand-in begins. */
  readonly offset: number;
}

/** Undefined in comments and strings, and where nothing that begins with a name can stand. */
export function completedAt(workspace: Workspace, uri: string, position: Position): Completed | undefined {
  const before = workspace.analysis(uri);
  if (!before) return undefined;
  const { text } = before.source;
  const cursor = offsetOf(before, position);
  if (isText(before, cursor)) return undefined;
  const start = cursor - (/[A-Za-z0-9_]*$/.exec(text.slice(0, cursor))?.[0].length ?? 0);
  const end = cursor + (/^[A-Za-z0-9_]*/.exec(text.slice(cursor))?.[0].length ?? 0);
  for (const form of formsOf(closingAt(before, start))) {
    const whole = text.slice(0, start) + form + text.slice(end);
    if (!isRead(whole, start)) continue;
    const analysis = workspace.analysisWith(uri, whole);
    return analysis && { analysis, offset: start };
  }
  return undefined;
}

/** The cursor is in a comment or a string. */
function isText({ source }: Analysis, cursor: number): boolean {
  const { tokens, comments, docs } = lex(source);
  const inComment = [...comments, ...docs].some(
    ({ startOffset, image }) => startOffset < cursor && cursor <= startOffset + image.length,
  );
  const inString = tokens.some(
    ({ startOffset, image }) => image.startsWith('"') && startOffset < cursor && cursor < startOffset + image.length,
  );
  return inComment || inString;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

/** What closes the brackets that are open at an offset, up to the innermost brace. */
function closingAt({ source }: Analysis, offset: number): string {
  const open: string[] = [];
  for (const { image, startOffset } of lex(source).tokens) {
    if (startOffset >= offset) break;
    if ('([{'.includes(image)) open.push(image);
    if (')]}'.includes(image)) open.pop();
  }
  return open
    .slice(open.lastIndexOf('{') + 1)
    .reverse()
    .map((bracket) => CLOSING[bracket] ?? '')
    .join('');
}

/** The stand-in is in the tree, not in a statement that was left out. */
function isRead(text: string, start: number): boolean {
  const { mended } = parse(makeSource('', text));
  return mentions(mended, start);
}

function mentions(node: unknown, start: number): boolean {
  if (Array.isArray(node)) return node.some((part) => mentions(part, start));
  if (typeof node !== 'object' || node === null) return false;
  const isIt = Object.values(node).includes(STAND_IN);
  return isIt || Object.entries(node).some(([key, value]) => key !== 'span' && mentions(value, start));
}
