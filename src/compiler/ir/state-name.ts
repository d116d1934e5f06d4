/**
 * The names of inputs and outputs that are kept from run to run: an input and the output of its name lie at one place. Decoding
 * keeps such states, a step of training copies of weights, and training in f16 its loss scale. Those of a loop are stacked, a slice for
 * each iteration.
 */
import type { WeightId } from './graph.ts';

const EACH = 'states.';
const ONE = 'state.';
const COPY = 'copy.';

export function stateName(n: number, stacked: boolean): string {
  return `${stacked ? EACH : ONE}${n}`;
}

/** Of the copy of a weight in two bytes. */
export function copyName(weight: WeightId, stacked: boolean): string {
  return `${stacked ? EACH : ONE}${COPY}${weight}`;
}

/** Of loss scaling; see `loss-scaling.ts`. */
export const SCALING_STATE = `${ONE}loss_scaling`;

export function isCopy(name: string): boolean {
  return name.startsWith(EACH + COPY) || name.startsWith(ONE + COPY);
}

export function isState(name: string): boolean {
  return name.startsWith(EACH) || name.startsWith(ONE);
}

/** Whether it is a slice for each iteration of a loop. */
export function isStackedState(name: string): boolean {
  return name.startsWith(EACH);
}
