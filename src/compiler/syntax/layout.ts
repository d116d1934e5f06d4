/**
 * Between the lexer and the parser: newlines that end statements become separators and all others vanish, brackets are
 * made to balance, trailing commas and the parentheses of lambdas are marked, and nesting is bounded.
 *
 * A newline ends a statement unless it stands inside `(`, `[` or a list of names in braces, or after an operator.
 * Because brackets balance behind this pass, one that was forgotten spoils only its own statement for the parser.
 */
import { createTokenInstance, type IToken, type TokenType } from 'chevrotain';
import * as T from '../../../grammar/tokens.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import { present } from '../support/invariant.ts';
import type { Source, Span } from '../support/source.ts';

/** Open brackets plus operators in unbroken chains: bounds the depth of the syntax tree. */
export const NESTING_LIMIT = 128;

export interface LaidOut {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
  /** Ranges whose brackets were mended: errors inside them are consequences. */
  readonly mended: readonly Span[];
  readonly tooDeep: boolean;
}

interface Frame {
  readonly open: IToken;
  /** Where the opening token stands in the output. */
  readonly at: number;
  readonly close: TokenType;
  /** Newlines in this bracket end statements. */
  readonly lines: boolean;
  /** The bracket of `@[…]`, behind which a line may go on as behind any operator. */
  readonly contraction: boolean;
  /** Operators since the last separator or comma. */
  chain: number;
}

const CLOSES = new Map<TokenType, TokenType>([
  [T.PlainParen, T.CloseParen],
  [T.OpenSquare, T.CloseSquare],
  [T.OpenBrace, T.CloseBrace],
]);
const SIGNS = new Map<TokenType, string>([
  [T.CloseParen, ')'],
  [T.CloseSquare, ']'],
  [T.CloseBrace, '}'],
]);

const OPERATORS: ReadonlySet<TokenType> = new Set([
  ...[T.Or, T.And, T.Not, T.EqualEqual, T.NotEqual, T.Less, T.LessEqual, T.Greater, T.GreaterEqual],
  ...[T.Plus, T.Minus, T.Star, T.Slash, T.Percent, T.Caret, T.At],
]);
/** What makes the tree one level deeper without a bracket. */
const DEEPENS: ReadonlySet<TokenType> = new Set([...OPERATORS, T.Dot, T.FatArrow, T.If, T.Else]);
/** After these a line cannot end. */
const CONTINUES: ReadonlySet<TokenType> = new Set([
  ...OPERATORS,
  ...[T.Equals, T.FatArrow, T.Arrow, T.Tilde, T.Comma, T.Colon, T.Dot, T.DotDot, T.If, T.Then, T.Else, T.In, T.Return],
]);
/** These begin no statement, so a newline before them ends none. */
const RESUMES: ReadonlySet<TokenType> = new Set([T.Then, T.Else, T.OpenBrace, T.CloseBrace]);
/** These stand in no parentheses. */
const STATEMENTS: ReadonlySet<TokenType> = new Set([
  ...[T.Use, T.Fn, T.Model, T.Train, T.Param, T.Weights, T.Probe, T.For, T.Return],
]);
const ITEMS: ReadonlySet<TokenType> = new Set([T.Use, T.Fn, T.Model, T.Train]);

export function layOut(source: Source, raw: readonly IToken[]): LaidOut {
  return new Layout(source).run(raw);
}

