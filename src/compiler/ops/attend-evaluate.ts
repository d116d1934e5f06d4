/** Attention and its gradient by definition: the whole matrix of scores at once. */
import type { AttendAttrs, Axis, Block } from '../ir/graph.ts';
import { axesWithout, elementsOf, floats, hasAxis, tensor, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import { queryAxes, scoreAxes } from './attend-shapes.ts';
import type { Tensor } from './op-def.ts';
import { aligned, offsetsOf, product, renamed, reordered, stridesOf, summed } from './strided.ts';

export interface AttendInputs {
  readonly attrs: AttendAttrs;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly captures: readonly Tensor[];
  readonly run: (block: Block, args: readonly Tensor[]) => readonly Tensor[];
}

const at = (data: Float64Array, i: number): number => data[i] ?? Number.NaN;

/** int positions along `axis` at every place of `axes`. */
function positions(axes: readonly Axis[], axis: Axis): Tensor {
  const places = offsetsOf(axes, new Map([[axis.id, 1]]));
  return { type: tensor('int', axes), data: Float64Array.from(places) };
}

const keyed = (x: Tensor, { over, key }: AttendAttrs): Tensor => renamed(x, over, key);

/** The masked scores, minus infinity where the mask hides a key, and what `score` gave besides the score. */
function scoresOf({ attrs, q, k, captures, run }: AttendInputs, score: Block) {
  const axes = scoreAxes(q.type, attrs);
  const query = present(
    axes.find((axis) => axis.id === attrs.over),
    'the query axis',
  );
  const dots = reordered(product(q, keyed(k, attrs), [attrs.on]), axes).data.map((s) => s * attrs.scale);
  const places = [positions(axes, query), positions(axes, attrs.key)];
  const seen = aligned(present(run(attrs.mask, [...places, ...captures])[0], 'the mask'), axes);
  const [scored, slope] = run(score, [{ type: floats(axes), data: dots }, ...places, ...captures]);
  const data = aligned(present(scored, 'the score'), axes).map((s, i) => (seen[i] ? s : Number.NEGATIVE_INFINITY));
  return { scores: { type: floats(axes), data }, slope };
}

/** log(sum(exp(s))) over the key, by the largest score. */
function logSumExp({ type, data }: Tensor, kept: readonly Axis[]): Tensor {
  const rows = offsetsOf(type.axes, stridesOf(kept));
  const largest = new Float64Array(elementsOf(kept)).fill(Number.NEGATIVE_INFINITY);
  data.forEach((s, i) => {
    largest[at2(rows, i)] = Math.max(at(largest, at2(rows, i)), s);
  });
  invariant(!largest.includes(Number.NEGATIVE_INFINITY), 'a query sees no key');
  const exps = data.map((s, i) => Math.exp(s - at(largest, at2(rows, i))));
  const sums = summed({ type, data: exps }, kept).data;
  return { type: floats(kept), data: sums.map((s, i) => Math.log(s) + at(largest, i)) };
}

const at2 = (places: Int32Array, i: number): number => places[i] ?? 0;

function weightsOf(scores: Tensor, logsumexp: Tensor): Tensor {
  const shift = aligned(logsumexp, scores.type.axes);
  return { ...scores, data: scores.data.map((s, i) => Math.exp(s - at(shift, i))) };
}

/** o and the logsumexp. */
export function attendForward(inputs: AttendInputs, results: readonly Axis[]): readonly Float64Array[] {
  const { attrs, q, v } = inputs;
  const { scores } = scoresOf(inputs, attrs.score);
  const logsumexp = logSumExp(scores, queryAxes(q.type, attrs));
  const o = product(weightsOf(scores, logsumexp), keyed(v, attrs), [attrs.key.id]);
  return [reordered(o, results).data, logsumexp.data];
}

/** delta: the sum of o * gradient of o over what the queries lack. */
export function attendDelta(o: Tensor, gradient: Tensor, kept: readonly Axis[]): Tensor {
  const data = o.data.map((value, i) => value * at(gradient.data, i));
  return summed({ type: o.type, data }, kept);
}

/** The softmax weights p, and the gradient of scale * q * k. */
export function scoreGradient(
  inputs: AttendInputs,
  score: Block,
  { logsumexp, delta, gradient }: { readonly logsumexp: Tensor; readonly delta: Tensor; readonly gradient: Tensor },
): { readonly weights: Tensor; readonly gradient: Tensor } {
  const { scores, slope } = scoresOf(inputs, score);
  const { axes } = scores.type;
  const weights = weightsOf(scores, logsumexp);
  const v = keyed(inputs.v, inputs.attrs);
  const own = axesWithout(v.type.axes, axes).map((axis) => axis.id);
  const ofWeights = reordered(product(gradient, v, own), axes).data;
  const [subtracted, slopes] = [aligned(delta, axes), aligned(present(slope, 'the slope of the score'), axes)];
  const data = weights.data.map(
    (p, i) => p * (at(ofWeights, i) - at(subtracted, i)) * at(slopes, i) * inputs.attrs.scale,
  );
  return { weights, gradient: { type: floats(axes), data } };
}

/** The product of `x` and `y`, summed to the axes of `like`, with `over` of `like` standing for the key. */
export function onto(x: Tensor, y: Tensor, like: readonly Axis[]): Float64Array {
  const shared = x.type.axes.filter((axis) => hasAxis(y.type.axes, axis.id) && !hasAxis(like, axis.id));
  const multiplied = product(
    x,
    y,
    shared.map((axis) => axis.id),
  );
  const extra = axesWithout(multiplied.type.axes, like).map((axis) => axis.id);
  return aligned(summed(multiplied, withoutIds(multiplied.type.axes, extra)), like);
}

/** `axes` with the key for `over`. */
export function keyAxes(axes: readonly Axis[], { over, key }: AttendAttrs): readonly Axis[] {
  return axes.map((axis) => (axis.id === over ? key : axis));
}
