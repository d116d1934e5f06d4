/**
 * A file of tiles: for which products which was the fastest, and on what.
 *
 *     { "format_version": 1, "adapter": { "name": "llvmpipe …", … }, "tiles": { KEY: NAME, … } }
 */
import type { TileTable } from '../../compiler/ir/tiling.ts';
import { type Files, readAll, reasonOf } from '../files.ts';
import type { AdapterIdentity } from './adapter-identity.ts';

const FORMAT_VERSION = 1;

export interface TileFile {
  /** Empty in a run, which env.json describes. */
  readonly adapter: AdapterIdentity;
  readonly tiles: TileTable;
}

/** With keys in order, so that files with equal tiles are equal. */
export function tileFileText({ adapter, tiles }: TileFile): string {
  const sorted = Object.fromEntries([...tiles].sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ format_version: FORMAT_VERSION, adapter, tiles: sorted }, null, 2)}\n`;
}

/** Gives the reason where it is no such file. */
export function readTileFile(files: Files, path: string): TileFile | string {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(readAll(files, path)));
  } catch (error) {
    return error instanceof SyntaxError ? 'it is not JSON' : reasonOf(error);
  }
  if (!isRecord(json) || !isRecord(json.adapter) || !isRecord(json.tiles)) return 'it is no file of tiles';
  if (json.format_version !== FORMAT_VERSION) return `it is not of version ${FORMAT_VERSION}`;
  const tiles = new Map<string, string>();
  for (const [key, name] of Object.entries(json.tiles)) {
    if (typeof name !== 'string') return 'it has a tile that is no name';
    tiles.set(key, name);
  }
  const adapter: Record<string, string | number> = {};
  for (const [fact, value] of Object.entries(json.adapter)) {
    if (typeof value !== 'string' && typeof value !== 'number') return 'it does not say on what it was measured';
    adapter[fact] = value;
  }
  return { adapter, tiles };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
