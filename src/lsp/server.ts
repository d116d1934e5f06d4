/** The language server: the protocol of editors over two streams. */
import {
  type Connection,
  createConnection,
  PositionEncodingKind,
  ProposedFeatures,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { version } from '../runtime/version.ts';
import { CAPABILITIES } from './capabilities.ts';
import { makeWorkspace } from './workspace.ts';

/** Serves one editor until it says goodbye or its stream ends, which ends the process. */
export function serve(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): void {
  const connection = createConnection(ProposedFeatures.all, input, output);
  const workspace = makeWorkspace();
  const answer = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (error) {
      connection.console.error(`tfm has a defect: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
      return otherwise;
    }
  };
  connection.onInitialize(() => ({
    serverInfo: { name: 'tfm', version: version() },
    capabilities: Object.assign(
      { positionEncoding: PositionEncodingKind.UTF16, textDocumentSync: TextDocumentSyncKind.Incremental },
      ...CAPABILITIES.map(({ announces }) => announces),
    ),
  }));
  followDocuments(connection, workspace);
  for (const { register } of CAPABILITIES) register(connection, { workspace, answer });
  connection.listen();
}

function followDocuments(connection: Connection, workspace: ReturnType<typeof makeWorkspace>): void {
  connection.onDidOpenTextDocument(({ textDocument: { uri, version: number, text } }) =>
    workspace.open(uri, number, text),
  );
  connection.onDidChangeTextDocument(({ textDocument: { uri, version: number }, contentChanges }) =>
    workspace.change(uri, number, contentChanges),
  );
  connection.onDidCloseTextDocument(({ textDocument }) => workspace.close(textDocument.uri));
  connection.onDidChangeWatchedFiles(() => workspace.filesChanged());
}
