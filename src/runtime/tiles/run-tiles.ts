/** The tiles of a run: those that it began with, so that it goes on with the same kernels whatever was measured since. */
import { join } from 'node:path';
import { runFailure } from '../../compiler/diagnostics/run.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import { NO_TILES, type TileTable } from '../../compiler/ir/tiling.ts';
import { type Files, replaceFile } from '../files.ts';
import { readTileFile, tileFileText } from './tile-file.ts';

const NAME = 'tiles.json';

/** The tile of each product of a plan, by key: the estimated ones too. */
export function tilesOfPlan({ kernels }: Pick<Plan, 'kernels'>): TileTable {
  return new Map(kernels.flatMap(({ tiles = {} }) => Object.entries(tiles)));
}

export function writeRunTiles(files: Files, folder: string, tiles: TileTable): void {
  replaceFile(files, join(folder, NAME), tileFileText({ adapter: {}, tiles }));
}

/** None where the run began before tiles were measured: then they were estimated. Fails with `run-damaged`. */
export function readRunTiles(files: Files, folder: string): TileTable {
  const path = join(folder, NAME);
  if (!files.exists(path)) return NO_TILES;
  const file = readTileFile(files, path);
  if (typeof file === 'string') throw runFailure('run-damaged', { path, reason: file });
  return file.tiles;
}
