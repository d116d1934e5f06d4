/** Deciding what becomes a loop, before anything is built. */
import type { Op, Value, ValueId } from '../../ir/graph.ts';
import type { Hir, HirFor, HirItem } from '../../ir/hir.ts';
import { present } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { flatten } from './body-shape.ts';
import { type Break, findRuns, type Run, type Values } from './runs.ts';
import { claimWeights } from './stacks.ts';

/** What the graph's outermost block will hold, in order. */
export type PlannedItem = { readonly kind: 'op'; readonly op: Op } | { readonly kind: 'loop'; readonly run: Run };

/** How a `for` was compiled. */
export interface RollReport {
  readonly variable: string;
  readonly iterations: number;
  /** Iterations by label; one that stands alone is not a loop. */
  readonly bodies: readonly { readonly first: string; readonly last: string; readonly loop: boolean }[];
  /** Why there is more than one body. */
  readonly breaks: readonly Break[];
  readonly span: Span;
}

export interface RollPlan {
  readonly items: readonly PlannedItem[];
  /** Weights that are stacked, with all members of their stack. */
  readonly claimed: ReadonlyMap<ValueId, readonly ValueId[]>;
  readonly report: readonly RollReport[];
}

export function planLoops(hir: Hir): RollPlan {
  const values = valuesOf(hir);
  const claimed = new Map<ValueId, readonly ValueId[]>();
  const report: RollReport[] = [];
  const usesWeights = (run: Run): boolean =>
    run.shapes.some((shape) => shape.outside.some((id) => values.isWeight(id)));

  const planFor = (loop: HirFor): readonly PlannedItem[] => {
    const { runs, breaks } = findRuns(loop, values);
    const planned = runs.map((run) => ({
      run,
      loop: run.shapes.length > 1 && usesWeights(run) && claimWeights(run, claimed),
    }));
    if (runs.some(usesWeights)) report.push(reportOf(loop, planned, breaks));
    return planned.flatMap(({ run, loop: rolled }): readonly PlannedItem[] => {
      if (rolled) return [{ kind: 'loop', run }];
      const iterations = loop.iterations.slice(run.first, run.first + run.shapes.length);
      return iterations.flatMap((iteration) => plan(iteration.items));
    });
  };
  const plan = (items: readonly HirItem[]): readonly PlannedItem[] =>
    items.flatMap((item) => (item.kind === 'for' ? planFor(item) : [{ kind: 'op', op: item } as const]));
  return { items: plan(hir.items), claimed, report };
}

function valuesOf(hir: Hir): Values {
  const byId = new Map<ValueId, Value>();
  for (const op of flatten(hir.items)) for (const result of op.results) byId.set(result.id, result);
  const weights = new Set(hir.weights.map((weight) => weight.value.id));
  for (const { value } of hir.weights) byId.set(value.id, value);
  return {
    isWeight: (id) => weights.has(id),
    valueOf: (id) => {
      const value = present(byId.get(id), `value ${id}`);
      return { ...value, name: hir.names.get(id) };
    },
  };
}

function reportOf(loop: HirFor, planned: readonly { run: Run; loop: boolean }[], breaks: readonly Break[]): RollReport {
  const label = (i: number): string => present(loop.iterations[i], 'an iteration').label;
  const bodies = planned.map(({ run, loop: rolled }) => ({
    first: label(run.first),
    last: label(run.first + run.shapes.length - 1),
    loop: rolled,
  }));
  return { variable: loop.variable, iterations: loop.iterations.length, bodies, breaks, span: loop.span };
}
