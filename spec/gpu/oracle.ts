import {
  beyondLimits,
  lossesBeyond,
  ORACLE_CASES,
  type OracleErrors,
  oracleErrors,
  PRECISIONS,
} from '../support/oracle-errors.ts';
import { type Part, resultOf, skipped } from './part.ts';

/** Loss, logits, gradients and ten steps of the optimizer, against PyTorch's float64. */
export const oracle: Part = {
  about: `${ORACLE_CASES.length} cases against the float64 of PyTorch, in ${Object.keys(PRECISIONS).join(', ')}`,
  async run({ device, only, tell }) {
    const cases = ORACLE_CASES.filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
    if (cases.length === 0) return skipped(`no case has a name with ${only.join(' or ')}`);
    const reasons: string[] = [];
    const figures: Record<string, unknown> = {};
    for (const [precision, { set, limits, losses }] of Object.entries(PRECISIONS)) {
      const found: OracleErrors[] = [];
      for (const name of cases) {
        const errors = await oracleErrors(name, device, set);
        found.push(errors);
        const wrong = beyondLimits(errors, limits(name));
        reasons.push(...wrong.map((what) => `${name} in ${precision}: ${what}`));
        figures[`${name} ${precision}`] = errors;
        const worst = Math.max(...Object.values(errors.gradients));
        tell(`${name} in ${precision}: loss ${errors.loss.toExponential(1)}, gradients ${worst.toExponential(1)}`);
      }
      if (cases.length === ORACLE_CASES.length)
        reasons.push(...lossesBeyond(found, losses).map((what) => `${precision}: ${what}`));
    }
    return resultOf(reasons, figures);
  },
};
