/** Moves numbers between the host and the places that a plan gives to weights, inputs and outputs. */
import type { LoadedPlan } from '../backends/device.ts';
import { LOSS_SCALING } from '../compiler/ir/loss-scaling.ts';
import type { IoPlace, Plan, Program, WeightPlace } from '../compiler/ir/plan.ts';
import { invariant, present } from '../compiler/support/invariant.ts';

/** Segments with the layout of the weights. */
export type WeightLike = 'weights' | 'gradients' | 'totals' | 'moment1' | 'moment2';

/** Those of the optimizer. */
export const MOMENTS = ['moment1', 'moment2'] as const;

/** Outputs that lie this close together come in one transfer. */
const HULL_BYTES = 64 * 1024;

export function programOf(plan: Plan, name: string): Program {
  return present(plan.programs[name], `program ${name}`);
}

export function placeOf(places: readonly IoPlace[], name: string): IoPlace {
  return present(
    places.find((p) => p.name === name),
    `'${name}' among the inputs or outputs of a program`,
  );
}

/** Where a plan in f16 keeps its loss scale and what it depends on; see `compiler/ir/loss-scaling.ts`. */
export function lossScalingPlace(plan: Plan): IoPlace | undefined {
  return plan.programs.update?.outputs.find((p) => p.name === LOSS_SCALING);
}

/** Reads several outputs; the result has one array for each place. Waits for all work before. */
export async function readOutputs(
  loaded: LoadedPlan,
  places: readonly IoPlace[],
): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const addresses = places.map((p) => p.address);
  const start = Math.min(...addresses.map((a) => a.offset));
  const end = Math.max(...addresses.map((a) => a.offset + a.bytes));
  const [first] = addresses;
  if (first && addresses.every((a) => a.segment === first.segment) && end - start <= HULL_BYTES) {
    const bytes = await loaded.read(first.segment, start, end - start);
    return addresses.map((a) => new Float32Array(bytes.slice(a.offset - start, a.offset - start + a.bytes)));
  }
  return Promise.all(addresses.map(async (a) => new Float32Array(await loaded.read(a.segment, a.offset, a.bytes))));
}

/** The one number of an output without axes. */
export async function readScalars(loaded: LoadedPlan, places: readonly IoPlace[]): Promise<readonly number[]> {
  const values = await readOutputs(loaded, places);
  return values.map((v) => present(v[0], 'a number'));
}

export function writeInput(loaded: LoadedPlan, place: IoPlace, values: Int32Array | Float32Array): void {
  invariant(values.byteLength === place.address.bytes, `input ${place.name} takes ${place.address.bytes} bytes`);
  loaded.write(place.address.segment, place.address.offset, values);
}

/** Weights that have gradients and moments. */
export function trainedWeights(plan: Plan): readonly WeightPlace[] {
  return plan.weights.filter((w) => !w.freeze);
}

/** Reads what lies at the places of `weights` in the segments `like`0, `like`1, …: one transfer a segment. */
export async function readWeights(
  loaded: LoadedPlan,
  like: WeightLike,
  weights: readonly WeightPlace[],
): Promise<ReadonlyMap<string, Float32Array<ArrayBuffer>>> {
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [part, places] of byPart(weights)) {
    const end = Math.max(...places.map((p) => p.offset + p.bytes));
    const bytes = await loaded.read(`${like}${part}`, 0, end);
    for (const p of places) values.set(p.name, new Float32Array(bytes, p.offset, p.bytes / 4));
  }
  return values;
}

/** Writes values for all of `weights`; what lies between them becomes 0. */
export function writeWeights(
  loaded: LoadedPlan,
  like: WeightLike,
  weights: readonly WeightPlace[],
  valuesOf: (place: WeightPlace) => Float32Array,
): void {
  for (const [part, places] of byPart(weights)) {
    const segment = `${like}${part}`;
    const bytes = present(
      loaded.plan.segments.find((s) => s.name === segment),
      `segment ${segment}`,
    ).bytes;
    const image = new Float32Array(bytes / 4);
    for (const p of places) image.set(valuesOf(p), p.offset / 4);
    loaded.write(segment, 0, image);
  }
}

function byPart(weights: readonly WeightPlace[]): ReadonlyMap<number, readonly WeightPlace[]> {
  const parts = new Map<number, WeightPlace[]>();
  for (const w of weights) {
    const part = parts.get(w.part);
    if (part) part.push(w);
    else parts.set(w.part, [w]);
  }
  return parts;
}
