// Makes a fresh clone ready: installs the locked packages and builds, when needed. Uses nothing but Node and npm.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major] = process.versions.node.split('.').map(Number);
if (major < 20)
  fail(`tfm needs Node 20 or newer; this is Node ${process.versions.node}. Install one from nodejs.org and try again.`);

if (older('node_modules/.package-lock.json', ['package-lock.json'])) {
  run('Installing packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}
if (older('dist/src/cli/bundle/main.js', ['src', 'grammar', 'scripts', 'package.json', 'tsconfig.json'])) {
  run('Building', 'npm', ['run', '--silent', 'build']);
}

/** Whether `made` is missing or older than any of the files it is made from. */
function older(made, from) {
  if (!existsSync(join(root, made))) return true;
  const time = statSync(join(root, made)).mtimeMs;
  return from.some((path) => newest(join(root, path)) > time);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function run(what, command, args) {
  process.stderr.write(`${what} ...\n`);
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.status === 0) return;
  const told = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
  fail(`${what} failed (${command} ${args.join(' ')}):\n${told || result.error?.message || 'no output'}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(3);
}
