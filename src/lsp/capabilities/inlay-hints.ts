import { type InlayHint, InlayHintKind } from 'vscode-languageserver';
import { axesText } from '../../compiler/elaborate/describe.ts';
import type { Span } from '../../compiler/support/source.ts';
import { nodesIn } from '../../compiler/syntax/nodes.ts';
import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { offsetOf, rangeOf } from '../places.ts';
import { valuesOf } from '../values-of.ts';

/** The axes of what a binding binds, where it does not say them itself and they are the same in every call. */
export const inlayHints: Capability = {
  announces: { inlayHintProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.languages.inlayHint.on(({ textDocument, range }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        if (!analysis) return [];
        const [start, end] = [offsetOf(analysis, range.start), offsetOf(analysis, range.end)];
        return hintsOf(analysis).flatMap(({ span, text }): readonly InlayHint[] =>
          span.end < start || span.end > end
            ? []
            : [{ position: rangeOf(span).end, label: `: ${text}`, kind: InlayHintKind.Type }],
        );
      }, []),
    );
  },
};

function hintsOf(analysis: Analysis): readonly { readonly span: Span; readonly text: string }[] {
  return [...nodesIn(analysis.inspection.tree)].flatMap((node) => {
    if (node.kind !== 'binding' || node.type || node.pattern.kind !== 'name-pattern') return [];
    const values = valuesOf(analysis, node.value);
    const texts = new Set(values.map((value) => (value.kind === 'tensor' ? axesText(value.value.type.axes) : '')));
    const [text] = texts;
    const isPlain = texts.size === 1 && text !== undefined && text !== '' && text !== '[]';
    return isPlain ? [{ span: node.pattern.name.span, text }] : [];
  });
}
