import type { Compiled, CompileRequest } from './compile-request.ts';
import { elaborate } from './elaborate/elaborate.ts';
import { describeRoll } from './elaborate/roll/describe-roll.ts';
import { requireCausal } from './require-causal.ts';
import { warningsOf } from './warnings.ts';

/**
 * Elaborates for training, and throws a `Failure` when something is wrong; gives the warnings. It stands apart from `compile`, so that a
 * check loads nothing of what makes kernels.
 */
export function check(
  request: Pick<CompileRequest, 'source' | 'entry' | 'set' | 'sizes'>,
): Pick<Compiled, 'warnings' | 'train' | 'notes'> {
  const elaborated = elaborate({ ...request, training: true, want: 'loss', checksProbes: true });
  requireCausal(elaborated);
  const { train, report } = elaborated;
  return { train, warnings: warningsOf(elaborated), notes: report.map(describeRoll) };
}
