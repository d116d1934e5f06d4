/** What probes that look from a distance need to know of a program while it is elaborated. */
import type { Value as IrValue } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import type { Expr, Probe } from '../syntax/ast.ts';
import type { Lanes } from './lanes-type.ts';
import type { LoopPath, Place, WeightSlot } from './place.ts';
import type { Scope } from './session.ts';
import type { Tensor, Value } from './value.ts';

/** A tensor that a statement gave a name. */
export interface NamedValue {
  readonly place: Place;
  readonly loops: LoopPath;
  readonly name: string;
  readonly value: Tensor;
  readonly span: Span;
}

export interface Gradient {
  readonly value: IrValue;
  /** Where it is asked for, and of which of its iterations: of all when that is undefined. */
  readonly uses: { readonly span: Span; readonly lane: number | undefined }[];
}

export interface Probing {
  /** By place, and in it by loops and name. The last binding counts, so of a loop that of the last statement. */
  readonly named: Map<Place, Map<string, NamedValue>>;
  /** Probes that look at values by path, which are evaluated when all values are there. */
  readonly distant: { readonly statement: Probe; readonly scope: Scope }[];
  /** What paths in the probe that is evaluated stand for. */
  paths: ReadonlyMap<Expr, Value> | undefined;
  /** A probe is evaluated. */
  active: boolean;
  /** It looks at a gradient. */
  usesGradient: boolean;
  /** What stands for the gradients of weights. */
  readonly gradients: Map<WeightSlot, Gradient>;
}

export function makeProbing(): Probing {
  return {
    named: new Map(),
    distant: [],
    paths: undefined,
    active: false,
    usesGradient: false,
    gradients: new Map(),
  };
}

/** Keeps the tensor that `name` is bound to in the body of `place`. */
export function keepNamed(probing: Probing, { place, loops, name, value, span }: NamedValue, lanes: Lanes | undefined) {
  const known = probing.named.get(place);
  const names = known ?? new Map<string, NamedValue>();
  if (!known) probing.named.set(place, names);
  const key = `${loops.key} ${name}`;
  // Again behind those that were bound before: the order is that of the program.
  names.delete(key);
  names.set(key, { place, loops, name, value, span });
  lanes?.undo.push(() => names.delete(key));
}
