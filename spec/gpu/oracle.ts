import {
  beyondLimits,
  lossesBeyond,
  modesOf,
  ORACLE_CASES,
  type OracleErrors,
  oracleErrors,
  PRECISIONS,
} from '../support/oracle-errors.ts';
import { missingLibrary } from './missing-library.ts';
import { type Part, resultOf, skipped } from './part.ts';

/** Loss, logits, gradients and ten steps of the optimizer, against PyTorch's float64. */
export const oracle: Part = {
  about: `${ORACLE_CASES.length} cases against the float64 of PyTorch, in ${Object.keys(PRECISIONS).join(', ')}`,
  async run({ device, only, tell }) {
    const cases = ORACLE_CASES.filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
    if (cases.length === 0) return skipped(`no case has a name with ${only.join(' or ')}`);
    const reasons: string[] = [];
    const figures: Record<string, unknown> = {};
    const missing = await missingLibrary(device);
    if (missing !== undefined) tell(missing);
    for (const [precision, { set, limits, losses }] of Object.entries(PRECISIONS)) {
      for (const { words, options } of modesOf(device, precision)) {
        if (options.length > 0 && missing !== undefined) {
          figures[`${precision}${words}`] = missing;
          continue;
        }
        const found: OracleErrors[] = [];
        for (const name of cases) {
          const errors = await oracleErrors(name, device, set, options);
          found.push(errors);
          const wrong = beyondLimits(errors, limits(name));
          const what = `${name} in ${precision}${words}`;
          reasons.push(...wrong.map((each) => `${what}: ${each}`));
          figures[`${name} ${precision}${words}`] = errors;
          const worst = Math.max(...Object.values(errors.gradients));
          tell(`${what}: loss ${errors.loss.toExponential(1)}, gradients ${worst.toExponential(1)}`);
        }
        if (cases.length === ORACLE_CASES.length)
          reasons.push(...lossesBeyond(found, losses).map((each) => `${precision}${words}: ${each}`));
      }
    }
    return resultOf(reasons, figures);
  },
};
