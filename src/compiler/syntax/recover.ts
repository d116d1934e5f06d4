/**
 * Parses a file declaration by declaration and finds all its errors, one for each broken statement.
 *
 * Where the parser stops, the innermost statement around the place is left out and the declaration is parsed again.
 * Brackets balance here, so statements are known before anything is parsed, and no error can cause another.
 */
import type { CstNode, IRecognitionException, IToken } from 'chevrotain';
import { parseItem } from '../../../grammar/parser.ts';
import { CloseBrace, OpenBrace, Separator } from '../../../grammar/tokens.ts';
import { present } from '../support/invariant.ts';
import { holdsNames } from './layout.ts';

/** Enough to work on; what has more errors is not a specification. */
const ERRORS_PER_ITEM = 10;
const ERRORS_PER_FILE = 100;

export interface FoundError {
  readonly error: IRecognitionException;
  /** The token before the one where the parser stopped. */
  readonly previous: IToken | undefined;
}

export interface Recovered {
  readonly trees: readonly RecoveredTree[];
  readonly errors: readonly FoundError[];
}

export interface RecoveredTree {
  readonly tree: CstNode;
  /** Nothing was left out of it. */
  readonly whole: boolean;
}

/** Tokens `from` up to but without `to`. */
interface Range {
  readonly from: number;
  readonly to: number;
}

export function parseItems(tokens: readonly IToken[]): Recovered {
  const trees: RecoveredTree[] = [];
  const errors: FoundError[] = [];
  for (const { from, to } of statementsOf(tokens).filter((range) => range.depth === 0)) {
    if (errors.length >= ERRORS_PER_FILE) break;
    const found = parseBroken(tokens.slice(from, to));
    if (found.tree !== undefined) trees.push({ tree: found.tree, whole: found.errors.length === 0 });
    errors.push(...found.errors);
  }
  return { trees, errors };
}

function parseBroken(item: readonly IToken[]): { tree: CstNode | undefined; errors: FoundError[] } {
  const errors: FoundError[] = [];
  let tokens = item;
  while (errors.length < ERRORS_PER_ITEM && tokens.length > 0) {
    const result = parseItem(tokens);
    if (result.kind === 'tree') return { tree: result.tree, errors };
    const index = tokens.indexOf(result.error.token);
    const at = index < 0 ? tokens.length : index;
    errors.push({ error: result.error, previous: tokens[at - 1] });
    tokens = without(tokens, innermost(tokens, at));
  }
  return { tree: undefined, errors };
}

/** The smallest statement that holds the token at `at`; its end counts as a part of it. */
function innermost(tokens: readonly IToken[], at: number): Range {
  const around = statementsOf(tokens).filter(({ from, to }) => from <= at && at <= to);
  return present(around.sort((a, b) => b.depth - a.depth)[0] ?? { from: 0, to: tokens.length }, 'a statement');
}

/** Leaves a range out, with the separator behind or before it. */
function without(tokens: readonly IToken[], { from, to }: Range): readonly IToken[] {
  if (tokens[to]?.tokenType === Separator) return [...tokens.slice(0, from), ...tokens.slice(to + 1)];
  if (tokens[from - 1]?.tokenType === Separator) return [...tokens.slice(0, from - 1), ...tokens.slice(to)];
  return [...tokens.slice(0, from), ...tokens.slice(to)];
}

/** All statements with the number of braces around them. Empty bodies have none. */
function statementsOf(tokens: readonly IToken[]): readonly (Range & { readonly depth: number })[] {
  const made: (Range & { depth: number })[] = [];
  const starts = [0];
  const end = (to: number) => {
    const from = present(starts.at(-1), 'the start of a statement');
    if (from < to) made.push({ from, to, depth: starts.length - 1 });
  };
  let names = false;
  tokens.forEach((token, index) => {
    if (token.tokenType === OpenBrace) {
      names = holdsNames(tokens[index - 1]);
      if (!names) starts.push(index + 1);
    } else if (token.tokenType === CloseBrace) {
      if (!names) {
        end(index);
        // What was left out may have taken the brace that this one closes.
        if (starts.length > 1) starts.pop();
        else starts[0] = index + 1;
      }
      names = false;
    } else if (token.tokenType === Separator) {
      end(index);
      starts[starts.length - 1] = index + 1;
    }
  });
  end(tokens.length);
  return made;
}
