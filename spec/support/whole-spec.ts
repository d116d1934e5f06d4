/** Makes a whole specification of a part of one, as the examples of diagnostics and the language reference show them. */
import { type Form, MODEL_LINE, TRAIN_LINE } from '../../src/compiler/diagnostics/example.ts';

interface Sections {
  readonly top: string;
  readonly model: string;
  readonly train: string;
}

/** Sections of a text, of which the first is of the kind that the form says. */
function sectionsOf(text: string, form: Form): Sections {
  const [before = '', train] = cut(text, TRAIN_LINE);
  const [first = '', model] = cut(before, MODEL_LINE);
  if (form === 'train') return { top: '', model: '', train: text };
  if (form === 'body' && model === undefined) return { top: '', model: first, train: train ?? '' };
  return { top: first, model: model ?? '', train: train ?? '' };
}

function cut(text: string, line: string): readonly string[] {
  const at = text.split('\n').indexOf(line);
  const lines = text.split('\n');
  return at < 0 ? [text] : [lines.slice(0, at).join('\n'), lines.slice(at + 1).join('\n')];
}

export function wholeSpec(text: string, form: Form): string {
  if (form === 'file') return text;
  const sections = sectionsOf(text, form);
  return form === 'stack' ? stack(sections) : small(sections);
}

const binds = (text: string, name: string): boolean => new RegExp(`^ *${name}(?:: .*)? *=`, 'm').test(text);

/** Leaves out what is empty. */
const lines = (...parts: readonly string[]): string => `${parts.filter((part) => part !== '').join('\n')}\n`;

function trainBlock(model: string, own: string): string {
  const keys = { batch: '2', time: '3', steps: '10' };
  const missing = Object.entries(keys).filter(
    ([key]) => !binds(own, key) && !own.includes(`${key}, `) && !own.includes(`, ${key})`),
  );
  return lines(`train ${model}() {`, own, ...missing.map(([key, value]) => `  ${key} = ${value}`), '}').trimEnd();
}

function small({ top, model, train }: Sections): string {
  return lines(
    top,
    'model M(width: axis = 6, other: axis = 6, wide: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {',
    '  v = uniform(width)',
    '  u = uniform(other)',
    '  t = uniform(wide)',
    '  w = uniform(width, wide)',
    model,
    binds(model, 'loss') ? '' : '  loss = sum(v) + sum(u) + sum(t) + sum(w)',
    '}',
    trainBlock('M', train),
  );
}

function stack({ top, model, train }: Sections): string {
  return lines(
    'use std.{Attention, Embedding, Linear, RMSNorm, SwiGLU, rope}',
    `use std.schemes.{${['Scheme', 'bare'].filter((name) => new RegExp(`\\b${name}\\b`).test(top)).join(', ')}}`.replace(
      /^use .*\{\}$/,
      '',
    ),
    top,
    binds(top, 'turned') ? '' : 'turned = (y, t) => rope(y, t)',
    'model Llama(vocab: axis = 61, width: axis = 24, depth = 12, hidden: axis = 40, scheme = Mine, N = x => RMSNorm()(x))(',
    '            tokens: int[batch, time], targets: int[batch, time]) {',
    '  x = scheme.enter(Embedding(vocab, width)(tokens), N)',
    '  for layer in 1..depth {',
    '    x = scheme.block(x, (attn = Attention(3, q = turned), ffn = SwiGLU(hidden)), N, layer, depth)',
    '  }',
    '  logits = Linear(vocab)(scheme.leave(x, N))',
    '  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)',
    model,
    '}',
    trainBlock('Llama', train),
  );
}
