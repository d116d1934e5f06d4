import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How to start the language server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Through a shell: what npm puts on the path of Windows is a script. */
  readonly shell: boolean;
}

/** The client says `--stdio` itself. */
const LSP = ['lsp'];
const ENTRY = join('dist', 'src', 'cli', 'main.js');

/** The program that the settings name, the package of the first folder that has it, or `tfm` on the path. */
export function findServer(configured: string, folders: readonly string[], platform = process.platform): ServerCommand {
  const shell = platform === 'win32';
  if (configured !== '') return { command: configured, args: LSP, shell };
  for (const folder of folders) {
    const entry = [join(folder, 'node_modules', 'tfm', ENTRY), ...(isPackage(folder) ? [join(folder, ENTRY)] : [])];
    const found = entry.find((path) => existsSync(path));
    if (found !== undefined) return { command: 'node', args: [found, ...LSP], shell: false };
  }
  return { command: 'tfm', args: LSP, shell };
}

/** Whether the folder is a clone of tfm itself. */
function isPackage(folder: string): boolean {
  try {
    const text: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof text === 'object' && text !== null && 'name' in text && text.name === 'tfm';
  } catch {
    return false;
  }
}
