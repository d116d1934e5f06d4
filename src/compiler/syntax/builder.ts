import type { CstNode, IToken } from 'chevrotain';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Source } from '../support/source.ts';
import type { Body, Name } from './ast.ts';
import { spanOf } from './cst.ts';

/** What every function that builds syntax trees needs. */
export interface Builder {
  readonly source: Source;
  readonly report: (diagnostic: Diagnostic) => void;
  /** Builds the body of a lambda: bodies hold expressions and expressions hold bodies. */
  readonly lambdaBody: (body: CstNode) => Body;
}

export function nameOf(build: Builder, token: IToken): Name {
  return { text: token.image, span: spanOf(build.source, token) };
}
