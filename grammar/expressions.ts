/** The rules of expressions, and of what a lambda has: parameters, patterns and types. */
import { type CstNode, CstParser, type IParserConfig, type ParserMethod, type TokenType } from 'chevrotain';
import * as T from './tokens.ts';

const OPERATORS: readonly TokenType[] = [
  T.Or,
  T.And,
  T.EqualEqual,
  T.NotEqual,
  T.Less,
  T.LessEqual,
  T.Greater,
  T.GreaterEqual,
  T.Plus,
  T.Minus,
  T.Star,
  T.Slash,
  T.Percent,
  T.Caret,
];

export abstract class ExpressionParser extends CstParser {
  constructor(config: IParserConfig) {
    super([...T.vocabulary], config);
  }

  /** The body of a lambda, whose statements hold expressions in turn. */
  abstract readonly body: ParserMethod<[], CstNode>;

  readonly names = this.RULE('names', () => {
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.CONSUME(T.Name) });
    this.OPTION(() => this.CONSUME(T.TrailingComma));
  });

  readonly params = this.RULE('params', () => {
    this.CONSUME(T.Paren);
    this.SUBRULE(this.paramTail);
  });

  /** Parameters behind the `(`, which is of another kind before a lambda. */
  readonly paramTail = this.RULE('paramTail', () => {
    this.OPTION(() => {
      this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.param) });
      this.OPTION2(() => this.CONSUME(T.TrailingComma));
    });
    this.CONSUME(T.CloseParen);
  });

  readonly param = this.RULE('param', () => {
    this.SUBRULE(this.pattern);
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      this.SUBRULE(this.paramType);
    });
    this.OPTION2(() => {
      this.CONSUME(T.Equals);
      this.SUBRULE(this.expr);
    });
  });

  readonly paramType = this.RULE('paramType', () => {
    this.OR([{ ALT: () => this.CONSUME(T.Axis) }, { ALT: () => this.SUBRULE(this.type) }]);
  });

  readonly pattern = this.RULE('pattern', () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.CONSUME(T.Underscore) },
      {
        ALT: () => {
          this.CONSUME(T.Paren);
          this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.pattern) });
          this.OPTION(() => this.CONSUME(T.TrailingComma));
          this.CONSUME(T.CloseParen);
        },
      },
    ]);
  });

  readonly type = this.RULE('type', () => {
    this.OPTION(() => this.CONSUME(T.Name));
    this.CONSUME(T.OpenSquare);
    this.OPTION2(() => this.SUBRULE(this.dims));
    this.CONSUME(T.CloseSquare);
  });

  readonly dims = this.RULE('dims', () => {
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.dim) });
    this.OPTION(() => this.CONSUME(T.TrailingComma));
  });

  readonly dim = this.RULE('dim', () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Name) },
      {
        ALT: () => {
          this.CONSUME(T.DotDot);
          this.OPTION(() => this.CONSUME2(T.Name));
        },
      },
    ]);
  });

  readonly expr = this.RULE('expr', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.lambda) },
      { ALT: () => this.SUBRULE(this.conditional) },
      {
        ALT: () => {
          this.SUBRULE(this.operand);
          this.MANY(() => {
            this.SUBRULE(this.operator);
            this.SUBRULE2(this.operand);
          });
        },
      },
    ]);
  });

  readonly lambda = this.RULE('lambda', () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.CONSUME(T.Underscore) },
      {
        ALT: () => {
          this.CONSUME(T.LambdaParen);
          this.SUBRULE(this.paramTail);
        },
      },
    ]);
    this.CONSUME(T.FatArrow);
    this.OR2([{ ALT: () => this.SUBRULE(this.body) }, { ALT: () => this.SUBRULE(this.expr) }]);
  });

  readonly conditional = this.RULE('conditional', () => {
    this.CONSUME(T.If);
    this.SUBRULE(this.expr);
    this.CONSUME(T.Then);
    this.SUBRULE2(this.expr);
    this.CONSUME(T.Else);
    this.SUBRULE3(this.expr);
  });

  readonly operator = this.RULE('operator', () => {
    this.OR([
      ...OPERATORS.map((type) => ({ ALT: () => this.CONSUME(type) })),
      {
        ALT: () => {
          this.CONSUME(T.At);
          this.OPTION(() => {
            this.CONSUME(T.OpenSquare);
            this.OPTION2(() => this.SUBRULE(this.names));
            this.CONSUME(T.CloseSquare);
          });
        },
      },
    ]);
  });

  readonly operand = this.RULE('operand', () => {
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(T.Minus) }, { ALT: () => this.CONSUME(T.Not) }]);
    });
    this.OR2([
      { ALT: () => this.CONSUME(T.NumberLiteral) },
      { ALT: () => this.CONSUME(T.StringLiteral) },
      { ALT: () => this.CONSUME(T.True) },
      { ALT: () => this.CONSUME(T.False) },
      { ALT: () => this.CONSUME(T.None) },
      { ALT: () => this.CONSUME(T.Inf) },
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.CONSUME(T.Underscore) },
      {
        // A tuple, a record, or an expression in parentheses.
        ALT: () => {
          this.CONSUME(T.PlainParen);
          this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.entry) });
          this.OPTION(() => this.CONSUME(T.TrailingComma));
          this.CONSUME(T.CloseParen);
        },
      },
      {
        // A list.
        ALT: () => {
          this.CONSUME(T.OpenSquare);
          this.OPTION2(() => {
            this.AT_LEAST_ONE_SEP2({ SEP: T.Comma, DEF: () => this.SUBRULE(this.expr) });
            this.OPTION3(() => this.CONSUME2(T.TrailingComma));
          });
          this.CONSUME(T.CloseSquare);
        },
      },
    ]);
    this.MANY2(() => this.SUBRULE(this.suffix));
  });

  readonly entry = this.RULE('entry', () => {
    this.OPTION(() => {
      this.CONSUME(T.Name);
      this.CONSUME(T.Equals);
    });
    this.SUBRULE(this.expr);
  });

  /** A call, a member or an index. */
  readonly suffix = this.RULE('suffix', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.Paren);
          this.OPTION(() => {
            this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.arg) });
            this.OPTION2(() => this.CONSUME(T.TrailingComma));
          });
          this.CONSUME(T.CloseParen);
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.Dot);
          this.SUBRULE(this.key);
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.OpenSquare);
          this.OR2([
            {
              GATE: () => this.atAxisOperation(),
              ALT: () => {
                this.AT_LEAST_ONE_SEP2({ SEP: T.Comma, DEF: () => this.SUBRULE(this.axisOp) });
                this.OPTION3(() => this.CONSUME2(T.TrailingComma));
              },
            },
            { ALT: () => this.SUBRULE(this.expr), IGNORE_AMBIGUITIES: true },
          ]);
          this.CONSUME(T.CloseSquare);
        },
      },
    ]);
  });

  readonly key = this.RULE('key', () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.CONSUME(T.Star) },
      { ALT: () => this.CONSUME(T.NumberLiteral) },
    ]);
  });

  readonly arg = this.RULE('arg', () => {
    this.OPTION(() => {
      this.CONSUME(T.Name);
      this.CONSUME(T.Equals);
    });
    this.OR([{ ALT: () => this.CONSUME(T.DotDot) }, { ALT: () => this.SUBRULE(this.expr) }]);
  });

  readonly axisOp = this.RULE('axisOp', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.Name);
          this.CONSUME(T.Equals);
          this.SUBRULE(this.expr);
          this.OPTION(() => {
            this.CONSUME(T.DotDot);
            this.SUBRULE2(this.expr);
          });
        },
      },
      {
        ALT: () => {
          this.SUBRULE(this.axes, { LABEL: 'from' });
          this.CONSUME(T.Arrow);
          this.SUBRULE2(this.axes, { LABEL: 'to' });
        },
      },
    ]);
  });

  readonly axes = this.RULE('axes', () => {
    this.AT_LEAST_ONE_SEP({ SEP: T.Star, DEF: () => this.CONSUME(T.Name) });
  });

  /** `NAME =` or `NAME * … ->`. Two tokens cannot tell: many names may stand before the arrow. */
  private atAxisOperation(): boolean {
    if (this.LA(1).tokenType !== T.Name) return false;
    let k = 2;
    while (this.LA(k).tokenType === T.Star && this.LA(k + 1).tokenType === T.Name) k += 2;
    return this.LA(k).tokenType === T.Arrow || (k === 2 && this.LA(k).tokenType === T.Equals);
  }
}
