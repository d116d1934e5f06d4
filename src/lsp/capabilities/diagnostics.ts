import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { publishedOf } from '../publish.ts';

/** Long enough for a word to be typed, short enough to be there when the eye looks up. */
const DELAY_MS = 150;

/** Errors and warnings, as the text changes: of a document, and of those that use it. */
export const diagnostics: Capability = {
  announces: {},
  register: (connection, { workspace, answer }) => {
    const told = new Map<string, Analysis>();
    let timer: NodeJS.Timeout | undefined;
    const tell = (uri: string): void => {
      const analysis = answer(() => workspace.analysis(uri), undefined);
      if (!analysis || told.get(uri) === analysis) return;
      told.set(uri, analysis);
      const list = answer(() => publishedOf(analysis).map(([, published]) => published), []);
      void connection.sendDiagnostics({ uri, version: analysis.version, diagnostics: list });
    };
    workspace.onChange((closed) => {
      if (closed !== undefined) {
        told.delete(closed);
        void connection.sendDiagnostics({ uri: closed, diagnostics: [] });
      }
      clearTimeout(timer);
      timer = setTimeout(() => {
        for (const uri of workspace.uris()) tell(uri);
      }, DELAY_MS);
    });
  },
};
