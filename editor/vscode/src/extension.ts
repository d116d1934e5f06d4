/** A thin client: what VS Code shows of a `.tfm` file comes from `tfm lsp`. */
import { commands, type ExtensionContext, window, workspace } from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';
import { findServer } from './find-server.ts';

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand('tfm.restart', restart),
    workspace.onDidGrantWorkspaceTrust(restart),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('tfm.command')) void restart();
    }),
  );
  await restart();
}

export async function deactivate(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart(): Promise<void> {
  await deactivate();
  // A workspace may bring the program that would be started.
  if (!workspace.isTrusted) return;
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const paths = folders.map(({ uri }) => uri.fsPath);
  const { command, args, shell } = findServer(workspace.getConfiguration('tfm').get('command', ''), paths);
  const [cwd] = paths;
  client = new LanguageClient(
    'tfm',
    'tfm',
    {
      command,
      args: [...args],
      transport: TransportKind.stdio,
      options: { shell, ...(cwd === undefined ? {} : { cwd }) },
    },
    {
      documentSelector: [
        { scheme: 'file', language: 'tfm' },
        { scheme: 'untitled', language: 'tfm' },
      ],
      synchronize: { fileEvents: workspace.createFileSystemWatcher('**/*.tfm') },
    },
  );
  try {
    await client.start();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void window.showErrorMessage(
      `The tfm language server did not start (${command} ${args.join(' ')}): ${why}. Install tfm in the workspace or on the path, or set tfm.command.`,
    );
  }
}
