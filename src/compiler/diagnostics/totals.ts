import { diagnosticsOf, entry } from './entry.ts';

export const totalsEntries = {
  'total-of-weights': entry<Record<never, never>>({
    severity: 'error',
    message: () =>
      'a mean is taken over positions that the weights choose, so its divisor is not known before all micro-batches have run',
    help: () => 'train with one micro-batch (train.micro = train.batch), or choose the positions from the inputs alone',
    explain:
      'The gradient of a step is that of the mean over all counted tokens of the step, however the step is cut into ' +
      'micro-batches. The count of all micro-batches must therefore be known before the first gradient is computed. A ' +
      'count that depends on the inputs alone is summed first; one that depends on weights cannot be.',
  }),
};

export const totalsDiagnostic = diagnosticsOf(totalsEntries);
