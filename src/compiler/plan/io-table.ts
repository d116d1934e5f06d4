import type { TensorType } from '../ir/graph.ts';
import type { Address } from '../ir/plan.ts';
import { alignUp, bytesOf } from './sizes.ts';
import type { Place } from './storage.ts';

/** Places in the segments that the host writes and reads. Asking twice for the same gives the same place. */
export interface IoTable {
  /** Programs that name the same input with the same shape share it. */
  readonly input: (name: string, type: TensorType) => Place;
  readonly output: (program: string, name: string, type: TensorType) => Place;
  /** Room for `bytes` of a program's own. */
  readonly scratch: (name: string, bytes: number) => Place;
  /** What micro-batches add to: outputs of `total`, and inputs named `total.…`. */
  readonly totals: () => readonly Address[];
  readonly sizes: () => { readonly inputs: number; readonly outputs: number };
}

export function makeIoTable(alignment: number): IoTable {
  const places = new Map<string, Place>();
  const totals: Address[] = [];
  const sizes = { inputs: 0, outputs: 0 };
  const place = (segment: 'inputs' | 'outputs', key: string, bytes: number): Place => {
    const known = places.get(key);
    if (known) return known;
    const made = { segment, offset: sizes[segment] };
    sizes[segment] += alignUp(bytes, alignment);
    places.set(key, made);
    if (key.startsWith('in total.') || key.startsWith('out total ')) totals.push({ ...made, bytes });
    return made;
  };
  return {
    input: (name, type) => place('inputs', `in ${name} ${type.axes.map((a) => a.size).join()}`, bytesOf(type)),
    output: (program, name, type) => place('outputs', `out ${program} ${name}`, bytesOf(type)),
    scratch: (name, bytes) => place('outputs', `scratch ${name}`, bytes),
    totals: () => totals,
    sizes: () => ({ ...sizes }),
  };
}
