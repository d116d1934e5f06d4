/** `tfm tune`, its cache, and runs that keep the tiles with which they began. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, LoadedPlan } from '../src/backends/device.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { compile } from '../src/compiler/compile.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { NO_TILES, type TileTable } from '../src/compiler/ir/tiling.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { specOf } from '../src/runtime/read-spec.ts';
import { stepScalars } from '../src/runtime/step-scalars.ts';
import { NEVER_STOP, type StopRequest } from '../src/runtime/stop-request.ts';
import { tilesOfPlan } from '../src/runtime/tiles/run-tiles.ts';
import { SHIPPED, shippedPath, shippedTiles } from '../src/runtime/tiles/shipped-tiles.ts';
import { addToTileCache, readTileCache, tileCachePath } from '../src/runtime/tiles/tile-cache.ts';
import { readTileFile, tileFileText } from '../src/runtime/tiles/tile-file.ts';
import { tilesOfDevice } from '../src/runtime/tiles/tiles-of-device.ts';
import { isFaster, typicalTime } from '../src/runtime/tune/is-faster.ts';
import { tuneProducts } from '../src/runtime/tune/tune-products.ts';
import { withVariants } from '../src/runtime/tune/variants.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

// The driver keeps machine code where it always does, or tests would wait for it.
process.env.MESA_SHADER_CACHE_DIR ??= process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
process.env.XDG_CACHE_HOME = temporaryFolder();

const SPEC = `use std.{Embedding, Linear}

model Tiny(vocab: axis = 256, width: axis = 12, hidden: axis = 20)(tokens: int[batch, time], targets: int[batch, time]) {
  x = tanh(Linear(hidden)(Embedding(vocab, width)(tokens)))
  logits = Linear(vocab)(x)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 4; time = 9; steps = 4
  optimizer = adam(); lr = 1e-2
  log_every = 1; save_every = 2
}
`;
const folder = temporaryFolder({
  'tiny.tfm': SPEC,
  'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(60),
});
const at = (...names: readonly string[]): string => join(folder, ...names);

const device = await openWebGpu();
const PURPOSES = ['train', 'evaluate', 'logits', 'probes'] as const;
const source = specOf(at('tiny.tfm'), SPEC);
const target = compileTarget(device.target);
const compiled = (tiles: TileTable): Compiled =>
  compile({ source, set: [], purposes: PURPOSES, limits: device.limits, target, tiles });
const estimated = compiled(NO_TILES);

/** The n-th candidate of every product. */
const nth = (n: number): TileTable =>
  new Map(
    [...estimated.tilings.values()].map(({ key, candidates }) => [key, candidates[n] ?? candidates.at(-1) ?? '']),
  );

const clearCache = (): void => rmSync(dirname(tileCachePath(device)), { recursive: true, force: true });

test('a plan says the tile of each product, and a table changes it', () => {
  assert.equal(new Map([...tilesOfPlan(estimated.plan)].sort()), new Map([...nth(0)].sort()));
  const other = compiled(nth(1));
  assert.equal(new Map([...tilesOfPlan(other.plan)].sort()), new Map([...nth(1)].sort()));
  assert.not.equal(
    other.plan.kernels.map(({ hash }) => hash),
    estimated.plan.kernels.map(({ hash }) => hash),
  );
});

test('quick rounds tell which of two is faster, and noise does not', () => {
  assert.is(typicalTime([9, 3, 1, 2, 8, 7]), 1.5);
  assert.ok(isFaster([9, 9, 1.0, 1.1, 9, 9], [1.3, 1.3, 1.3, 1.3, 1.3, 1.3]));
  assert.not.ok(isFaster([1, 1, 1, 1, 1, 1], [1.01, 1.01, 1.01, 1.01, 1.01, 1.01]));
  // One lucky round is none.
  assert.not.ok(isFaster([0.5, 1.3, 1.3, 1.3, 1.3, 1.3], [1, 1, 1, 1, 1, 1]));
  assert.not.ok(isFaster([1, 1, 1], [1, 1, 1]));
});

/** Milliseconds of a product by a tile. */
type Speed = (key: string, tile: string) => number;

/** Of the fake device, so that nothing else on the machine matters. */
let clock = 0;

/** A device that is busy for as long as `speed` says. */
function busyDevice(speed: Speed, onRun: () => void = () => {}): Device {
  const load = (plan: LoadedPlan['plan']): Promise<LoadedPlan> =>
    Promise.resolve({
      plan,
      allocatedBytes: 0,
      write: () => {},
      read: (_segment, _offset, bytes) => Promise.resolve(new ArrayBuffer(bytes)),
      run(program) {
        onRun();
        const [key = '', tile = ''] = program.split(' by ');
        clock += speed(key, tile);
      },
      runAll: () => {},
      finish: () => Promise.resolve(),
      checkGuards: () => Promise.resolve(),
      release: () => {},
    });
  return { ...device, load };
}

