/**
 * The grammar of `.tfm` files, rule by rule as in README.md, for chevrotain: declarations and statements.
 *
 * The parser reads one declaration at a time and stops at its first error: `src/compiler/syntax/recover.ts` then leaves
 * the statement with the error out and parses again. Operators are parsed as one flat chain, whose precedence the syntax
 * tree resolves: that keeps the parser's stack short for deeply nested expressions. Errors carry no prose here;
 * `src/compiler/syntax/describe-error.ts` finds the words.
 */
import type {
  CstNode,
  IParserErrorMessageProvider,
  IRecognitionException,
  ISerializedGast,
  IToken,
  ParserMethod,
} from 'chevrotain';
import { ExpressionParser } from './expressions.ts';
import * as T from './tokens.ts';

/** Leaves in each error's message what was expected, for the compiler to describe. */
const silentMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => 'end',
  buildNoViableAltMessage: ({ ruleName }) => ruleName,
  buildEarlyExitMessage: ({ ruleName }) => ruleName,
};

class TfmParser extends ExpressionParser {
  constructor(skipValidations: boolean) {
    super({
      skipValidations,
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

  override readonly body: ParserMethod<[], CstNode> = this.RULE('body', () => {
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
          this.SUBRULE(this.segNames);
          this.CONSUME(T.CloseBrace);
        },
      },
    ]);
  });

  /** Of what lies in a path iterations are called by number. */
  readonly segNames = this.RULE('segNames', () => {
    this.AT_LEAST_ONE_SEP({
      SEP: T.Comma,
      DEF: () => this.OR([{ ALT: () => this.CONSUME(T.Name) }, { ALT: () => this.CONSUME(T.NumberLiteral) }]),
    });
    this.OPTION(() => this.CONSUME(T.TrailingComma));
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
}

// Whether the grammar is sound changes only when it does, and finding out takes longer than reading a specification.
const parser = new TfmParser(true);

/** Throws when a token or a rule is ambiguous, cannot be reached or does not end. */
export function validateGrammar(): void {
  T.makeLexer(false);
  new TfmParser(false);
}

/** The rules as data, from which diagrams, the printed grammar, and sentences for tests are made. */
export function serializedRules(): readonly ISerializedGast[] {
  return parser.getSerializedGastProductions();
}

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
