/** An editor without a window: it starts `tfm lsp` as a child and speaks the protocol with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  type Diagnostic,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import { present } from '../../src/compiler/support/invariant.ts';
import { temporaryFolder } from './temporary.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface LanguageClient {
  readonly connection: ProtocolConnection;
  readonly folder: string;
  /** What the server logged: nothing, unless it has a defect. */
  readonly logged: readonly string[];
  readonly uri: (name: string) => string;
  /** Opens a document, or replaces its text; the name is one of the folder, or a whole URI. */
  readonly write: (name: string, text: string) => void;
  readonly close: (name: string) => void;
  /** The diagnostics of the version that was written last. */
  readonly diagnostics: (name: string) => Promise<readonly Diagnostic[]>;
  readonly request: <T>(method: string, name: string, more?: object) => Promise<T>;
  /** Says goodbye and gives the exit code of the server. */
  readonly stop: () => Promise<number | null>;
}

export async function startLanguageClient(files: Readonly<Record<string, string>> = {}): Promise<LanguageClient> {
  const folder = temporaryFolder(files);
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(root, 'src/cli/main.ts'), 'lsp', '--stdio'],
    { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = exitOf(child);
  const connection = createProtocolConnection(
    new StreamMessageReader(present(child.stdout, 'stdout')),
    new StreamMessageWriter(present(child.stdin, 'stdin')),
  );
  const uri = (name: string): string => (name.includes(':') ? name : pathToFileURL(join(folder, name)).href);
  const logged: string[] = [];
  const published = new Map<string, PublishDiagnosticsParams>();
  const versions = new Map<string, number>();
  let awaken: () => void = () => undefined;
  connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
    published.set(params.uri, params);
    awaken();
  });
  connection.onNotification('window/logMessage', ({ message }: { message: string }) => {
    logged.push(message);
  });
  connection.listen();
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  void connection.sendNotification('initialized', {});

  const write = (name: string, text: string): void => {
    const known = versions.get(uri(name));
    const version = (known ?? 0) + 1;
    versions.set(uri(name), version);
    const textDocument = { uri: uri(name), version };
    void (known === undefined
      ? connection.sendNotification('textDocument/didOpen', {
          textDocument: { ...textDocument, languageId: 'tfm', text },
        })
      : connection.sendNotification('textDocument/didChange', { textDocument, contentChanges: [{ text }] }));
  };
  const diagnostics = async (name: string): Promise<readonly Diagnostic[]> => {
    for (;;) {
      const last = published.get(uri(name));
      if (last && last.version === versions.get(uri(name))) return last.diagnostics;
      await new Promise<void>((resolve) => {
        awaken = resolve;
      });
    }
  };
  return {
    connection,
    folder,
    logged,
    uri,
    write,
    close: (name) => {
      versions.delete(uri(name));
      void connection.sendNotification('textDocument/didClose', { textDocument: { uri: uri(name) } });
    },
    diagnostics,
    request: (method, name, more = {}) =>
      connection.sendRequest(`textDocument/${method}`, { textDocument: { uri: uri(name) }, ...more }),
    stop: async () => {
      await connection.sendRequest('shutdown');
      void connection.sendNotification('exit');
      return exited;
    },
  };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('close', resolve));
}

/** The position of `^` behind the line of `text` that holds `pattern`: the first character of `pattern`, moved by `by`. */
export function positionOf(text: string, pattern: string, by = 0): Position {
  const offset = text.indexOf(pattern) + by;
  if (offset < by) throw new Error(`no ${pattern}`);
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: present(lines.at(-1), 'a line').length };
}
