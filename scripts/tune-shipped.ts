/**
 * Measures the tiles that come with the package for the adapter at hand: those of the examples and of the benchmark's sizes, as they are on a
 * machine without other work. `npm run tune -- [PATTERN]`; with a pattern, only models whose names match, and the others stay.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIZES, settingsOf } from '../bench/sizes.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { compile } from '../src/compiler/compile.ts';
import type { Purpose } from '../src/compiler/compile-request.ts';
import type { TileTable } from '../src/compiler/ir/tiling.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { packageFolder } from '../src/runtime/package-folder.ts';
import { readSpec } from '../src/runtime/read-spec.ts';
import { NEVER_STOP } from '../src/runtime/stop-request.ts';
import { identityOf } from '../src/runtime/tiles/adapter-identity.ts';
import { SHIPPED, shippedPath } from '../src/runtime/tiles/shipped-tiles.ts';
import { readTileFile, tileFileText } from '../src/runtime/tiles/tile-file.ts';
import { tuneModel } from '../src/runtime/tune/tune-model.ts';

const pattern = new RegExp(process.argv[2] ?? '');
const root = packageFolder();
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.tfm'));
const models = [
  ...Object.values(SIZES).map((size) => ({
    name: `bench ${size.name}`,
    path: 'bench/llama.tfm',
    set: settingsOf(size),
  })),
  ...examples.map((name) => ({ name, path: join('examples', name), set: [] })),
];

const device = await openWebGpu();
const known = Object.entries(SHIPPED).find(([name]) => device.info.name.startsWith(name));
if (!known) throw new Error(`no tiles are shipped for ${device.info.name}: name it in SHIPPED first`);
const path = shippedPath(known[1]);
const before = nodeFiles.exists(path) ? readTileFile(nodeFiles, path) : undefined;
const tiles = new Map(typeof before === 'object' && process.argv[2] !== undefined ? before.tiles : []);
for (const { name, path: spec, set } of models.filter((model) => pattern.test(model.name))) {
  const source = readSpec(join(root, spec));
  const build = (purposes: readonly Purpose[]) => (some: TileTable) =>
    compile({ source, set, purposes, limits: device.limits, target: compileTarget(device.target), tiles: some });
  const { train: config } = build(['train'])(tiles);
  if (!config) continue;
  const products = await tuneModel({
    device,
    config,
    training: build(['train', 'evaluate', 'logits', 'probes']),
    decoding: build(['decode']),
    candidates: 12,
    rounds: 12,
    observe: () => {},
    stop: NEVER_STOP,
  });
  // What is no faster than what is estimated is left to the estimate, and the file stays short.
  for (const { key, tile, estimated } of products) {
    if (tile === estimated) tiles.delete(key);
    else tiles.set(key, tile);
  }
  const [ms, was] = [products.map((p) => p.ms), products.map((p) => p.estimatedMs)].map((all) =>
    all.reduce((a, b) => a + b, 0),
  );
  process.stderr.write(`${name}: ${products.length} products take ${ms?.toFixed(1)} ms, were ${was?.toFixed(1)} ms\n`);
  writeFileSync(path, tileFileText({ adapter: identityOf(device), tiles }));
}
device.close();
