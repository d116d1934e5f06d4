import type { Axis, AxisId, Graph } from '../ir/graph.ts';
import { allOps } from '../ir/walk-graph.ts';
import { type Lint, warning } from './lint.ts';

/** Below it the idle elements are too few, or the axis too small, for a user to care. */
const SMALLEST = 64;
/** Kernels compute products by tiles whose sides are multiples of it, and load that many elements at once. */
const GROUP = 4;
/** Sizes that no tile pads: a suggestion, where it is near. */
const WHOLE = 64;

export const paddedAxis: Lint = {
  name: 'padded-axis',
  summary: 'an axis of a weight in a product, of a size that kernels pad to the next multiple of their tiles',
  run: ({ graph, axisSpan }) =>
    axesOfProducts(graph).flatMap(({ id, name, size }) => {
      const span = axisSpan(id);
      if (size < SMALLEST || size % GROUP === 0 || !span) return [];
      return [warning('padded-axis', { name, size, group: next(size, GROUP), whole: next(size, WHOLE) }, { span })];
    }),
};

/** The axes of weights that products keep or sum over. */
function axesOfProducts({ block, weights }: Graph): readonly Axis[] {
  const met = new Set<AxisId>();
  for (const op of allOps(block)) {
    if (op.kind !== 'contract') continue;
    for (const id of op.attrs.terms.flat()) met.add(id);
    for (const { id } of op.results.flatMap((result) => result.type.axes)) met.add(id);
  }
  const axes = new Map(weights.flatMap((weight) => weight.axes.map((axis) => [axis.id, axis] as const)));
  return [...axes.values()].filter(({ id }) => met.has(id));
}

const next = (size: number, step: number): number => Math.ceil(size / step) * step;
