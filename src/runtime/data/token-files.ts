import { createHash } from 'node:crypto';
import { openSync, readSync, statSync } from 'node:fs';
import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { reasonOf } from '../files.ts';
import type { DataFile } from './data-files.ts';
import type { TokenSource } from './token-source.ts';

/** llm.c: 256 little-endian 32-bit integers (magic number, version, number of tokens), then the tokens. */
const HEADER_BYTES = 1024;
const FORMATS = [
  { magic: 20240520, version: 1, width: 2 },
  { magic: 20240801, version: 7, width: 4 },
] as const;

interface Shard {
  readonly name: string;
  readonly fd: number;
  readonly dataStart: number;
  /** Bytes of a token. */
  readonly width: 2 | 4;
  readonly tokens: number;
  /** Number of its first token in the whole. */
  readonly first: number;
}

/** Files of tokens, one after the other, read as needed. Fails with `token-file-malformed` or `data-empty`. */
export function openTokenFiles(files: readonly DataFile[]): TokenSource {
  const hash = createHash('sha256');
  const shards: Shard[] = [];
  let length = 0;
  for (const file of files) {
    const shard = { ...openShard(file), first: length };
    hash.update(`${file.name} ${shard.tokens}\n`).update(sample(shard));
    shards.push(shard);
    length += shard.tokens;
  }
  if (length === 0) throw dataFailure('data-empty', { files: files.length });
  return {
    length,
    read: (start, count) => readAcross(shards, start, count),
    place: (index) => {
      const shard = shards.findLast((s) => s.first <= index);
      return shard ? `token ${index - shard.first} of '${shard.name}'` : `token ${index}`;
    },
    fingerprint: `${length} tokens, SHA-256 ${hash.digest('hex').slice(0, 16)}`,
  };
}

function openShard({ name, path }: DataFile): Omit<Shard, 'first'> {
  const fail = (reason: string): never => {
    throw dataFailure('token-file-malformed', { path: name, reason });
  };
  const { fd, size } = openFile(path, name);
  const header = new DataView(new ArrayBuffer(12));
  const read = readSync(fd, header, 0, 12, 0);
  const magic = read === 12 ? header.getInt32(0, true) : 0;
  const format = FORMATS.find((f) => f.magic === magic);
  if (!format) {
    if (size % 2 !== 0) fail('it has no header, and half of a 16-bit token at its end');
    return { name, fd, dataStart: 0, width: 2, tokens: size / 2 };
  }
  const version = header.getInt32(4, true);
  if (version !== format.version) fail(`its header has version ${version}`);
  const tokens = header.getInt32(8, true);
  const expected = HEADER_BYTES + format.width * tokens;
  if (tokens < 0 || size !== expected)
    fail(`its header says ${tokens} tokens, so ${expected} bytes, and it has ${size}`);
  return { name, fd, dataStart: HEADER_BYTES, width: format.width, tokens };
}

function openFile(path: string, name: string): { readonly fd: number; readonly size: number } {
  try {
    return { fd: openSync(path, 'r'), size: statSync(path).size };
  } catch (error) {
    throw dataFailure('data-unreadable', { path: name, reason: reasonOf(error) });
  }
}

function readAcross(shards: readonly Shard[], start: number, count: number): Int32Array {
  const result = new Int32Array(count);
  for (const shard of shards) {
    const from = Math.max(start, shard.first);
    const to = Math.min(start + count, shard.first + shard.tokens);
    if (from < to) result.set(readShard(shard, from - shard.first, to - from), from - start);
  }
  return result;
}

function readShard(shard: Shard, start: number, count: number): Uint16Array | Int32Array {
  const bytes = new Uint8Array(count * shard.width);
  const got = readSync(shard.fd, bytes, 0, bytes.length, shard.dataStart + start * shard.width);
  if (got !== bytes.length) {
    throw dataFailure('token-file-malformed', { path: shard.name, reason: 'it became shorter while it was read' });
  }
  return shard.width === 2 ? new Uint16Array(bytes.buffer) : new Int32Array(bytes.buffer);
}

/** The first and last tokens: enough to notice another file without reading all of it. */
function sample(shard: Omit<Shard, 'first'>): Uint8Array {
  const count = Math.min(shard.tokens, 4096);
  const ends = [0, shard.tokens - count].map((at) => readShard({ ...shard, first: 0 }, at, count));
  return Buffer.concat(ends.map((e) => new Uint8Array(e.buffer)));
}
