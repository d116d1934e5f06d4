import type { Capability } from '../capability.ts';
import { occurrencesOf } from '../occurrences.ts';
import { locationOf, offsetOf } from '../places.ts';
import { targetAt } from '../target.ts';

/** All places of a name in the open files. */
export const references: Capability = {
  announces: { referencesProvider: true, documentHighlightProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onReferences(({ textDocument, position, context }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        const target = analysis && targetAt(analysis, offsetOf(analysis, position));
        const found = target && occurrencesOf(analysis, target, workspace.analyses());
        const places = found?.places.filter((span) => context.includeDeclaration || span !== found.origin) ?? [];
        return places.flatMap((span) => locationOf(span) ?? []);
      }, []),
    );
    connection.onDocumentHighlight(({ textDocument, position }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        const target = analysis && targetAt(analysis, offsetOf(analysis, position));
        const found = target && occurrencesOf(analysis, target, [analysis]);
        const locations = found?.places.flatMap((span) => locationOf(span) ?? []) ?? [];
        return locations.filter(({ uri }) => uri === textDocument.uri).map(({ range }) => ({ range }));
      }, []),
    );
  },
};
