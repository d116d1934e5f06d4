import { dataFailure } from '../compiler/diagnostics/data.ts';
import { nodeFiles, readAll, reasonOf, systemCode } from './files.ts';

/** Reads a file that the user named. Fails with `data-unreadable`. */
export function readUserFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return readAll(nodeFiles, path);
  } catch (error) {
    if (systemCode(error) === undefined && !(error instanceof RangeError)) throw error;
    throw dataFailure('data-unreadable', { path, reason: reasonOf(error) });
  }
}
