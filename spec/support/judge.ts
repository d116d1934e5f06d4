/** What is said of a spec on its way to kernels for training, evaluation, probes and sampling. */
import { type Diagnostic, Failure } from '../../src/compiler/diagnostics/diagnostic.ts';
import { makeSource, type Source } from '../../src/compiler/support/source.ts';
import { compileText } from './compile-text.ts';

export interface Judged {
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly set?: readonly string[];
  readonly entry?: string;
}

export function judge(text: string, { files = {}, set = [], entry }: Judged = {}): readonly Diagnostic[] {
  const source = project({ ...files, 'a.tfm': text });
  const purposes = ['train', 'evaluate', 'probes', ...(/^ *logits *=/m.test(text) ? ['logits' as const] : [])] as const;
  // What no train block says.
  const sizes = /^train /m.test(text) ? {} : { batch: 2, time: 3 };
  try {
    return compileText(text, { source, set, entry, sizes, purposes }).warnings;
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics;
    throw error;
  }
}

/** The source `a.tfm` among files of one folder. */
export function project(files: Readonly<Record<string, string>>): Source {
  const sources = new Map<string, Source>();
  const open: NonNullable<Source['neighbour']> = (path) => {
    const name = path.replace(/^\.\//, '');
    const others = Object.keys(files).map((other) => `./${other}`);
    return sources.get(name) ?? { refused: 'it does not exist', others };
  };
  for (const [name, text] of Object.entries(files)) sources.set(name, makeSource(name, text, open));
  return sources.get('a.tfm') ?? makeSource('a.tfm', '');
}
