/** Turns text into tokens and back. */
export interface Tokenizer {
  /** For messages and fingerprints. */
  readonly name: string;
  /** Ids are less than this. */
  readonly size: number;
  readonly encode: (bytes: Uint8Array) => Uint8Array | Int32Array;
  /** Bytes of text that tokens stand for. */
  readonly byteCount: (tokens: Uint8Array | Int32Array) => number;
  /** A fresh decoder of a stream of tokens; it gives out whole characters only. */
  readonly decoder: () => StreamDecoder;
}

export interface StreamDecoder {
  /** The text that is certain after one more token; often empty within a character. */
  readonly push: (token: number) => string;
  /** What is left at the end of the stream. */
  readonly end: () => string;
}
