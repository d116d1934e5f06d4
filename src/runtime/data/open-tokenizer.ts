import type { TokenizerSpec } from '../../compiler/ir/train.ts';
import { byteTokenizer } from './byte-tokenizer.ts';
import { findDataFile } from './data-files.ts';
import { openHuggingFaceTokenizer } from './huggingface-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Opens the tokenizer that a spec names; paths are relative to `folder`. Fails with `tokenizer-malformed`. */
export function openTokenizer(spec: TokenizerSpec, folder: string): Tokenizer {
  return spec.kind === 'bytes' ? byteTokenizer : openHuggingFaceTokenizer(findDataFile(spec.path, folder));
}
