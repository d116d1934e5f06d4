import type { Tokenizer } from './tokenizer.ts';

/** A token for each byte of UTF-8 text. */
export const byteTokenizer: Tokenizer = {
  name: 'bytes',
  size: 256,
  encode: (bytes) => bytes,
  byteCount: (tokens) => tokens.length,
  decoder: () => {
    const text = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (token) => text.decode(Uint8Array.of(token), { stream: true }),
      end: () => text.decode(),
    };
  },
};
