import { type Files, nodeFiles } from '../../src/runtime/files.ts';

export type Fault =
  /** One call fails with this code of the system. */
  | 'EIO'
  | 'ENOSPC'
  /** The process is gone: this call and all after it do nothing. */
  | 'crash';

export interface FaultyFiles {
  readonly files: Files;
  /** Calls made so far. */
  readonly calls: () => number;
}

/** Real files (but for syncing, which takes long), of which the call with number `at` (from 1) fails; writes are short on every other call. */
export function faultyFiles(at: number, fault: Fault): FaultyFiles {
  let calls = 0;
  const wrap =
    <A extends readonly unknown[], R>(work: (...args: A) => R) =>
    (...args: A): R => {
      calls += 1;
      if (calls === at || (fault === 'crash' && calls > at)) throw systemError(fault === 'crash' ? 'EIO' : fault);
      return work(...args);
    };
  const shortWrite = (fd: number, bytes: Uint8Array): number =>
    nodeFiles.write(fd, calls % 2 ? bytes.subarray(0, Math.max(1, bytes.length >> 1)) : bytes);
  return {
    calls: () => calls,
    files: {
      open: wrap(nodeFiles.open),
      write: wrap(shortWrite),
      read: wrap(nodeFiles.read),
      fsync: wrap(() => {}),
      close: wrap(nodeFiles.close),
      truncate: wrap(nodeFiles.truncate),
      makeFolder: wrap(nodeFiles.makeFolder),
      rename: wrap(nodeFiles.rename),
      copyMode: wrap(nodeFiles.copyMode),
      realPath: wrap(nodeFiles.realPath),
      remove: wrap(nodeFiles.remove),
      list: wrap(nodeFiles.list),
      exists: wrap(nodeFiles.exists),
      size: wrap(nodeFiles.size),
      freeBytes: wrap(nodeFiles.freeBytes),
    },
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
