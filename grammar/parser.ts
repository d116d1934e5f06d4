/**
 * The grammar of `.tfm` files, rule by rule as in README.md, for chevrotain.
 *
 * The parser reads one declaration at a time and stops at its first error: `src/compiler/syntax/recover.ts` then leaves
 * the statement with the error out and parses again. Operators are parsed as one flat chain, whose precedence the syntax tree resolves: that keeps the parser's stack short
 * for deeply nested expressions. Errors carry no prose here; `src/compiler/syntax/describe-error.ts` finds the words.
 */
import {
  type CstNode,
  CstParser,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  type TokenType,
} from 'chevrotain';
import * as T from './tokens.ts';

/** Leaves in each error's message what was expected, for the compiler to describe. */
const silentMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => 'end',
  buildNoViableAltMessage: ({ ruleName }) => ruleName,
  buildEarlyExitMessage: ({ ruleName }) => ruleName,
};

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

class TfmParser extends CstParser {
  constructor() {
    super([...T.vocabulary], {
      recoveryEnabled: false,
      maxLookahead: 2,
      nodeLocationTracking: 'onlyOffset',
      errorMessageProvider: silentMessages,
    });
    this.performSelfAnalysis();
  }

  readonly item = this.RULE('item', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.use) },
      { ALT: () => this.SUBRULE(this.fn) },
      { ALT: () => this.SUBRULE(this.train) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  readonly use = this.RULE('use', () => {
    this.CONSUME(T.Use);
    this.OR([
      { ALT: () => this.CONSUME(T.StringLiteral) },
      {
        ALT: () => {
          this.CONSUME(T.Name);
          this.MANY(() => {
            this.CONSUME(T.Dot);
            this.CONSUME2(T.Name);
          });
        },
      },
    ]);
    this.OPTION(() => {
      this.CONSUME2(T.Dot);
      this.CONSUME(T.OpenBrace);
      this.SUBRULE(this.names);
      this.CONSUME(T.CloseBrace);
    });
  });

  readonly names = this.RULE('names', () => {
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.CONSUME(T.Name) });
    this.OPTION(() => this.CONSUME(T.TrailingComma));
  });

  readonly fn = this.RULE('fn', () => {
    this.OR([{ ALT: () => this.CONSUME(T.Fn) }, { ALT: () => this.CONSUME(T.Model) }]);
    this.CONSUME(T.Name);
    this.SUBRULE(this.params);
    this.OPTION(() => this.SUBRULE2(this.params));
    this.OPTION2(() => {
      this.CONSUME(T.Arrow);
      this.SUBRULE(this.type);
    });
    this.SUBRULE(this.fnBody);
  });

  readonly fnBody = this.RULE('fnBody', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.Equals);
          this.SUBRULE(this.expr);
        },
      },
      { ALT: () => this.SUBRULE(this.body) },
    ]);
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

  readonly body = this.RULE('body', () => {
    this.CONSUME(T.OpenBrace);
    this.MANY_SEP({ SEP: T.Separator, DEF: () => this.SUBRULE(this.stmt) });
    this.CONSUME(T.CloseBrace);
  });

  readonly stmt = this.RULE('stmt', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.axis) },
      { ALT: () => this.SUBRULE(this.weight) },
      { ALT: () => this.SUBRULE(this.rule) },
      { ALT: () => this.SUBRULE(this.probe) },
      { ALT: () => this.SUBRULE(this.forLoop) },
      { ALT: () => this.SUBRULE(this.ifStmt) },
      { ALT: () => this.SUBRULE(this.returnStmt) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  readonly binding = this.RULE('binding', () => {
    this.SUBRULE(this.pattern);
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expr);
  });

  readonly returnStmt = this.RULE('returnStmt', () => {
    this.CONSUME(T.Return);
    this.SUBRULE(this.expr);
  });

  readonly axis = this.RULE('axis', () => {
    this.CONSUME(T.Axis);
    this.CONSUME(T.Name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expr);
  });

  readonly weight = this.RULE('weight', () => {
    this.CONSUME(T.Param);
    this.SUBRULE(this.names);
    this.CONSUME(T.Colon);
    this.CONSUME(T.OpenSquare);
    this.OPTION(() => this.SUBRULE(this.dims, { LABEL: 'from' }));
    this.OPTION2(() => {
      this.CONSUME(T.Arrow);
      this.SUBRULE2(this.dims, { LABEL: 'to' });
    });
    this.CONSUME(T.CloseSquare);
    this.CONSUME(T.Tilde);
    this.SUBRULE(this.expr);
    this.OPTION3(() => this.SUBRULE(this.attrs));
  });

  readonly attrs = this.RULE('attrs', () => {
    this.CONSUME(T.OpenBrace);
    this.MANY_SEP({ SEP: T.Separator, DEF: () => this.SUBRULE(this.attr) });
    this.CONSUME(T.CloseBrace);
  });

  readonly attr = this.RULE('attr', () => {
    this.CONSUME(T.Name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expr);
  });

  readonly rule = this.RULE('rule', () => {
    this.CONSUME(T.Weights);
    this.AT_LEAST_ONE_SEP({ SEP: T.Dot, DEF: () => this.SUBRULE(this.seg) });
    this.SUBRULE(this.attrs);
  });

  readonly seg = this.RULE('seg', () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.CONSUME(T.NumberLiteral) },
      { ALT: () => this.CONSUME(T.Star) },
      { ALT: () => this.CONSUME(T.StarStar) },
      {
        ALT: () => {
          this.CONSUME(T.OpenBrace);
          this.SUBRULE(this.names);
          this.CONSUME(T.CloseBrace);
        },
      },
    ]);
  });

  readonly probe = this.RULE('probe', () => {
    this.CONSUME(T.Probe);
    this.CONSUME(T.Name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expr);
  });

  readonly forLoop = this.RULE('forLoop', () => {
    this.CONSUME(T.For);
    this.CONSUME(T.Name);
    this.OPTION(() => {
      this.CONSUME(T.Comma);
      this.CONSUME2(T.Name);
    });
    this.CONSUME(T.In);
    this.SUBRULE(this.expr);
    this.OPTION2(() => {
      this.CONSUME(T.DotDot);
      this.SUBRULE2(this.expr);
    });
    this.SUBRULE(this.body);
  });

  readonly ifStmt = this.RULE('ifStmt', () => {
    this.CONSUME(T.If);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.body);
    this.OPTION(() => {
      this.CONSUME(T.Else);
      this.OR([
        { ALT: () => this.SUBRULE(this.ifStmt) },
        { ALT: () => this.SUBRULE2(this.body, { LABEL: 'otherwise' }) },
      ]);
    });
  });

  readonly train = this.RULE('train', () => {
    this.CONSUME(T.Train);
    this.OPTION(() => {
      this.CONSUME(T.Name);
      this.CONSUME(T.Colon);
    });
    this.SUBRULE(this.expr);
    this.CONSUME(T.OpenBrace);
    this.MANY_SEP({ SEP: T.Separator, DEF: () => this.SUBRULE(this.trainEntry) });
    this.CONSUME(T.CloseBrace);
  });

  readonly trainEntry = this.RULE('trainEntry', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.rule) },
      { ALT: () => this.SUBRULE(this.probe) },
      { ALT: () => this.SUBRULE(this.binding) },
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

  /** `NAME =` or `NAME * … ->`: any number of names may stand before the arrow, so two tokens cannot tell. */
  private atAxisOperation(): boolean {
    if (this.LA(1).tokenType !== T.Name) return false;
    let k = 2;
    while (this.LA(k).tokenType === T.Star && this.LA(k + 1).tokenType === T.Name) k += 2;
    return this.LA(k).tokenType === T.Arrow || (k === 2 && this.LA(k).tokenType === T.Equals);
  }
}

const parser = new TfmParser();

export type ItemResult =
  | { readonly kind: 'tree'; readonly tree: CstNode }
  | { readonly kind: 'error'; readonly error: IRecognitionException };

/** Parses the laid-out tokens of one declaration, up to its first error. */
export function parseItem(tokens: readonly IToken[]): ItemResult {
  parser.input = [...tokens];
  const tree = parser.item();
  const [error] = parser.errors;
  return error === undefined ? { kind: 'tree', tree } : { kind: 'error', error };
}
