import { createHash } from 'node:crypto';
import { Tokenizer as HuggingFace } from '@huggingface/tokenizers';
import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { readUserFile } from '../user-file.ts';
import type { DataFile } from './data-files.ts';
import type { StreamDecoder, Tokenizer } from './tokenizer.ts';

/** Characters of one call: the library's work grows faster than its text. */
const CHUNK = 1 << 16;
/** Tokens that may be needed before a character is whole. */
const PATIENCE = 16;

export function openHuggingFaceTokenizer(file: DataFile): Tokenizer {
  const bytes = readUserFile(file.path);
  const inner = open(bytes, file.name);
  // A model may have more rows than the tokenizer has tokens; those have no text.
  const decode = (tokens: readonly number[]): string => {
    const known = tokens.filter((t) => inner.id_to_token(t) !== undefined);
    if (known.length === 0) return '';
    return inner.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  };
  return {
    name: `${file.name} ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`,
    size: [...inner.get_vocab(true).values()].reduce((n, id) => Math.max(n, id + 1), 0),
    encode: (text) => {
      const ids: Int32Array[] = [];
      let length = 0;
      for (const chunk of chunksOf(new TextDecoder().decode(text))) {
        const part = Int32Array.from(inner.encode(chunk, { add_special_tokens: false }).ids);
        ids.push(part);
        length += part.length;
      }
      const all = new Int32Array(length);
      let at = 0;
      for (const part of ids) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    },
    byteCount: (tokens) => {
      let bytes = 0;
      const decoder = streamDecoder(decode);
      for (const token of tokens) bytes += Buffer.byteLength(decoder.push(token));
      return bytes + Buffer.byteLength(decoder.end());
    },
    decoder: () => streamDecoder(decode),
  };
}

function open(bytes: Uint8Array, path: string): HuggingFace {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof json !== 'object' || json === null || !('model' in json)) throw new Error('it has no model');
    const tokenizer = new HuggingFace(json, {});
    tokenizer.encode('a', { add_special_tokens: false });
    return tokenizer;
  } catch (error) {
    throw dataFailure('tokenizer-malformed', { path, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Pieces that end after a line where there is one, and never within a character. */
function* chunksOf(text: string): Iterable<string> {
  let at = 0;
  while (at < text.length) {
    let end = Math.min(at + CHUNK, text.length);
    const line = end < text.length ? text.lastIndexOf('\n', end - 1) + 1 : end;
    if (line > at) end = line;
    else if (isLowSurrogate(text.charCodeAt(end))) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/**
 * A token may hold a part of a character, and its text may depend on the token before it. So each new text is the
 * difference between decoding a few tokens of context with and without the new ones, once it ends in a whole character.
 */
function streamDecoder(decode: (tokens: readonly number[]) => string): StreamDecoder {
  let context: readonly number[] = [];
  let pending: readonly number[] = [];
  const settle = (force: boolean): string => {
    const before = decode(context);
    const text = decode([...context, ...pending]).slice(before.length);
    if (!force && pending.length < PATIENCE && (text === '' || text.endsWith('\ufffd'))) return '';
    context = pending;
    pending = [];
    return text;
  };
  return {
    push: (token) => {
      pending = [...pending, token];
      return settle(false);
    },
    end: () => (pending.length ? settle(true) : ''),
  };
}
