import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { runWarning } from '../../compiler/diagnostics/run.ts';
import type { TileTable } from '../../compiler/ir/tiling.ts';
import type { Files } from '../files.ts';
import { holdsRun } from '../run-folder.ts';
import type { TunedDevice } from './adapter-identity.ts';
import { readRunTiles } from './run-tiles.ts';
import { shippedTiles } from './shipped-tiles.ts';
import { readTileCache } from './tile-cache.ts';

export interface KnownTiles {
  readonly tiles: TileTable;
  readonly warnings: readonly Diagnostic[];
}

/** The tiles that are known to be best on a device: what the user measured, then what came with the package. */
export function tilesOfDevice(files: Files, device: TunedDevice): KnownTiles {
  const { tiles, path, reason } = readTileCache(files, device);
  return {
    tiles: new Map([...shippedTiles(files, device), ...tiles]),
    warnings: reason === undefined ? [] : [runWarning('tiles-unusable', { path, reason })],
  };
}

export interface RunPlace {
  /** Folder of the run, if there is to be one. */
  readonly out: string | undefined;
  readonly resume: boolean;
}

/** The tiles with which to train: a run that goes on takes those that it began with. Fails with `run-damaged`. */
export function tilesOfRun(files: Files, device: TunedDevice, { out, resume }: RunPlace): KnownTiles {
  if (!resume || out === undefined || !holdsRun(files, out)) return tilesOfDevice(files, device);
  return { tiles: readRunTiles(files, out), warnings: [] };
}
