import { diagnosticsOf, entry } from './entry.ts';

/** What only editors say. */
export const editorEntries = {
  'check-cut-short': entry<{ seconds: number }>({
    severity: 'warning',
    message: (p) =>
      `elaboration takes more than ${p.seconds} s, too long to follow each key; errors further on are not shown`,
    help: () => 'run `tfm check` for all of them, or write a smaller depth while you edit',
    explain:
      'An editor asks again after each change, so it waits for a bounded time only. The commands have no such bound. Loops ' +
      'whose iterations cannot be elaborated at once are what takes long.',
  }),
};

export const editorDiagnostic = diagnosticsOf(editorEntries);
