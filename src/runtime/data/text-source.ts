import { createHash } from 'node:crypto';
import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { readUserFile } from '../user-file.ts';
import type { DataFile } from './data-files.ts';
import type { TokenSource } from './token-source.ts';
import type { Tokenizer } from './tokenizer.ts';

const NEWLINE = 0x0a;

/** Texts, one after the other, each ended by a line break. Held in memory. Fails with `data-empty`. */
export function openTexts(files: readonly DataFile[], tokenizer: Tokenizer): TokenSource {
  const hash = createHash('sha256').update(tokenizer.name);
  const parts = files.map((file) => {
    const bytes = endLine(readUserFile(file.path));
    hash.update(bytes);
    return { file, tokens: tokenizer.encode(bytes) };
  });
  const length = parts.reduce((n, p) => n + p.tokens.length, 0);
  if (length === 0) throw dataFailure('data-empty', { files: files.length });
  const all = parts.every((p) => p.tokens instanceof Uint8Array) ? new Uint8Array(length) : new Int32Array(length);
  const starts: { readonly at: number; readonly name: string }[] = [];
  let at = 0;
  for (const { file, tokens } of parts) {
    all.set(tokens, at);
    starts.push({ at, name: file.name });
    at += tokens.length;
  }
  return {
    length,
    read: (start, count) => Int32Array.from(all.subarray(start, start + count)),
    place: (index) => {
      const part = starts.findLast((s) => s.at <= index);
      return part ? `position ${index - part.at} of '${part.name}'` : `position ${index}`;
    },
    fingerprint: `${length} tokens, SHA-256 ${hash.digest('hex').slice(0, 16)}`,
  };
}

function endLine(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || bytes[bytes.length - 1] === NEWLINE) return bytes;
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  ended[bytes.length] = NEWLINE;
  return ended;
}
