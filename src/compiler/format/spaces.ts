/** Where a space stands between neighbours. */
import type { CstElement, IToken, TokenType } from 'chevrotain';
import * as T from '../../../grammar/tokens.ts';
import { present } from '../support/invariant.ts';
import { childrenOf } from '../syntax/cst.ts';

/** Rules whose parts stand close together. */
const CLOSE_RULES = new Set(['type', 'operator', 'dim']);
/** Parts that belong to what stands before them. */
const ATTACHED = new Set(['params', 'suffix']);
const NONE_BEFORE: ReadonlySet<TokenType> = new Set([T.Comma, T.TrailingComma, T.Colon]);
const NONE_AFTER: ReadonlySet<TokenType> = new Set([T.Dot, T.DotDot]);
/** Before `..`, which otherwise stands close to what it follows. */
const LOOSE: ReadonlySet<TokenType> = new Set([T.Arrow, T.Comma]);

/** Whether a space stands between `before` and `element` in a rule; `after` follows. */
export function hasSpace(
  rule: string,
  before: CstElement,
  element: CstElement,
  after: CstElement | undefined,
): boolean {
  if (CLOSE_RULES.has(rule)) return false;
  if ('children' in element && ATTACHED.has(element.name)) return false;
  if ('image' in before && NONE_AFTER.has(before.tokenType)) return false;
  // Only the signs before an operand stand in its rule.
  if ('image' in before && before.tokenType === T.Minus) return rule !== 'operand';
  if (!('image' in element)) return true;
  if (NONE_BEFORE.has(element.tokenType)) return false;
  if (element.tokenType === T.DotDot) return 'image' in before && LOOSE.has(before.tokenType);
  // `3 .4` is a number and a key; `3.4` would be one number.
  if (element.tokenType === T.Dot)
    return isNumber(lastToken(before)) && after !== undefined && isNumber(firstToken(after));
  return true;
}

function isNumber({ tokenType }: IToken): boolean {
  return tokenType === T.NumberLiteral;
}

function firstToken(element: CstElement): IToken {
  return 'image' in element ? element : firstToken(present(childrenOf(element)[0], 'a word'));
}

function lastToken(element: CstElement): IToken {
  return 'image' in element ? element : lastToken(present(childrenOf(element).at(-1), 'a word'));
}
