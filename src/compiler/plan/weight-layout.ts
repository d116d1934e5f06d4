import type { Weight, WeightMember } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import type { WeightPlace } from '../ir/plan.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { FixedPlace } from './placement.ts';
import { alignUp } from './sizes.ts';

/** A run of neighbouring elements that one launch of the optimizer may update: all have the same factors. */
export interface UpdateRun {
  readonly part: number;
  /** First element and count, in elements of the part. */
  readonly start: number;
  readonly count: number;
  readonly lr: number;
  readonly eps: number;
  readonly decay: number;
}

export interface WeightPart {
  readonly bytes: number;
  /** Bytes from the start that have gradients and moments. */
  readonly trainedBytes: number;
}

/** Where all weights lie. Members of a stacked weight lie at a constant stride. */
export interface WeightLayout {
  readonly places: readonly WeightPlace[];
  readonly byName: ReadonlyMap<string, WeightPlace>;
  readonly parts: readonly WeightPart[];
  readonly runs: readonly UpdateRun[];
  /** Weights with a clip of their own. */
  readonly clipped: readonly WeightPlace[];
}

/**
 * Lays out the weights, those with equal factors next to each other so that the optimizer needs few launches, frozen
 * ones last. Every member begins at a multiple of the binding alignment, so that it can be bound by itself.
 */
export function layOutWeights(weights: readonly Weight[], limits: TargetLimits): WeightLayout {
  const places: WeightPlace[] = [];
  const parts: { bytes: number; trainedBytes: number }[] = [];
  for (const weight of inUpdateOrder(weights)) {
    const bytes = elementsOf(weight.axes) * 4;
    const stride = alignUp(bytes, limits.offsetAlignment);
    const part = partFor(parts, stride * weight.members.length, limits.bufferBytes);
    const trained = weight.members.some((m) => !m.freeze);
    const target = parts[part];
    invariant(target, 'a part to put the weight in');
    for (const member of weight.members) {
      places.push(placeOf(weight, member, part, target.bytes, bytes));
      target.bytes += stride;
      if (trained) target.trainedBytes = target.bytes;
    }
  }
  return {
    places,
    byName: new Map(places.map((p) => [p.name, p])),
    parts,
    runs: updateRuns(places, limits.offsetAlignment),
    clipped: places.filter((p) => p.clip !== undefined && !p.freeze),
  };
}

/** Trained weights grouped by their factors, in the order in which each group first appears, then frozen ones. */
function inUpdateOrder(weights: readonly Weight[]): readonly Weight[] {
  const groups = new Map<string, Weight[]>();
  const frozen: Weight[] = [];
  for (const weight of weights) {
    const first = weight.members[0];
    if (weight.members.every((m) => m.freeze) || !first) {
      frozen.push(weight);
      continue;
    }
    const key = factorsOf(first);
    groups.set(key, [...(groups.get(key) ?? []), weight]);
  }
  return [...[...groups.values()].flat(), ...frozen];
}

function factorsOf(m: Pick<WeightMember, 'lr' | 'eps' | 'decay' | 'freeze'>): string {
  return m.freeze ? 'frozen' : `${m.lr} ${m.eps} ${m.decay}`;
}

function partFor(parts: { bytes: number; trainedBytes: number }[], bytes: number, bufferBytes: number): number {
  const last = parts[parts.length - 1];
  if (!last || last.bytes + bytes > bufferBytes) parts.push({ bytes: 0, trainedBytes: 0 });
  return parts.length - 1;
}

function placeOf(weight: Weight, member: WeightMember, part: number, offset: number, bytes: number): WeightPlace {
  return {
    name: member.name,
    shape: weight.axes.map((a) => a.size),
    axes: weight.axes.map((a) => a.name),
    part,
    offset,
    bytes,
    init: member.init,
    decay: member.decay,
    lr: member.lr,
    eps: member.eps,
    ...(member.clip === undefined ? {} : { clip: member.clip }),
    freeze: member.freeze,
  };
}

function updateRuns(places: readonly WeightPlace[], alignment: number): readonly UpdateRun[] {
  const runs: UpdateRun[] = [];
  let lastKey = '';
  for (const place of places) {
    const key = `${place.part} ${factorsOf(place)}`;
    const count = alignUp(place.bytes, alignment) / 4;
    const last = runs[runs.length - 1];
    const start = place.offset / 4;
    if (place.freeze) {
      lastKey = '';
    } else if (last && key === lastKey && last.start + last.count === start) {
      runs[runs.length - 1] = { ...last, count: last.count + count };
    } else {
      runs.push({ part: place.part, start, count, lr: place.lr, eps: place.eps, decay: place.decay });
      lastKey = key;
    }
  }
  return runs;
}

/** Where all members of a weight lie; the layout keeps them at one stride. */
export function weightPlace(segment: string, weight: Weight, layout: WeightLayout): FixedPlace {
  const places = weight.members.map((m) => present(layout.byName.get(m.name), `weight ${m.name} in the layout`));
  const first = present(places[0], 'a member');
  const place = { segment: `${segment}${first.part}`, offset: first.offset };
  if (!weight.stacked) return place;
  const stride = (places[1]?.offset ?? first.offset + first.bytes) - first.offset;
  places.forEach((p, k) => {
    invariant(p.part === first.part && p.offset === first.offset + k * stride, `members of ${weight.id} lie apart`);
  });
  return { ...place, rows: { count: places.length, bytes: first.bytes, stride } };
}
