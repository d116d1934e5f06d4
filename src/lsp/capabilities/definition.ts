import type { Capability } from '../capability.ts';
import { definitionsOf } from '../definition-of.ts';
import { locationOf, offsetOf } from '../places.ts';
import { targetAt } from '../target.ts';

/** From a name to where it is bound: in this file, in one that it uses, or in the library. */
export const definition: Capability = {
  announces: { definitionProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onDefinition(({ textDocument, position }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        const target = analysis && targetAt(analysis, offsetOf(analysis, position));
        return target ? definitionsOf(analysis, target).flatMap((span) => locationOf(span) ?? []) : [];
      }, []),
    );
  },
};