const tuneOn = (busy: Device, stop: StopRequest = NEVER_STOP) =>
  tuneProducts({
    device: busy,
    build: compiled,
    prepare: () => Promise.resolve(),
    scalars: stepScalars(present(estimated.train, 'a train block'), 0),
    known: new Set(),
    candidates: 4,
    rounds: 6,
    observe: () => {},
    stop,
    now: () => clock,
  });

test('the fastest tile is found, and the estimated one kept where none is faster', async () => {
  const [first = '', second = ''] = [...estimated.tilings.keys()];
  const best = nth(2).get(first);
  const products = await tuneOn(busyDevice((key, tile) => (key === first && tile === best ? 1 : 2)));
  assert.equal(new Set(products.map(({ key }) => key)), new Set(estimated.tilings.keys()));
  const of = (wanted: string) =>
    present(
      products.find(({ key }) => key === wanted),
      wanted,
    );
  assert.is(of(first).tile, best);
  assert.is(of(first).estimated, nth(0).get(first));
  assert.ok(of(first).ms < of(first).estimatedMs);
  assert.is(of(second).tile, nth(0).get(second));
  assert.ok(of(first).flops > 0 && of(first).launches > 0);
});

test('when it is asked to stop, what is decided is kept, and nothing else', async () => {
  for (const most of [3, 150]) {
    let runs = 0;
    const busy = busyDevice(
      () => 0.1,
      () => {
        runs += 1;
      },
    );
    const products = await tuneOn(busy, { signal: () => (runs > most ? 'SIGINT' : undefined) });
    assert.ok(products.length < estimated.tilings.size, `${products.length} are decided`);
    for (const { rounds } of products) for (const times of Object.values(rounds)) assert.is(times.length, 6);
  }
});

test('products run by themselves in a plan that the device takes', async () => {
  const builds = [estimated, compiled(nth(1)), compiled(nth(1))] as const;
  const { plan, texts, variants } = withVariants(builds, new Set(estimated.tilings.keys()));
  const names = variants.map(({ key, tile }) => `${key} ${tile}`);
  assert.is(new Set(names).size, names.length);
  for (const tiles of [nth(0), nth(1)])
    for (const [key, tile] of tiles) assert.ok(names.includes(`${key} ${tile}`), `${key} by ${tile}`);
  const loaded = await device.load(plan, texts, { poison: true });
  const scalars = stepScalars(present(estimated.train, 'a train block'), 0);
  for (const { program } of variants) loaded.run(program, scalars);
  await loaded.finish();
  await loaded.checkGuards();
  loaded.release();
});

test('the cache keeps what was measured, adds to it, and is of one adapter', () => {
  clearCache();
  assert.equal(readTileCache(nodeFiles, device), { tiles: NO_TILES, path: tileCachePath(device) });
  const path = addToTileCache(
    nodeFiles,
    device,
    new Map([
      ['a', 'x'],
      ['b', 'x'],
    ]),
  );
  addToTileCache(
    nodeFiles,
    device,
    new Map([
      ['b', 'y'],
      ['c', 'y'],
    ]),
  );
  assert.equal(
    readTileCache(nodeFiles, device).tiles,
    new Map([
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'y'],
    ]),
  );
  assert.equal(readdirSync(dirname(path)).length, 1, 'nothing is left behind');
  const newer = { ...device, info: { ...device.info, driver: 'another version' } };
  assert.not.equal(tileCachePath(newer), path);
  assert.equal(readTileCache(nodeFiles, newer).tiles, NO_TILES);
});

test('a file that is damaged or of another adapter is not used, and that is said', () => {
  const path = addToTileCache(nodeFiles, device, new Map([['mine', 'x']]));
  const good = readFileSync(path, 'utf8');
  const adapter = { name: 'another' };
  for (const [text, reason] of [
    [good.slice(0, -9), 'not JSON'],
    ['[]', 'no file of tiles'],
    [good.replace('"format_version": 1', '"format_version": 9'), 'version 1'],
    [good.replace('"x"', '7'), 'no name'],
    [tileFileText({ adapter, tiles: new Map([['mine', 'x']]) }), 'another adapter'],
  ] as const) {
    writeFileSync(path, text);
    const { tiles, warnings } = tilesOfDevice(nodeFiles, device);
    assert.not.ok(tiles.has('mine'));
    assert.equal(
      warnings.map(({ code }) => code),
      ['tiles-unusable'],
    );
    assert.match(warnings[0]?.message ?? '', reason);
  }
  // What is measured next puts it right.
  addToTileCache(nodeFiles, device, new Map([['b', 'x']]));
  assert.equal(tilesOfDevice(nodeFiles, device).warnings, []);
  clearCache();
});

