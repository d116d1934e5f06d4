import { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { formatSource } from '../../compiler/format/format.ts';
import type { Capability } from '../capability.ts';
import { rangeOf } from '../places.ts';

/** The canonical form of a document. One with syntax errors, which are shown at their places, stays as it is. */
export const formatting: Capability = {
  announces: { documentFormattingProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onDocumentFormatting(({ textDocument }) =>
      answer(() => {
        const source = workspace.analysis(textDocument.uri)?.source;
        if (!source) return [];
        try {
          const newText = formatSource(source);
          const range = rangeOf({ source, start: 0, end: source.text.length });
          return newText === source.text ? [] : [{ range, newText }];
        } catch (error) {
          if (error instanceof Failure) return [];
          throw error;
        }
      }, []),
    );
  },
};
