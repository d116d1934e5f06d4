import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { runFailure } from '../../compiler/diagnostics/run.ts';
import { type Files, guardFiles, readAll, systemCode, writeAll } from '../files.ts';

export interface Lock {
  readonly release: () => void;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system tells; so that a number used again is not taken for it. */
  readonly started: string;
}

/** Takes the run's folder for this process. A lock whose process is gone is taken over. Fails with `run-locked`. */
export function lockFolder(files: Files, folder: string): Lock {
  const path = join(folder, 'lock');
  return guardFiles(path, () => {
    if (!tryCreate(files, path)) {
      const text = readText(files, path);
      const holder = parseHolder(text);
      if (holder && isAlive(holder)) throw runFailure('run-locked', { folder, pid: holder.pid, host: holder.host });
      takeAway(files, path, text);
      if (!tryCreate(files, path)) throw lockedNow(files, folder, path);
    }
    // A lock that stays behind is known to be stale by its process, so an error here does not matter.
    const release = (): void => {
      process.removeListener('exit', release);
      try {
        files.remove(path);
      } catch {}
    };
    process.once('exit', release);
    return { release };
  });
}

/** Removes a stale lock; but when another process took it over meanwhile, its lock is put back. */
function takeAway(files: Files, path: string, text: string): void {
  const stale = `${path}.stale-${process.pid}`;
  files.rename(path, stale);
  if (readText(files, stale) === text) files.remove(stale);
  else files.rename(stale, path);
}

function lockedNow(files: Files, folder: string, path: string): Failure {
  const holder = parseHolder(readText(files, path));
  return runFailure('run-locked', { folder, pid: holder?.pid ?? 0, host: holder?.host ?? hostname() });
}

function tryCreate(files: Files, path: string): boolean {
  let fd: number;
  try {
    fd = files.open(path, 'wx');
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    const holder: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    writeAll(files, fd, new TextEncoder().encode(`${JSON.stringify(holder)}\n`));
  } finally {
    files.close(fd);
  }
  return true;
}

function readText(files: Files, path: string): string {
  return new TextDecoder().decode(readAll(files, path));
}

/** Undefined when the lock is not readable, which is so after a crash before it was written. */
function parseHolder(text: string): Holder | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null) return undefined;
    const { pid, host, started } = { pid: 0, host: '', started: '', ...json };
    return Number.isInteger(pid) && pid > 0 ? { pid, host: String(host), started: String(started) } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
  return startOf(pid) === started;
}

/** Field 22 of /proc/PID/stat; empty on other systems. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
