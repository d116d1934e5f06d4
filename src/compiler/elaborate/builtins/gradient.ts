/** The gradient of a weight, which only probes look at. */
import { textOf } from '../describe.ts';
import { tensorOf } from '../emit.ts';
import { gradientOf } from '../gradients.ts';
import { refuse } from '../session.ts';
import { wantTensor } from '../want.ts';
import { argument, type BuiltinTable } from './builtin.ts';

export const GRADIENT: BuiltinTable = {
  grad: {
    params: ['weight'],
    run: (call) => {
      const { session, span } = call;
      if (!session.probing.active) refuse('gradient-not-here', {}, span);
      const given = argument(call, 'weight');
      const { value } = wantTensor(given.value, given.span);
      const weight = [...session.weights.values()].find((one) => one.value.id === value.id);
      if (!weight) return refuse('gradient-of-value', { text: textOf(given.span) }, given.span);
      return tensorOf(gradientOf(weight, session, given.span), false);
    },
  },
};
