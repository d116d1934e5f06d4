/**
 * Places identify weights. A place is where a function was instantiated or called: the place of the body around it, the
 * call in the text, and the indices of the loops between them. The same place again means the same weights.
 */
import type { Span } from '../support/source.ts';
import type { Lanes } from './lanes-type.ts';

/** The loops around a point of a body. */
export interface LoopPath {
  /** Tells iterations apart. */
  readonly key: string;
  /** What they add to names of weights: `layer`, `3`. */
  readonly segments: readonly string[];
  /** What they add to names of values, which are the same in all iterations: `layer`. */
  readonly shown: readonly string[];
  /** What they add to names of probes, whose iterations are stacked: keys of records only. */
  readonly keys: readonly string[];
  /** The iterations that are elaborated at once, when one of the loops is. */
  readonly lanes: Lanes | undefined;
}

export const NO_LOOPS: LoopPath = { key: '', segments: [], shown: [], keys: [], lanes: undefined };

export interface Place {
  readonly parent: Place | undefined;
  /** What it adds to names; undefined when it is transparent. May have several segments: `logits.linear`. */
  readonly label: string | undefined;
  /** Which of the calls in the body of the parent it is, in the order in which they are first made. */
  readonly ordinal: number;
  readonly loops: LoopPath;
  readonly span: Span;
  /** Names of values in it begin so. */
  readonly shown: readonly string[];
  readonly keys: readonly string[];
  /** The iterations that have one each of what is in it. */
  readonly lanes: Lanes | undefined;
  readonly children: Place[];
  /** Children by the node of the text that made them, and by loop. */
  readonly byNode: Map<object, Map<string, Place>>;
  /** Names of weights by the statement that declares them, and by loop. */
  readonly weights: Map<object, Map<string, WeightSlot>>;
}

/** A weight as its place knows it. */
export interface WeightSlot {
  readonly name: string;
  readonly loops: LoopPath;
  readonly span: Span;
  readonly place: Place;
}

export function rootPlace(span: Span): Place {
  return makePlace(undefined, undefined, 0, NO_LOOPS, span);
}

function makePlace(
  parent: Place | undefined,
  label: string | undefined,
  ordinal: number,
  loops: LoopPath,
  span: Span,
): Place {
  const own = label === undefined ? [] : label.split('.');
  return {
    parent,
    label,
    ordinal,
    loops,
    span,
    shown: parent ? [...parent.shown, ...loops.shown, ...own] : [],
    keys: parent ? [...parent.keys, ...loops.keys, ...own] : [],
    lanes: loops.lanes ?? parent?.lanes,
    children: [],
    byNode: new Map(),
    weights: new Map(),
  };
}

/** The place of `node` in the body of `parent`: the one made before, or a new one. */
export function placeAt(parent: Place, node: object, loops: LoopPath, label: string | undefined, span: Span): Place {
  let byLoop = parent.byNode.get(node);
  if (!byLoop) {
    byLoop = new Map();
    parent.byNode.set(node, byLoop);
  }
  const known = byLoop.get(loops.key);
  if (known) return known;
  const place = makePlace(parent, label, [...parent.byNode.keys()].indexOf(node), loops, span);
  byLoop.set(loops.key, place);
  parent.children.push(place);
  return place;
}

/** The weight that `node` declares as `name` in the body of `place`. */
export function weightSlotAt(place: Place, node: object, name: string, loops: LoopPath, span: Span): WeightSlot {
  let byLoop = place.weights.get(node);
  if (!byLoop) {
    byLoop = new Map();
    place.weights.set(node, byLoop);
  }
  const key = `${loops.key} ${name}`;
  const known = byLoop.get(key);
  if (known) return known;
  const slot: WeightSlot = { name, loops, span, place };
  byLoop.set(key, slot);
  return slot;
}

/** Where weights lie that are made of a weight: `layer.3.attn.wq`. It is no child of the place around, which rules look through. */
export function placeOfWeight({ place, name, loops, span }: WeightSlot): Place {
  return makePlace(place, name, 0, loops, span);
}

/** `place` lies in the body of `root`, or is it. */
export function isWithin(place: Place, root: Place): boolean {
  for (let at: Place | undefined = place; at; at = at.parent) if (at === root) return true;
  return false;
}

/** `RMSNorm` -> `rms_norm`, `SwiGLU` -> `swi_glu`. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** Tells a call apart from all others of a program, however the text around it is laid out. */
export function pathOf(place: Place): string {
  if (!place.parent) return '';
  const { segments, lanes } = place.loops;
  const first = segments.map((part) => (part === lanes?.segment ? lanes.labels[0] : part));
  const own = [...first, place.label ?? `#${place.ordinal}`].join('.');
  const outer = pathOf(place.parent);
  return outer === '' ? own : `${outer}.${own}`;
}
