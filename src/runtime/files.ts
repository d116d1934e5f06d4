/**
 * The file operations that a run needs, as an interface, so that tests can make any of them fail. All are synchronous:
 * a checkpoint is written between two steps, when there is nothing else to do.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../compiler/diagnostics/diagnostic.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';

export interface Files {
  readonly open: (path: string, flags: 'r' | 'w' | 'wx' | 'a' | 'r+') => number;
  /** Returns how many bytes were written, which may be fewer than given. */
  readonly write: (fd: number, bytes: Uint8Array) => number;
  readonly read: (fd: number, into: Uint8Array, position: number) => number;
  readonly fsync: (fd: number) => void;
  readonly close: (fd: number) => void;
  readonly truncate: (path: string, bytes: number) => void;
  readonly makeFolder: (path: string) => void;
  readonly rename: (from: string, to: string) => void;
  /** Gives a file the permissions of another. */
  readonly copyMode: (from: string, to: string) => void;
  /** Where links lead. */
  readonly realPath: (path: string) => string;
  /** Removes a file or a whole folder; nothing happens when there is none. */
  readonly remove: (path: string) => void;
  readonly list: (path: string) => readonly string[];
  readonly exists: (path: string) => boolean;
  readonly size: (path: string) => number;
  readonly freeBytes: (path: string) => number;
}

export const nodeFiles: Files = {
  open: (path, flags) => fs.openSync(path, flags),
  write: (fd, bytes) => fs.writeSync(fd, bytes),
  read: (fd, into, position) => fs.readSync(fd, into, 0, into.byteLength, position),
  fsync: (fd) => fs.fsyncSync(fd),
  close: (fd) => fs.closeSync(fd),
  truncate: (path, bytes) => fs.truncateSync(path, bytes),
  makeFolder: (path) => void fs.mkdirSync(path, { recursive: true }),
  rename: (from, to) => fs.renameSync(from, to),
  copyMode: (from, to) => fs.chmodSync(to, fs.statSync(from).mode),
  realPath: (path) => fs.realpathSync(path),
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
  list: (path) => fs.readdirSync(path),
  exists: (path) => fs.existsSync(path),
  size: (path) => fs.statSync(path).size,
  freeBytes: (path) => {
    const { bavail, bsize } = fs.statfsSync(path);
    return bavail * bsize;
  },
};

/** The system's code of an error, such as `ENOSPC`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function reasonOf(error: unknown): string {
  const code = systemCode(error);
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    EISDIR: 'it is a folder',
    EEXIST: 'there is a file of that name',
    ENOTDIR: 'a part of the path is not a folder',
    EIO: 'input/output error',
  };
  return (code && known[code]) ?? code ?? (error instanceof Error ? error.message : String(error));
}

/** Runs file operations on `path`, turning an error of the system into a `Failure` with a code. */
export function guardFiles<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw runFailure('disk-full', { path });
    const reason = reasonOf(error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw runFailure('not-writable', { path, reason });
    throw runFailure('file-error', { path, reason });
  }
}

export function writeAll(files: Files, fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.byteLength > 0) rest = rest.subarray(files.write(fd, rest));
}

export function readAll(files: Files, path: string): Uint8Array<ArrayBuffer> {
  const fd = files.open(path, 'r');
  try {
    const bytes = new Uint8Array(files.size(path));
    let at = 0;
    while (at < bytes.byteLength) {
      const got = files.read(fd, bytes.subarray(at), at);
      if (got === 0) return bytes.slice(0, at);
      at += got;
    }
    return bytes;
  } finally {
    files.close(fd);
  }
}

/** Writes a new file and waits until it is on the disk. */
export function writeDurably(files: Files, path: string, chunks: Iterable<Uint8Array>): void {
  const fd = files.open(path, 'w');
  try {
    for (const chunk of chunks) writeAll(files, fd, chunk);
    files.fsync(fd);
  } finally {
    files.close(fd);
  }
}

/** Waits until the names in a folder are on the disk. */
export function syncFolder(files: Files, path: string): void {
  const fd = files.open(path, 'r');
  try {
    files.fsync(fd);
  } finally {
    files.close(fd);
  }
}

/** Puts a file in place of an old one, so that a reader sees either, whole. */
export function replaceFile(files: Files, path: string, text: string): void {
  const temporary = `${path}.tmp-${process.pid}`;
  writeDurably(files, temporary, [new TextEncoder().encode(text)]);
  files.rename(temporary, path);
  syncFolder(files, dirname(path));
}
