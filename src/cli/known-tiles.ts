import type { TileTable } from '../compiler/ir/tiling.ts';
import { nodeFiles } from '../runtime/files.ts';
import type { TunedDevice } from '../runtime/tiles/adapter-identity.ts';
import { type KnownTiles, type RunPlace, tilesOfDevice, tilesOfRun } from '../runtime/tiles/tiles-of-device.ts';
import { showDiagnostics } from './show-diagnostics.ts';
import type { Terminal } from './terminal.ts';

/** The tiles that are known to be best on a device. What stands in the way is told. */
export function knownTiles(device: TunedDevice, terminal: Terminal): TileTable {
  return told(tilesOfDevice(nodeFiles, device), terminal);
}

/** The same for a training. */
export function trainingTiles(device: TunedDevice, place: RunPlace, terminal: Terminal): TileTable {
  return told(tilesOfRun(nodeFiles, device, place), terminal);
}

function told({ tiles, warnings }: KnownTiles, terminal: Terminal): TileTable {
  showDiagnostics(warnings, 'text', terminal);
  return tiles;
}
