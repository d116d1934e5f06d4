import { type Lint, shown, warning } from './lint.ts';
import { depthOf, normalisedSums, streamsOf } from './residual-stream.ts';
import { stepsOf } from './running-sums.ts';

/** The deepest model that a constant may have been copied from. */
const DEEPEST = 256;
/** A factor that was rounded to four digits is still the formula's. */
const NEAR = 2e-4;

export const depthConstant: Lint = {
  name: 'depth-constant',
  summary: 'a factor of the residual stream that a scheme of the library has at another depth',
  run: ({ graph, advice }) => {
    const depth = depthOf(graph);
    return streamsOf(graph).flatMap((stream) =>
      normalisedSums(stream).flatMap(({ path }) => {
        if (path.length !== 2) return [];
        const [step] = stepsOf(path);
        if (step?.kind !== 'scale' || step.factors?.length !== 1) return [];
        const [value = 1] = step.factors;
        const known = advice.known();
        // Right for this depth by one formula, it may look like another depth's by the next.
        if ([...advice.used, ...known].some((one) => near(one.atDepth('residual', depth) ?? Number.NaN, value)))
          return [];
        for (const one of known) {
          const wanted = one.atDepth('residual', depth);
          if (wanted === undefined) continue;
          const fits = Array.from({ length: DEEPEST }, (_, i) => i + 1).find((n) =>
            near(one.atDepth('residual', n) ?? Number.NaN, value),
          );
          // Whole numbers fit a formula by chance.
          if (fits === undefined || fits === 1 || Number.isInteger(value)) continue;
          const source = one.text('source') ?? 'as the library declares it';
          const params = { value: shown(value), fits, depth, wanted: shown(wanted), source };
          return [warning('depth-constant', params, { span: step.op.span })];
        }
        return [];
      }),
    );
  },
};

function near(a: number, b: number): boolean {
  return Math.abs(a / b - 1) < NEAR;
}
