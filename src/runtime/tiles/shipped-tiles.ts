import { fileURLToPath } from 'node:url';
import { NO_TILES, type TileTable } from '../../compiler/ir/tiling.ts';
import { InternalError } from '../../compiler/support/invariant.ts';
import type { Files } from '../files.ts';
import { identityOf, type TunedDevice } from './adapter-identity.ts';
import { readTileFile } from './tile-file.ts';

/** Adapters for which tiles come with the package, by the beginning of their names. `npm run tune` measures them anew. */
export const SHIPPED: Readonly<Record<string, string>> = { llvmpipe: 'llvmpipe.json' };

const FOLDER = new URL('../../tiles/', import.meta.url);

export function shippedPath(file: string): string {
  return fileURLToPath(new URL(file, FOLDER));
}

/** What must be the same for tiles to hold: the menu depends on it. What only makes it faster or slower need not. */
const DECISIVE = ['target', 'deviceClass', 'subgroupSize'] as const;

/** Tiles that were measured for the sizes of the examples and of the benchmark, where the device is of a kind that is known. */
export function shippedTiles(files: Files, device: TunedDevice): TileTable {
  const known = Object.entries(SHIPPED).find(([name]) => device.info.name.startsWith(name));
  if (!known) return NO_TILES;
  const path = shippedPath(known[1]);
  const file = readTileFile(files, path);
  if (typeof file === 'string') throw new InternalError(`${path}: ${file}`);
  const own = identityOf(device);
  return DECISIVE.every((fact) => file.adapter[fact] === own[fact]) ? file.tiles : NO_TILES;
}
