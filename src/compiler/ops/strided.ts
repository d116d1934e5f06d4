/** Row-major arrays of the reference evaluation, read in any order of axes. */
import type { Axis, AxisId } from '../ir/graph.ts';
import { axesWithout, elementsOf, floats, hasAxis, sameAxes, withoutIds } from '../ir/tensor-type.ts';
import type { Tensor } from './op-def.ts';

/** Elements between neighbours along each axis. */
export function stridesOf(axes: readonly Axis[]): ReadonlyMap<AxisId, number> {
  const strides = new Map<AxisId, number>();
  let stride = 1;
  for (const axis of axes.toReversed()) {
    strides.set(axis.id, stride);
    stride *= axis.size;
  }
  return strides;
}

/** For each place of `axes`, row-major: the sum of index times `stride`. An axis without a stride does not move. */
export function offsetsOf(axes: readonly Axis[], strides: ReadonlyMap<AxisId, number>, start = 0): Int32Array {
  const offsets = new Int32Array(elementsOf(axes));
  if (offsets.length === 0) return offsets;
  offsets[0] = start;
  let filled = 1;
  for (const axis of axes.toReversed()) {
    const stride = strides.get(axis.id) ?? 0;
    for (let i = 1; i < axis.size; i += 1) {
      for (let j = 0; j < filled; j += 1) offsets[i * filled + j] = (offsets[j] ?? 0) + i * stride;
    }
    filled *= axis.size;
  }
  return offsets;
}

/** Elements of `data` at `offsets`. */
export function take(data: Float64Array, offsets: Int32Array): Float64Array {
  const out = new Float64Array(offsets.length);
  for (let i = 0; i < out.length; i += 1) out[i] = data[offsets[i] ?? 0] ?? Number.NaN;
  return out;
}

/** The elements of `x` for each place of `axes`, among which are all of its own. */
export function aligned({ type, data }: Tensor, axes: readonly Axis[]): Float64Array {
  return sameAxes(type.axes, axes) ? data : take(data, offsetsOf(axes, stridesOf(type.axes)));
}

/** `x` with its axes in the order of `axes`. */
export function reordered(x: Tensor, axes: readonly Axis[]): Tensor {
  return { type: { ...x.type, axes }, data: aligned(x, axes) };
}

/** `x` with another name for an axis. */
export function renamed(x: Tensor, from: AxisId, to: Axis): Tensor {
  return { ...x, type: { ...x.type, axes: x.type.axes.map((axis) => (axis.id === from ? to : axis)) } };
}

/** Sums `x` over all axes but `axes`. */
export function summed(x: Tensor, axes: readonly Axis[]): Tensor {
  const out = new Float64Array(elementsOf(axes));
  const places = offsetsOf(x.type.axes, stridesOf(axes));
  for (let i = 0; i < places.length; i += 1) {
    const place = places[i] ?? 0;
    out[place] = (out[place] ?? 0) + (x.data[i] ?? Number.NaN);
  }
  return { type: { ...x.type, axes }, data: out };
}

/** The sum of x * y over the axes `over`: batches of matrix products, with both operands put in order first. */
export function product(x: Tensor, y: Tensor, over: readonly AxisId[]): Tensor {
  const inner = x.type.axes.filter((axis) => over.includes(axis.id));
  const batch = withoutIds(x.type.axes, over).filter((axis) => hasAxis(y.type.axes, axis.id));
  const rows = axesWithout(x.type.axes, [...inner, ...batch]);
  const columns = axesWithout(y.type.axes, [...inner, ...batch]);
  const [m, n, k] = [elementsOf(rows), elementsOf(columns), elementsOf(inner)];
  const left = aligned(x, [...batch, ...rows, ...inner]);
  const right = aligned(y, [...batch, ...columns, ...inner]);
  const out = new Float64Array(elementsOf(batch) * m * n);
  for (let row = 0; row < elementsOf(batch) * m; row += 1) {
    const first = Math.floor(row / m) * n;
    for (let j = 0; j < n; j += 4)
      dotFour(out, row * n + j, left, row * k, right, (first + j) * k, Math.min(4, n - j), k);
  }
  return { type: floats([...batch, ...rows, ...columns]), data: out };
}

/** Up to four elements of `out`: the dot products of k elements of `left` with neighbouring rows of `right`. */
function dotFour(
  out: Float64Array,
  target: number,
  left: Float64Array,
  l: number,
  right: Float64Array,
  r: number,
  count: number,
  k: number,
): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  // Rows beyond the last repeat it, so that one loop does for all.
  const second = r + Math.min(1, count - 1) * k;
  const third = r + Math.min(2, count - 1) * k;
  const fourth = r + Math.min(3, count - 1) * k;
  for (let i = 0; i < k; i += 1) {
    const factor = left[l + i] ?? Number.NaN;
    a += factor * (right[r + i] ?? Number.NaN);
    b += factor * (right[second + i] ?? Number.NaN);
    c += factor * (right[third + i] ?? Number.NaN);
    d += factor * (right[fourth + i] ?? Number.NaN);
  }
  out[target] = a;
  if (count > 1) out[target + 1] = b;
  if (count > 2) out[target + 2] = c;
  if (count > 3) out[target + 3] = d;
}