// A table is empty where the estimate names what was measured to be best.
test('shipped tables are whole, and are for the adapters that they are of', () => {
  for (const [name, file] of Object.entries(SHIPPED)) {
    const shipped = readTileFile(nodeFiles, shippedPath(file));
    if (typeof shipped === 'string') throw new Error(shipped);
    const { info, limits } = device;
    const known = {
      ...device,
      info: { ...info, name: `${name} of some version` },
      limits: { ...limits, deviceClass: 'cpu', subgroupSize: 8 },
    } as const;
    assert.equal(shippedTiles(nodeFiles, known), shipped.tiles);
    assert.equal(shippedTiles(nodeFiles, { ...known, limits: { ...known.limits, subgroupSize: 4 } }), NO_TILES);
    assert.equal(shippedTiles(nodeFiles, { ...known, info: { ...info, name: 'unknown' } }), NO_TILES);
    // What the user measured wins.
    const [key = 'a product'] = shipped.tiles.keys();
    addToTileCache(nodeFiles, known, new Map([[key, 'measured here']]));
    assert.is(tilesOfDevice(nodeFiles, known).tiles.get(key), 'measured here');
    clearCache();
  }
});

async function tfm(...argv: readonly string[]): Promise<string> {
  const { exit, out, err } = await runMain(...argv);
  assert.is(exit, 0, err);
  return out;
}
const trainTo = (run: string, steps: number, ...more: readonly string[]): Promise<string> =>
  tfm('train', at('tiny.tfm'), '--out', at(run), '--quiet', '--set', `train.steps=${steps}`, ...more);
const kernelsOf = (run: string): unknown => JSON.parse(readFileSync(at(run, 'env.json'), 'utf8')).kernels;
const tilesOf = (run: string): string => readFileSync(at(run, 'tiles.json'), 'utf8');
/** Weights and moments, as bytes. */
const stateOf = (run: string): readonly string[] => {
  const { path } = loadLatestCheckpoint(nodeFiles, at(run, 'checkpoints'));
  const files = readdirSync(path).filter((name) => name.endsWith('.safetensors'));
  return files.sort().map((name) => readFileSync(join(path, name)).toString('base64'));
};

test('a run goes on with its tiles, whatever was measured since, to the same bits', async () => {
  addToTileCache(nodeFiles, device, nth(1));
  await trainTo('whole', 8);
  await trainTo('parts', 4);
  const [kernels, tiles] = [kernelsOf('parts'), tilesOf('parts')];
  assert.is(tiles, tileFileText({ adapter: {}, tiles: nth(1) }));
  addToTileCache(nodeFiles, device, nth(2));
  await trainTo('parts', 8, '--resume');
  assert.is(tilesOf('parts'), tiles);
  assert.is(kernelsOf('parts'), kernels);
  assert.ok(stateOf('parts').length > 0);
  assert.equal(stateOf('parts'), stateOf('whole'));
  // A new run takes what is known now.
  await trainTo('new', 4);
  assert.is.not(kernelsOf('new'), kernels);
});

test('a run that began before tiles were measured goes on with estimated ones', async () => {
  clearCache();
  await trainTo('old', 4);
  const kernels = kernelsOf('old');
  rmSync(at('old', 'tiles.json'));
  addToTileCache(nodeFiles, device, nth(1));
  await trainTo('old', 8, '--resume');
  assert.is(kernelsOf('old'), kernels);
  writeFileSync(at('old', 'tiles.json'), '{');
  const { exit, err } = await runMain('train', at('tiny.tfm'), '--out', at('old'), '--resume');
  assert.match(err, '[run-damaged]');
  assert.is(exit, 5);
});

test('tfm tune measures on the device, and what follows uses it', async () => {
  clearCache();
  const json = JSON.parse(await tfm('tune', at('tiny.tfm'), '--candidates', '2', '--rounds', '3', '--json'));
  assert.is(json.format_version, 1);
  assert.is(json.file, tileCachePath(device));
  const found = new Map<string, string>(json.products.map((p: { key: string; tile: string }) => [p.key, p.tile]));
  for (const key of estimated.tilings.keys()) assert.ok(found.has(key), key);
  assert.ok(found.size > estimated.tilings.size, 'what sampling multiplies too');
  assert.equal(readTileCache(nodeFiles, device).tiles, new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1))));
  addToTileCache(nodeFiles, device, nth(1));
  for (const argv of [['compile'], ['train', '--quiet']] as const) {
    const out = at(`by-${argv[0]}`);
    await tfm(...argv, at('tiny.tfm'), '--out', out);
  }
  const plan = JSON.parse(readFileSync(at('by-compile', 'plan.json'), 'utf8'));
  assert.equal(new Map([...tilesOfPlan(plan)].sort()), new Map([...nth(1)].sort()));
  assert.is(tilesOf('by-train'), tileFileText({ adapter: {}, tiles: nth(1) }));
  clearCache();
});

test('it says so in a table, and takes a spec only', async () => {
  const text = await tfm('tune', at('tiny.tfm'), '--candidates', '2', '--rounds', '3');
  assert.match(text, /^product +sizes +tile +estimated +ms +was +GFLOP\/s +tried\n/);
  assert.match(text, /r1=4 r2=9/);
  assert.match(text, /\d+ products take [\d.]+ ms, with estimated tiles [\d.]+ ms\n$/);
  const { exit, err } = await runMain('tune', folder);
  assert.is(exit, 2);
  assert.match(err, '[needs-spec]');
});

test.after(() => device.close());

test.run();
