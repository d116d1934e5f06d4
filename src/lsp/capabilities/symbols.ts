import { type DocumentSymbol, SymbolKind } from 'vscode-languageserver';
import { namesOf } from '../../compiler/elaborate/pattern.ts';
import type { Span } from '../../compiler/support/source.ts';
import type { File, Item, Name, Statement } from '../../compiler/syntax/ast.ts';
import type { Capability } from '../capability.ts';
import { rangeOf } from '../places.ts';

/** The outline: declarations, and what their bodies bind. */
export const symbols: Capability = {
  announces: { documentSymbolProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onDocumentSymbol(({ textDocument }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        return analysis ? symbolsOf(analysis.inspection.tree) : [];
      }, []),
    );
  },
};

function symbolsOf({ items }: File): DocumentSymbol[] {
  return items.flatMap(itemSymbols);
}

function itemSymbols(item: Item): readonly DocumentSymbol[] {
  switch (item.kind) {
    case 'fn': {
      const kind = item.model ? SymbolKind.Class : SymbolKind.Function;
      return [symbol(item.name, kind, item.span, item.body.statements.flatMap(statementSymbols))];
    }
    case 'binding-item':
      return namesOf(item.binding.pattern).map((name) => symbol(name, SymbolKind.Constant, item.span));
    case 'train': {
      const { name, model } = item;
      const text = model.span.source.text.slice(model.span.start, model.span.end);
      const entries = item.entries.flatMap(statementSymbols);
      return [symbol(name ?? { text: `train ${text}`, span: model.span }, SymbolKind.Event, item.span, entries)];
    }
  }
}

function statementSymbols(statement: Statement): readonly DocumentSymbol[] {
  switch (statement.kind) {
    case 'binding':
      return namesOf(statement.pattern).map((name) => symbol(name, SymbolKind.Variable, statement.span));
    case 'axis':
      return [symbol(statement.name, SymbolKind.TypeParameter, statement.span)];
    case 'param':
      return statement.names.map((name) => symbol(name, SymbolKind.Field, statement.span));
    case 'probe':
      return [symbol(statement.name, SymbolKind.Event, statement.span)];
    case 'for': {
      const [variable] = statement.names;
      const inner = statement.body.flatMap(statementSymbols);
      return variable ? [symbol(variable, SymbolKind.Namespace, statement.span, inner)] : inner;
    }
    case 'if':
      return [...statement.whenTrue, ...statement.whenFalse].flatMap(statementSymbols);
    case 'rule':
      return [];
  }
}

function symbol(name: Name, kind: SymbolKind, span: Span, children: readonly DocumentSymbol[] = []): DocumentSymbol {
  const range = rangeOf(span);
  return { name: name.text, kind, range, selectionRange: rangeOf(name.span), children: [...children] };
}