class Layout {
  private readonly source: Source;
  private readonly out: IToken[] = [];
  private readonly frames: Frame[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly mended: Span[] = [];
  /** The newline or `;` that the next token may turn into a separator. */
  private pending: IToken | undefined;
  /** A newline behind an operator: it ends the statement after all if the next words can only begin another. */
  private continued: IToken | undefined;
  private depth = 0;
  private tooDeep = false;

  constructor(source: Source) {
    this.source = source;
  }

  run(raw: readonly IToken[]): LaidOut {
    let lineStart = true;
    for (const [index, token] of raw.entries()) {
      if (token.tokenType === T.Newline) {
        this.newline(token);
        lineStart = true;
        continue;
      }
      if (lineStart) this.closeForgotten(token, raw[index + 1]);
      lineStart = false;
      this.take(token);
      if (this.depth > NESTING_LIMIT) {
        this.tooDeep = true;
        this.diagnostics.length = 0;
        this.diagnostics.push(
          syntaxDiagnostic('nested-too-deep', { limit: NESTING_LIMIT }, { span: this.spanOf(token) }),
        );
        break;
      }
    }
    if (!this.tooDeep) while (this.frames.length > 0) this.mend(undefined);
    const { out: tokens, diagnostics, mended, tooDeep } = this;
    return { tokens, diagnostics, mended, tooDeep };
  }

  private get last(): IToken | undefined {
    return this.out[this.out.length - 1];
  }

  private get frame(): Frame | undefined {
    return this.frames[this.frames.length - 1];
  }

  private newline(token: IToken): void {
    if (this.frame?.lines === false) return;
    if (this.last === undefined) return;
    if (this.continues(this.last)) this.continued = token;
    else this.pending ??= token;
  }

  private continues(token: IToken): boolean {
    if (token.tokenType === T.Star) {
      // `layer.*` ends with a name, not with an operator.
      const before = this.out[this.out.length - 2]?.tokenType;
      return before !== T.Dot && before !== T.Weights;
    }
    return CONTINUES.has(token.tokenType) || (token.tokenType === T.CloseSquare && this.endsContraction);
  }

  private endsContraction = false;

  private take(token: IToken): void {
    if (token.tokenType === T.Semicolon) {
      this.pending = token;
      if (this.frame?.lines === false) this.flush(undefined);
      return;
    }
    this.flush(token);
    const close = CLOSES.get(token.tokenType);
    if (close !== undefined) this.open(token, close);
    else if (SIGNS.has(token.tokenType)) this.close(token);
    else this.emit(token);
  }

  /** Turns a pending newline or `;` into a separator, unless one would stand first, last or twice. */
  private flush(next: IToken | undefined): void {
    const pending = this.pending;
    this.pending = undefined;
    if (pending === undefined || this.last === undefined) return;
    if (next !== undefined && RESUMES.has(next.tokenType)) return;
    if (this.last.tokenType === T.OpenBrace || this.last.tokenType === T.Separator) return;
    this.breakChain();
    this.out.push(retag(pending, T.Separator));
  }

  private breakChain(): void {
    if (this.frame === undefined) this.depth = 0;
    else {
      this.depth -= this.frame.chain;
      this.frame.chain = 0;
    }
  }

  private deepen(): void {
    this.depth += 1;
    if (this.frame !== undefined) this.frame.chain += 1;
  }

  private emit(token: IToken): void {
    if (token.tokenType === T.Comma) this.breakChain();
    if (DEEPENS.has(token.tokenType)) this.deepen();
    if (token.tokenType === T.FatArrow) this.markLambda();
    this.out.push(token);
  }

  private open(token: IToken, close: TokenType): void {
    const before = this.last?.tokenType;
    const names = token.tokenType === T.OpenBrace && holdsNames(this.last);
    const frame: Frame = {
      open: token,
      at: this.out.length,
      close,
      lines: token.tokenType === T.OpenBrace && !names,
      contraction: token.tokenType === T.OpenSquare && before === T.At,
      chain: 0,
    };
    this.frames.push(frame);
    this.depth += 1;
    this.out.push(token);
  }

  private close(token: IToken): void {
    if (!this.closesSomething(token)) {
      const close = token.image;
      this.diagnostics.push(syntaxDiagnostic('unmatched-bracket', { close }, { span: this.spanOf(token) }));
      this.mended.push(this.spanOf(token));
      return;
    }
    while (this.frame !== undefined && this.frame.close !== token.tokenType) this.mend(token);
    this.shut(token);
  }

  /** A `)` or `]` does not reach beyond the innermost `{`: one too many is likelier than a forgotten `}`. */
  private closesSomething(token: IToken): boolean {
    for (const { close } of this.frames.toReversed()) {
      if (close === token.tokenType) return true;
      if (close === T.CloseBrace) return false;
    }
    return false;
  }

  /** Closes the innermost bracket with `token`. */
  private shut(token: IToken): void {
    const frame = present(this.frames.pop(), 'an open bracket');
    this.depth -= 1 + frame.chain;
    const last = this.last;
    if (last?.tokenType === T.Comma) this.out[this.out.length - 1] = retag(last, T.TrailingComma);
    this.deepenAfter(frame);
    this.endsContraction = frame.contraction;
    this.closed = frame;
    this.out.push(token);
  }

  private closed: Frame | undefined;

  /** A call or an index makes what stands behind it one level deeper, as an operator does. */
  private deepenAfter(frame: Frame): void {
    if (frame.close !== T.CloseBrace) this.deepen();
  }

  private markLambda(): void {
    if (this.last?.tokenType !== T.CloseParen || this.closed === undefined) return;
    this.out[this.closed.at] = retag(this.closed.open, T.LambdaParen);
  }

  /** Closes brackets that are still open where a line begins with a word that cannot stand in them. */
  private closeForgotten(token: IToken, next: IToken | undefined): void {
    const axis = token.tokenType === T.Axis && this.last?.tokenType !== T.Colon;
    if (STATEMENTS.has(token.tokenType) || axis) {
      while (this.frame?.lines === false) this.mend(token);
      this.pending ??= this.continued;
    }
    const binds = token.tokenType === T.Name && (next?.tokenType === T.Equals || next?.tokenType === T.Colon);
    if (binds && this.frame?.lines !== false) this.pending ??= this.continued;
    this.continued = undefined;
    if (ITEMS.has(token.tokenType) && token.startColumn === 1) while (this.frame !== undefined) this.mend(token);
  }

  /** Reports the innermost bracket as never closed and closes it, before `cause` or at the end of the file. */
  private mend(cause: IToken | undefined): void {
    const { open, close } = present(this.frame, 'an open bracket');
    const sign = present(SIGNS.get(close), 'a closing sign');
    const labels =
      cause === undefined ? [] : [{ span: this.spanOf(cause), text: `\`${sign}\` is missing before this` }];
    const params = { open: open.image, close: sign, before: cause && `\`${cause.image}\`` };
    this.diagnostics.push(syntaxDiagnostic('unclosed-bracket', params, { span: this.spanOf(open), labels }));
    const end = this.last === undefined ? 0 : this.last.startOffset + this.last.image.length;
    this.mended.push({ source: this.source, start: open.startOffset, end: cause?.startOffset ?? end });
    this.pending = undefined;
    this.shut(emptyToken(close, end));
    if (cause !== undefined && STATEMENTS.has(cause.tokenType)) this.pending = emptyToken(T.Semicolon, end);
  }

  private spanOf(token: IToken): Span {
    return { source: this.source, start: token.startOffset, end: token.startOffset + token.image.length };
  }
}

/** A `{` behind `before` encloses names, not statements. */
export function holdsNames(before: IToken | undefined): boolean {
  return before?.tokenType === T.Dot || before?.tokenType === T.Weights;
}

function emptyToken(type: TokenType, at: number): IToken {
  return createTokenInstance(type, '', at, at - 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
}

function retag(token: IToken, type: TokenType): IToken {
  return { ...token, tokenType: type, tokenTypeIdx: present(type.tokenTypeIdx, 'a token type index') };
}
