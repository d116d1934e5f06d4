import type { AxisId, ValueId } from '../ir/graph.ts';

/** How the graph of one step has a value of the forward graph. */
export type Form = 'whole' | Slice;

/** Its elements at one place of `axis`, which goes: `back` before the position of the step. Behind it when negative. */
export interface Slice {
  readonly axis: AxisId;
  readonly back: number;
}

/** A value in a form. */
export interface Need {
  readonly value: ValueId;
  readonly form: Form;
}

export function formKey(form: Form): string {
  return form === 'whole' ? form : `${form.axis} ${form.back}`;
}
