import { CompletionItemKind, MarkupKind } from 'vscode-languageserver';
import type { Capability } from '../capability.ts';
import { completedAt } from '../completed.ts';
import { type Proposal, proposalsAt } from '../proposals.ts';

const KINDS: { readonly [K in Proposal['kind']]: CompletionItemKind } = {
  name: CompletionItemKind.Variable,
  function: CompletionItemKind.Function,
  axis: CompletionItemKind.Unit,
  weight: CompletionItemKind.Field,
  key: CompletionItemKind.Property,
  keyword: CompletionItemKind.Keyword,
  module: CompletionItemKind.Module,
};

/** Names in scope, keys, named arguments, axes, attributes, keys of train blocks and modules, each where it may stand. */
export const completion: Capability = {
  announces: { completionProvider: { triggerCharacters: ['.', '[', '{', '('] } },
  register: (connection, { workspace, answer }) => {
    connection.onCompletion(({ textDocument, position }) =>
      answer(() => {
        const completed = completedAt(workspace, textDocument.uri, position);
        const proposals = completed ? proposalsAt(completed) : [];
        return proposals.map(({ label, kind, detail, doc, insert }, i) => ({
          label,
          kind: KINDS[kind],
          // What is nearest comes first.
          sortText: String(i).padStart(4, '0'),
          ...(detail === undefined ? {} : { detail }),
          ...(doc === undefined ? {} : { documentation: { kind: MarkupKind.Markdown, value: doc } }),
          ...(insert === undefined ? {} : { insertText: insert }),
        }));
      }, []),
    );
  },
};
