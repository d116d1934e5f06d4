import { beyondLimits, ORACLE_CASES, ORACLE_F32, oracleErrors } from '../support/oracle-errors.ts';
import { type Part, resultOf } from './part.ts';

/** By name: the settings of a spec that ask for it, and how far it may be from float64. */
const PRECISIONS = { f32: { set: [], limits: ORACLE_F32 } } as const;

/** Loss, logits, gradients and ten steps of the optimizer, against PyTorch's float64. */
export const oracle: Part = {
  about: `${ORACLE_CASES.length} cases against the float64 of PyTorch, in ${Object.keys(PRECISIONS).join(', ')}`,
  async run({ device, tell }) {
    const reasons: string[] = [];
    const figures: Record<string, unknown> = {};
    for (const [precision, { set, limits }] of Object.entries(PRECISIONS))
      for (const name of ORACLE_CASES) {
        const errors = await oracleErrors(name, device, set);
        const wrong = beyondLimits(errors, limits);
        reasons.push(...wrong.map((what) => `${name} in ${precision}: ${what}`));
        figures[`${name} ${precision}`] = errors;
        tell(
          `${name} in ${precision}: loss ${errors.loss.toExponential(1)}, gradients ${errors.gradients.toExponential(1)}`,
        );
      }
    return resultOf(reasons, figures);
  },
};
