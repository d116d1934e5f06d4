import type { Device } from '../../src/backends/device.ts';
import { openDevice } from '../../src/backends/open-device.ts';
import { beyondLimits, modesOf, ORACLE_CASES, oracleErrors, PRECISIONS } from '../support/oracle-errors.ts';
import { lossErrors, lossesBeyond } from '../support/oracle-losses.ts';
import { missingLibrary } from './missing-library.ts';
import { type CheckContext, type Part, type PartResult, resultOf, skipped } from './part.ts';

/** Loss, logits, gradients and ten steps of the optimizer, against PyTorch's float64; in two bytes, losses of many batches too. */
export const oracle: Part = {
  about: `${ORACLE_CASES.length} cases against the float64 of PyTorch, in ${Object.keys(PRECISIONS).join(', ')}`,
  async run(context) {
    const device = await openDevice(context.device);
    try {
      return await check(context, device);
    } finally {
      device.close();
    }
  },
};

async function check({ device: on, only, tell }: CheckContext, device: Device): Promise<PartResult> {
  const cases = ORACLE_CASES.filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
  if (cases.length === 0) return skipped(`no case has a name with ${only.join(' or ')}`);
  const reasons: string[] = [];
  const figures: Record<string, unknown> = {};
  const missing = await missingLibrary(on);
  if (missing !== undefined) tell(missing);
  for (const [precision, { set, limits, losses }] of Object.entries(PRECISIONS)) {
    for (const { words, options, library } of modesOf(on, precision)) {
      if (library && missing !== undefined) {
        figures[`${precision}${words}`] = missing;
        continue;
      }
      for (const name of cases) {
        const what = `${name} in ${precision}${words}`;
        const errors = await oracleErrors(name, on, set, options);
        const wrong = [...beyondLimits(errors, limits(name))];
        const worst = Math.max(...Object.values(errors.gradients));
        tell(`${what}: loss ${errors.loss.toExponential(1)}, gradients ${worst.toExponential(1)}`);
        figures[`${name} ${precision}${words}`] = errors;
        if (losses !== undefined) {
          const overBatches = await lossErrors(name, device, set, library);
          wrong.push(...lossesBeyond(overBatches, losses));
          figures[`${name} ${precision}${words}`] = { ...errors, losses_of_batches: overBatches };
        }
        reasons.push(...wrong.map((each) => `${what}: ${each}`));
      }
    }
  }
  return resultOf(reasons, figures);
}
