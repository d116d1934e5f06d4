/** Causality: what a position may know. */
import { diagnosticsOf, entry } from './entry.ts';

export const causalityEntries = {
  'sees-the-future': entry<{ what: string; path: readonly string[]; text: string; ahead: number }>({
    severity: 'error',
    message: ({ what, path, text, ahead }) =>
      `\`${what}\` at a position depends on ${aheadText(ahead)} after it: ${[...path, text].join(' <- ')}`,
    help: () =>
      'use a causal form (`mask = causal()`, `cumsum`, `recur`, `shift` by 1 or more), or write `causal = false` in the train block',
    explain:
      'The data of a training is text, and the target of a position is the token that comes next. A model whose prediction for a ' +
      'position depends on later tokens reads its target: its loss falls to what no use of it will show. The compiler follows what ' +
      'every value needs along time, through masks, shifts, recurrences, sums and gathers, and shows the way from the prediction to ' +
      'the operation that lets later tokens in. `causal = false` in the train block allows it.',
  }),
};

function aheadText(ahead: number): string {
  if (!Number.isFinite(ahead)) return 'tokens';
  return ahead === 1 ? 'the token' : `the ${ahead} tokens`;
}

export const causalityDiagnostic = diagnosticsOf(causalityEntries);
