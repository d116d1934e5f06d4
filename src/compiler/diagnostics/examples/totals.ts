import { type ExamplesOf, inBody } from '../example.ts';
import type { totalsEntries } from '../totals.ts';

const loss = (where: string): string =>
  `param a: [] ~ 1\nx = a * float(tokens)\nloss = mean(x, where = ${where})\n// in the training\nmicro = 1`;

export const TOTALS_EXAMPLES: ExamplesOf<typeof totalsEntries> = {
  'total-of-weights': inBody(loss('x > 0'), loss('targets >= 0')),
};
