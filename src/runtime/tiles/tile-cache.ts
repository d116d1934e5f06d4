/** Tiles that `tfm tune` measured, in the user's cache: a file for each adapter. */
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../backends/shared/cache-folder.ts';
import { NO_TILES, type TileTable } from '../../compiler/ir/tiling.ts';
import { type Files, guardFiles, replaceFile } from '../files.ts';
import { identityHash, identityOf, type TunedDevice } from './adapter-identity.ts';
import { readTileFile, tileFileText } from './tile-file.ts';

export interface CachedTiles {
  readonly tiles: TileTable;
  readonly path: string;
  /** Why the file is not used; undefined where it is, or where there is none. */
  readonly reason?: string;
}

export function tileCachePath(device: TunedDevice): string {
  return join(cacheFolder('tiles'), `${identityHash(identityOf(device))}.json`);
}

/** Never fails: what was measured can be measured again. */
export function readTileCache(files: Files, device: TunedDevice): CachedTiles {
  const path = tileCachePath(device);
  if (!files.exists(path)) return { tiles: NO_TILES, path };
  const file = readTileFile(files, path);
  if (typeof file === 'string') return { tiles: NO_TILES, path, reason: file };
  if (JSON.stringify(file.adapter) !== JSON.stringify(identityOf(device)))
    return { tiles: NO_TILES, path, reason: 'it is of another adapter' };
  return { tiles: file.tiles, path };
}

/**
 * Adds tiles to those of the adapter; the file is replaced as a whole, so that who reads it meanwhile finds the one or the other. The
 * path. Fails with the codes of `guardFiles`.
 */
export function addToTileCache(files: Files, device: TunedDevice, tiles: TileTable): string {
  const path = tileCachePath(device);
  guardFiles(path, () => {
    files.makeFolder(dirname(path));
    const known = readTileCache(files, device).tiles;
    const text = tileFileText({ adapter: identityOf(device), tiles: new Map([...known, ...tiles]) });
    replaceFile(files, path, text);
  });
  return path;
}
