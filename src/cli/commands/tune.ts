import type { Purpose } from '../../compiler/compile-request.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import type { TileTable } from '../../compiler/ir/tiling.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { isFolder } from '../../runtime/read-spec.ts';
import { listenForStop, STOP_EXIT } from '../../runtime/stop-request.ts';
import { addToTileCache } from '../../runtime/tiles/tile-cache.ts';
import { tuneModel } from '../../runtime/tune/tune-model.ts';
import type { TunedProduct } from '../../runtime/tune/tune-products.ts';
import type { CliCommand } from '../command.ts';
import { takesDevice, withDevice } from '../device-options.ts';
import { compileSpec, TRAIN_PURPOSES, trainBlock } from '../open-model.ts';
import { flag, givenNumber, whole } from '../options.ts';
import { SPEC, specOptions, takesSpec } from '../spec-options.ts';
import { table } from '../table.ts';
import { showTuning } from '../tuning-progress.ts';

export const tune: CliCommand = {
  configure: (command) =>
    takesDevice(takesSpec(command, SPEC))
      .option('--candidates <n>', 'tiles of each product that are tried', whole(2), 12)
      .option('--rounds <n>', 'measurements of each of the best few', whole(3), 12),
  run: ([path = ''], options, terminal) => {
    if (isFolder(path)) throw cliFailure('needs-spec', { command: 'tune', path });
    const stop = listenForStop();
    return withDevice(options, terminal, async (device) => {
      const spec = specOptions(options);
      // Warnings are told once.
      const silent = { ...terminal, tell: () => {} };
      const build = (purposes: readonly Purpose[]) => (tiles: TileTable) => {
        const { plan, texts, tilings } = compileSpec(path, { ...spec, purposes, device, tiles }, silent).compiled;
        return { plan, texts, tilings };
      };
      const first = compileSpec(path, { ...spec, purposes: ['train'], device }, terminal).compiled;
      const config = trainBlock(first.train, 'tune', path);
      const progress = showTuning(terminal, device.info.name);
      const products = await tuneModel({
        device,
        config,
        training: build(TRAIN_PURPOSES),
        decoding: build(['decode']),
        candidates: givenNumber(options, 'candidates'),
        rounds: givenNumber(options, 'rounds'),
        observe: progress.observe,
        stop,
      }).finally(progress.stop);
      const tiles = new Map(products.map(({ key, tile }) => [key, tile]));
      const file = addToTileCache(nodeFiles, device, tiles);
      if (flag(options, 'json')) terminal.print(JSON.stringify(tuneJson(device.info.name, file, products)));
      else terminal.print(tuneText(products));
      terminal.tell(`kept in ${file}`);
      const signal = stop.signal();
      return signal ? STOP_EXIT[signal] : EXIT.ok;
    }).finally(stop.dispose);
  },
};

function tuneJson(device: string, file: string, products: readonly TunedProduct[]) {
  return {
    format_version: 1,
    device,
    file,
    products: products.map(({ ms, estimatedMs, ...product }) => ({ ...product, ms, estimated_ms: estimatedMs })),
  };
}

const HEAD = ['product', 'sizes', 'tile', 'estimated', 'ms', 'was', 'GFLOP/s', 'tried'];

function tuneText(products: readonly TunedProduct[]): string {
  const rows = [...products]
    .sort((a, b) => b.estimatedMs - a.estimatedMs)
    .map(({ kernel, key, tile, estimated, ms, estimatedMs, flops, tried }) => [
      kernel,
      sizesOf(key),
      tile,
      tile === estimated ? 'the same' : estimated,
      ms.toFixed(2),
      estimatedMs.toFixed(2),
      (flops / ms / 1e6).toFixed(1),
      String(Object.keys(tried).length),
    ]);
  const sum = (of: (product: TunedProduct) => number): number => products.reduce((all, one) => all + of(one), 0);
  return [
    table([HEAD, ...rows], 'llllrrrr'),
    '',
    `${products.length} products take ${sum((p) => p.ms).toFixed(1)} ms, with estimated tiles ${sum((p) => p.estimatedMs).toFixed(1)} ms`,
  ].join('\n');
}

/** What a key says first: `r1=8 r2=128 c1=344 k1=128`, of each part. */
function sizesOf(key: string): string {
  return key
    .split(' & ')
    .map((part) => part.split(' : ')[0] ?? '')
    .join(' & ');
}
