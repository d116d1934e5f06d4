/** Brackets around a list, around statements, or around one expression. */
import type { CstElement, IToken } from 'chevrotain';
import { Arrow, Comma, OpenSquare, PlainParen, Separator, TrailingComma } from '../../../grammar/tokens.ts';
import type { Context } from './context.ts';
import { block, type Doc, group, hard, indent, line, list, sequence, text } from './doc.ts';

/** A bracket with its partner and what stands between them. */
export interface Bracket {
  /** The rule that it belongs to. */
  readonly rule: string;
  readonly open: IToken;
  readonly inner: readonly CstElement[];
  readonly close: IToken;
}

/** Makes the document of neighbours. */
type Joined = (elements: readonly CstElement[]) => Doc;

/** `(a, b)`, `[a, b]` or `{a, b}`; also `(e)` and `[e]`, which hold one expression, and `[a -> b]`. */
export function bracketed(context: Context, bracket: Bracket, joined: Joined): Doc {
  const { rule, open, inner, close } = bracket;
  const items = inner.filter((element) => !isToken(element, Comma) && !isToken(element, TrailingComma));
  const [first] = items;
  const single = items.length === 1 && inner.length === 1;
  const isOne =
    (single && rule === 'operand' && open.tokenType === PlainParen) ||
    (single && rule === 'suffix' && open.tokenType === OpenSquare && nameOf(first) === 'expr');
  if (isOne || inner.some((element) => isToken(element, Arrow)))
    return sequence([context.word(open), joined(inner), context.word(close)]);
  const { close: end, rest } = context.closing(close);
  const isTuple = rule === 'operand' && open.tokenType === PlainParen;
  return list({
    open: context.word(open),
    items: items.map((item) => joined([item])),
    close: end,
    gaps: [open, ...items].map((before, i) => context.gap(before, items[i] ?? close)),
    comma: isTuple && items.length === 1 ? 'needed' : 'vertical',
    vertical: first !== undefined && context.parted(open, first),
    rest,
  });
}

/** How a block stands: on one line if it fits there, on the line of blocks that all do or all do not, or on several. */
export type BlockForm = 'one-line' | 'with-others' | 'lines';

/** `{ a; b }`. On one line only where the author wrote it so. */
export function blockOf(context: Context, { open, inner, close }: Bracket, form: BlockForm, joined: Joined): Doc {
  const statements = inner.filter((element) => !isToken(element, Separator));
  const { close: end, rest } = context.closing(close);
  const begin = context.word(open);
  if (statements.length === 0 && !rest) return sequence([begin, end]);
  const first = statements[0] ?? close;
  const last = statements.at(-1) ?? open;
  if (form === 'lines' || statements.length === 0) {
    const inside = statements.length > 0 ? [edge(context, open, first), rows(context, statements, joined)] : [];
    const behind = rest ? hard() : edge(context, last, close);
    return block(sequence([begin, indent(sequence([...inside, ...(rest ? [rest] : [])])), behind, end]), begin.flat);
  }
  const inside = statements.flatMap((statement, i) => {
    const before = statements[i - 1];
    return [line(before ? '; ' : ' ', context.gap(before ?? open, statement)), joined([statement])];
  });
  const whole = sequence([begin, indent(sequence(inside)), line(' ', context.gap(last, close)), end]);
  return form === 'one-line' ? block(whole, begin.flat) : whole;
}

/** The line break at a brace, which is not there where a line has to stay whole. */
function edge(context: Context, before: CstElement, after: CstElement): Doc {
  return context.gap(before, after).kind === 'glue' ? text(' ') : hard();
}

/** Whether the author wrote the block on one line. */
export function onOneLine(context: Context, { open, inner, close }: Bracket): boolean {
  const all = [open, ...inner.filter((element) => !isToken(element, Separator)), close];
  return all.length > 2 && all.slice(1).every((element, i) => !context.parted(all[i] ?? open, element));
}

/** Statements, those together on a line that the author wrote on one. */
export function rows(context: Context, statements: readonly CstElement[], joined: Joined): Doc {
  const made: CstElement[][] = [];
  for (const statement of statements) {
    const last = made.at(-1);
    const before = last?.at(-1);
    if (last && before && !context.parted(before, statement)) last.push(statement);
    else made.push([statement]);
  }
  return sequence(
    made.flatMap((row, i) => {
      const [first] = row;
      const before = made[i - 1]?.at(-1);
      return [...(before && first ? [hard(context.gap(before, first).blank)] : []), rowOf(context, row, joined)];
    }),
  );
}

function rowOf(context: Context, row: readonly CstElement[], joined: Joined): Doc {
  const parts = row.flatMap((statement, i) => {
    const before = row[i - 1];
    return [...(before ? [line('; ', context.gap(before, statement))] : []), joined([statement])];
  });
  return parts.length === 1 ? sequence(parts) : group(sequence(parts));
}

function isToken(element: CstElement, type: IToken['tokenType']): boolean {
  return 'image' in element && element.tokenType === type;
}

function nameOf(element: CstElement | undefined): string | undefined {
  return element && 'children' in element ? element.name : undefined;
}
