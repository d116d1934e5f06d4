/** A long sequence of tokens that is read by pieces. */
export interface TokenSource {
  readonly length: number;
  /** Tokens start … start + count - 1. */
  readonly read: (start: number, count: number) => Int32Array;
  /** Where a token stands, for messages. */
  readonly place: (index: number) => string;
  /** What the tokens are, in words that change when they do. */
  readonly fingerprint: string;
}

/** A part of a source. */
export function sliceSource(source: TokenSource, start: number, end: number): TokenSource {
  return {
    length: end - start,
    read: (at, count) => source.read(start + at, count),
    place: (index) => source.place(start + index),
    fingerprint: `${source.fingerprint} [${start}, ${end})`,
  };
}
