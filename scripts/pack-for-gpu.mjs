// Makes a folder with which `npm run check:gpu` runs on a Linux machine (x64) that has an NVIDIA GPU, and neither npm nor a network:
// compiled tests and programs, their packages, Node, and a script `run`. `node scripts/pack-for-gpu.mjs FOLDER [--without-node]`.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const MOST_BYTES = 60 * 2 ** 20;
/** Packages that only the editor and compiled folders need. */
const LEFT_OUT = ['ts-morph', 'vscode-languageserver', 'vscode-languageserver-textdocument'];
const OF_TESTS = ['uvu', 'fast-check'];
/** What programs read beside their code. */
const READ = {
  src: /\.(tfm|md|txt|json)$/,
  spec: /\.(tfm|json|safetensors|cu|wgsl|txt|md)$/,
  bench: /\.(tfm|py)$/,
  examples: /./,
};
const PLATFORM = 'linux-x64';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined || flags.some((flag) => flag !== '--without-node'))
  fail('scripts/pack-for-gpu.mjs FOLDER [--without-node]');
if (existsSync(folder) && readdirSync(folder).length > 0) fail(`${folder} is there, and not empty`);
const withNode = flags.length === 0;
if (withNode && `${process.platform}-${process.arch}` !== PLATFORM)
  fail(`Node of this machine is none for ${PLATFORM}: --without-node`);

const typescript = join(root, 'node_modules/typescript/bin/tsc');
run(process.execPath, [
  typescript,
  '-p',
  join(root, 'tsconfig.json'),
  '--outDir',
  folder,
  '--sourceMap',
  'false',
  '--declaration',
  'false',
]);
rmSync(join(folder, 'scripts'), { recursive: true });
const listed = run('git', ['-C', root, 'ls-files', '--cached', '--others', '--exclude-standard', ...Object.keys(READ)]);
for (const file of listed.trim().split('\n'))
  if (READ[file.split('/')[0]].test(file) && !file.includes('/results/')) copy(file);
copy('package.json');

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const taken = new Set();
for (const name of [...Object.keys(dependencies), ...OF_TESTS])
  if (!LEFT_OUT.includes(name)) takePackage(name, 'node_modules');
// Dawn comes built for several systems.
const dawn = join(folder, 'node_modules/webgpu/dist');
for (const entry of readdirSync(dawn)) if (entry !== PLATFORM) rmSync(join(dawn, entry), { recursive: true });
compress(join('node_modules/webgpu/dist', PLATFORM, 'dawn.node'));
if (withNode) {
  copyFileSync(process.execPath, join(folder, 'node'));
  // Names of functions are a fifth of it.
  spawnSync('strip', [join(folder, 'node')]);
  compress('node');
}
writeFileSync(
  join(folder, 'run'),
  `#!/bin/sh
# npm run check:gpu, on a machine without npm: ./run [PART...] [OPTIONS]; ./run --help says which.
set -e
cd "$(dirname "$0")"
for packed in $(find . -name '*.xz'); do
  whole="\${packed%.xz}"
  [ -e "$whole" ] && continue
  if command -v xz >/dev/null; then xz -dc "$packed" >"$whole.part"
  else python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$packed" "$whole.part"
  fi
  chmod +x "$whole.part"
  mv "$whole.part" "$whole"
done
[ -x ./node ] && PATH="$PWD:$PATH"
exec node spec/check-gpu.js "$@"
`,
);
chmodSync(join(folder, 'run'), 0o755);

const bytes = filesUnder(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
if (bytes > MOST_BYTES) fail(`${folder} has ${bytes} bytes, which are more than ${MOST_BYTES}`);
process.stdout.write(`${folder}: ${(bytes / 2 ** 20).toFixed(1)} MiB; ${join(folder, 'run')} runs the check\n`);

/** A package, with those that it needs; those within it first, as Node looks for them. */
function takePackage(name, where) {
  const path = [join(where, name), join('node_modules', name)].find((p) => existsSync(join(root, p, 'package.json')));
  if (path === undefined || taken.has(path)) return;
  taken.add(path);
  cpSync(join(root, path), join(folder, path), {
    recursive: true,
    dereference: true,
    filter: (from) => !from.endsWith('.map'),
  });
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    readFileSync(join(root, path, 'package.json'), 'utf8'),
  );
  for (const needed of Object.keys({ ...dependencies, ...optionalDependencies }))
    if (!needed.startsWith('@types/') && needed !== '@webgpu/types') takePackage(needed, join(path, 'node_modules'));
}

function copy(file) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  copyFileSync(join(root, file), join(folder, file));
}

function compress(file) {
  run('xz', ['--threads=0', join(folder, file)]);
}

function filesUnder(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath ?? entry.path, entry.name)));
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) fail(`${command} failed:\n${stdout ?? ''}${stderr ?? ''}${error ?? ''}`);
  return stdout;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
