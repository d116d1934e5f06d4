import type { TensorType, ValueId } from '../ir/graph.ts';
import type { Builder, Note } from '../ops/builder.ts';
import type { Need } from './form.ts';

/** What a recipe builds with. */
export interface Making {
  readonly b: Builder;
  /** The position of the step, less `back`: an int without axes. */
  readonly position: (back: number) => ValueId;
  /** The name and place that the value has in the spec. */
  readonly note: Note;
}

/** How a value is made in a form that is wanted of it. */
export interface Recipe {
  readonly needs: readonly Need[];
  /** The type of what it keeps from step to step: zeros at first, then what it made. */
  readonly keeps?: TensorType;
  /** `given` are the needs, in order, and what was kept. */
  readonly make: (making: Making, given: readonly ValueId[]) => ValueId;
}
