import { dataFailure } from '../../compiler/diagnostics/data.ts';
import type { DataSpec, TokenizerSpec } from '../../compiler/ir/train.ts';
import { byteTokenizer } from './byte-tokenizer.ts';
import { findDataFile } from './data-files.ts';
import { openHuggingFaceTokenizer } from './huggingface-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Opens the tokenizer that a spec names; paths are relative to `folder`. Fails with `tokenizer-malformed`. */
export function openTokenizer(spec: TokenizerSpec, folder: string): Tokenizer {
  return spec.kind === 'bytes' ? byteTokenizer : openHuggingFaceTokenizer(findDataFile(spec.path, folder));
}

/** The tokenizer of a train block's data, which `what` needs. Fails with `data-not-declared` or `no-tokenizer`. */
export function tokenizerOfData(data: DataSpec | undefined, folder: string, what: string): Tokenizer {
  if (!data) throw dataFailure('data-not-declared', { what });
  if (data.kind !== 'text') throw dataFailure('no-tokenizer', { what });
  return openTokenizer(data.tokenizer, folder);
}
