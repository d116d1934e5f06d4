import type { TensorType } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import type { Address } from '../ir/plan.ts';
import { isStackedState } from '../ir/state-name.ts';
import type { FixedPlace } from './placement.ts';
import { alignUp, bytesOf } from './sizes.ts';
import { type Place, spanOf } from './storage.ts';

type IoLimits = Pick<TargetLimits, 'offsetAlignment' | 'bufferBytes' | 'narrow'>;

/** Places in the segments that the host writes and reads. Asking twice for the same gives the same place. */
export interface IoTable {
  /** Programs that name the same input with the same shape share it. */
  readonly input: (name: string, type: TensorType) => Place;
  readonly output: (program: string, name: string, type: TensorType) => Place;
  /** Of the input and the output of that name (`isState`), in all programs. */
  readonly state: (name: string, type: TensorType) => FixedPlace;
  /** Room for `bytes` of a program's own. */
  readonly scratch: (name: string, bytes: number) => Place;
  /** What micro-batches add to: outputs of `total`, and inputs named `total.…`. */
  readonly totals: () => readonly Address[];
  readonly sizes: () => { readonly inputs: number; readonly outputs: number; readonly states: readonly number[] };
}

export function makeIoTable(limits: IoLimits): IoTable {
  const { offsetAlignment: alignment, bufferBytes } = limits;
  const places = new Map<string, Place>();
  const totals: Address[] = [];
  const sizes = { inputs: 0, outputs: 0 };
  const parts: number[] = [];
  const states = new Map<string, FixedPlace>();
  const place = (segment: 'inputs' | 'outputs', key: string, bytes: number): Place => {
    const known = places.get(key);
    if (known) return known;
    const made = { segment, offset: sizes[segment] };
    sizes[segment] += alignUp(bytes, alignment);
    places.set(key, made);
    if (key.startsWith('in total.') || key.startsWith('out total ')) totals.push({ ...made, bytes });
    return made;
  };
  /** Those of a loop lie so that each iteration finds its slice at an aligned place. */
  const state = (name: string, type: TensorType): FixedPlace => {
    const known = states.get(name);
    if (known) return known;
    const count = isStackedState(name) ? (type.axes[0]?.size ?? 1) : 1;
    const bytes = bytesOf(type, limits) / count;
    const rows = { count, bytes, stride: alignUp(bytes, alignment) };
    const span = alignUp(spanOf(rows), alignment);
    if (parts.length === 0 || (parts.at(-1) ?? 0) + span > bufferBytes) parts.push(0);
    const part = parts.length - 1;
    const offset = parts[part] ?? 0;
    const made = { segment: `states${part}`, offset, ...(isStackedState(name) ? { rows } : {}) };
    parts[part] = offset + span;
    states.set(name, made);
    return made;
  };
  return {
    state,
    input: (name, type) => place('inputs', `in ${name} ${type.axes.map((a) => a.size).join()}`, bytesOf(type, limits)),
    output: (program, name, type) => place('outputs', `out ${program} ${name}`, bytesOf(type, limits)),
    scratch: (name, bytes) => place('outputs', `scratch ${name}`, bytes),
    totals: () => totals,
    sizes: () => ({ ...sizes, states: [...parts] }),
  };
}
