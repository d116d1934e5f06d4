import { dataFailure } from '../../compiler/diagnostics/data.ts';
import type { DataSpec, TrainConfig } from '../../compiler/ir/train.ts';
import { findDataFiles } from './data-files.ts';
import { openTokenizer } from './open-tokenizer.ts';
import { openTexts } from './text-source.ts';
import { openTokenFiles } from './token-files.ts';
import { sliceSource, type TokenSource } from './token-source.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface ValidationData {
  readonly source: TokenSource;
  /** Mean bytes of text that a token stands for; unknown for ready-made tokens. */
  readonly bytesPerToken: number | undefined;
}

export interface TrainingData {
  readonly train: TokenSource;
  /** Missing when the share is 0. */
  readonly validation: ValidationData | undefined;
  readonly tokenizer: Tokenizer | undefined;
  /** Changes when the data or how it is cut changes. */
  readonly fingerprint: string;
}

/**
 * Opens the data that a train block names, with paths relative to `folder`. The validation tail is never trained on.
 * Fails with the codes of `diagnostics/data.ts`.
 */
export function openTrainingData(config: Pick<TrainConfig, 'data' | 'validation'>, folder: string): TrainingData {
  if (!config.data) throw dataFailure('data-not-declared', { what: 'training' });
  const { source, tokenizer } = openData(config.data, folder);
  const { train, validation } = split(config, source, folder);
  const known = validation && validation.length > 0 ? validation : undefined;
  return {
    train,
    validation: known && { source: known, bytesPerToken: tokenizer && bytesPerToken(known, tokenizer) },
    tokenizer,
    fingerprint: `${train.fingerprint}; validation ${known?.fingerprint ?? 'none'}`,
  };
}

interface OpenData {
  readonly source: TokenSource;
  readonly tokenizer: Tokenizer | undefined;
}

function openData(spec: DataSpec, folder: string): OpenData {
  const files = findDataFiles(spec.files, folder);
  if (spec.kind === 'tokens') return { source: openTokenFiles(files), tokenizer: undefined };
  const tokenizer = openTokenizer(spec.tokenizer, folder);
  return { source: openTexts(files, tokenizer), tokenizer };
}

function split(
  { validation }: Pick<TrainConfig, 'validation'>,
  source: TokenSource,
  folder: string,
): { readonly train: TokenSource; readonly validation: TokenSource | undefined } {
  if (validation.kind === 'data') return { train: source, validation: openData(validation.data, folder).source };
  const held = Math.ceil(source.length * validation.share);
  if (held === 0) return { train: source, validation: undefined };
  const border = source.length - held;
  return { train: sliceSource(source, 0, border), validation: sliceSource(source, border, source.length) };
}

/** Counted over at most this many tokens, which is exact enough for bits per byte and bounded in time. */
const COUNTED = 1 << 16;

function bytesPerToken(source: TokenSource, tokenizer: Tokenizer): number {
  const count = Math.min(source.length, COUNTED);
  return tokenizer.byteCount(source.read(0, count)) / count;
}
