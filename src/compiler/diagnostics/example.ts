/**
 * What a spec example is a part of; the rest is written around it, and must not matter to what the example shows.
 * - `file`: nothing is added.
 * - `top`: declarations beside a model and its training.
 * - `body`: statements of a model with the axes batch 2, time 3, width 6, other 6 and wide 8, its inputs tokens and targets, and
 *   the tensors v [width], u [other], t [wide] and w [width, wide].
 * - `train`: lines of a train block, whose `batch`, `time` and `steps` are added where they lack.
 * - `stack`: declarations of a LLaMA of 12 blocks whose scheme they bind to `Mine`, and the shape of its queries to `turned`.
 * Behind a line `// in the model` or `// in the training` stands what belongs there.
 */
export type Form = 'file' | 'top' | 'body' | 'train' | 'stack';

/** What the diagnostic looks like in practice. Tests hold that `bad` gives this diagnostic alone, and `good` none. */
export type Example =
  | {
      readonly kind: 'spec';
      readonly form: Form;
      readonly bad: string;
      readonly good: string;
      /** Files beside it, by path. */
      readonly files?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'option'; readonly option: '--set' | '--entry'; readonly bad: string; readonly good: string }
  /** It takes more than a spec: how it comes about, in one sentence. */
  | { readonly kind: 'situation'; readonly words: string };

export type ExamplesOf<T> = { readonly [C in keyof T]: Example };

/** Statements of a model; the text may begin with declarations and the line `// in the model`. */
export function inBody(bad: string, good: string): Example {
  return { kind: 'spec', form: bad.includes(MODEL_LINE) ? 'top' : 'body', bad, good };
}

export function atTop(bad: string, good: string, files?: Readonly<Record<string, string>>): Example {
  return { kind: 'spec', form: 'top', bad, good, ...(files ? { files } : {}) };
}

export function inTrain(bad: string, good: string): Example {
  return { kind: 'spec', form: 'train', bad, good };
}

export function inStack(bad: string, good: string): Example {
  return { kind: 'spec', form: 'stack', bad, good };
}

export function whole(bad: string, good: string): Example {
  return { kind: 'spec', form: 'file', bad, good };
}

export function when(words: string): Example {
  return { kind: 'situation', words };
}

/** Parts the statements of a model from the declarations in front of it. */
export const MODEL_LINE = '// in the model';
/** Parts the lines of a train block from what stands in front of it. */
export const TRAIN_LINE = '// in the training';
