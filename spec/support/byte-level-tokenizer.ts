/**
 * A small byte-level BPE tokenizer.json in the format of Hugging Face tokenizers: all bytes, and a few merges. The
 * alphabet is GPT-2's: printable bytes stand for themselves, all others for characters from U+0100 on.
 */
export function byteLevelTokenizerJson(merges: readonly (readonly [string, string])[]): string {
  const printable = (b: number): boolean => (b > 32 && b < 127) || (b > 160 && b < 173) || b > 173;
  let next = 256;
  const alphabet = Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
  const words = [...alphabet, ...merges.map(([a, b]) => a + b)];
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab: Object.fromEntries(words.map((w, i) => [w, i])),
      merges: merges.map((m) => m.join(' ')),
    },
  });
}
