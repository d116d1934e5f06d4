// Joins the modules of the command line into a few files: a thousand small ones take longer to load than a spec to check. The standard
// library, the templates and the tiles are found from `dist/src/cli/bundle` as from any folder two levels below `dist/src`.
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, 'dist/src/cli/bundle');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'dist/src/cli/main.js')],
  outdir,
  bundle: true,
  // A command that is not asked for stays in a file of its own, which is not read.
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // The parser generator comes as hundreds of files too; the others are few, native, or large and rarely needed.
  external: Object.keys(dependencies).filter((name) => name !== 'chevrotain'),
  legalComments: 'eof',
  logLevel: 'warning',
});
