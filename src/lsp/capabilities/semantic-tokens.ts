import { SemanticTokensBuilder } from 'vscode-languageserver';
import type { Span } from '../../compiler/support/source.ts';
import { type Declared, placesOf } from '../../compiler/syntax/names.ts';
import { nodesIn } from '../../compiler/syntax/nodes.ts';
import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { declarationIn } from '../declarations-of.ts';
import { rangeOf } from '../places.ts';

const TYPES = ['function', 'class', 'variable', 'parameter', 'typeParameter', 'property'] as const;
type TokenType = (typeof TYPES)[number];

/** What names are, which a grammar of single lines cannot tell: axes, weights, parameters, functions. */
export const semanticTokens: Capability = {
  announces: { semanticTokensProvider: { legend: { tokenTypes: [...TYPES], tokenModifiers: [] }, full: true } },
  register: (connection, { workspace, answer }) => {
    connection.languages.semanticTokens.on(({ textDocument }) =>
      answer(
        () => {
          const builder = new SemanticTokensBuilder();
          const analysis = workspace.analysis(textDocument.uri);
          for (const { span, type } of analysis ? tokensOf(analysis) : []) {
            const { start } = rangeOf(span);
            builder.push(start.line, start.character, span.end - span.start, TYPES.indexOf(type), 0);
          }
          return builder.build();
        },
        { data: [] },
      ),
    );
  },
};

interface Token {
  readonly span: Span;
  readonly type: TokenType;
}

const KINDS: { readonly [K in Exclude<Declared['kind'], 'import'>]: TokenType } = {
  function: 'function',
  model: 'class',
  value: 'variable',
  parameter: 'parameter',
  axis: 'typeParameter',
  weight: 'property',
  variable: 'variable',
  local: 'variable',
};

/** In the order of the text. */
function tokensOf({ names, inspection }: Analysis): readonly Token[] {
  const declared = names.declared.flatMap((one) =>
    placesOf(one).map((span): Token => ({ span, type: typeOf(one, inspection.tree) })),
  );
  const keys = [...nodesIn(inspection.tree)].flatMap((node): readonly Token[] =>
    node.kind === 'member' ? [{ span: node.key.span, type: 'property' }] : [],
  );
  return [...declared, ...keys].sort((a, b) => a.span.start - b.span.start);
}

function typeOf({ kind, name }: Declared, tree: Analysis['inspection']['tree']): TokenType {
  if (kind !== 'import') return KINDS[kind];
  return declarationIn(tree, name)?.item.kind === 'fn' ? 'function' : 'variable';
}
