/**
 * The names of inputs and outputs that a program of decoding keeps from run to run: an input and the output of its name lie at
 * one place. Those of a loop are stacked, a slice for each iteration.
 */
const EACH = 'states.';
const ONE = 'state.';

export function stateName(n: number, stacked: boolean): string {
  return `${stacked ? EACH : ONE}${n}`;
}

export function isState(name: string): boolean {
  return name.startsWith(EACH) || name.startsWith(ONE);
}

/** Whether it is a slice for each iteration of a loop. */
export function isStackedState(name: string): boolean {
  return name.startsWith(EACH);
}
