/** Deciding what becomes a loop, before anything is built. */
import type { Op, Value, ValueId } from '../../ir/graph.ts';
import type { Hir, HirBreak, HirFor, HirItem, HirIteration, HirLanes } from '../../ir/hir.ts';
import { present } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { givesSomething } from '../prune.ts';
import { flatten } from './body-shape.ts';
import { findRuns, type Run, type Values } from './runs.ts';
import { claimWeights } from './stacks.ts';

/** What the graph's outermost block will hold, in order. */
export type PlannedItem =
  | { readonly kind: 'op'; readonly op: Op }
  /** Iterations that were found to be one body. */
  | { readonly kind: 'run'; readonly run: Run }
  /** Iterations that were elaborated at once. */
  | { readonly kind: 'lanes'; readonly lanes: HirLanes; readonly span: Span };

interface RolledBody {
  readonly first: string;
  readonly last: string;
  /** Iterations that stand alone are no loop. */
  readonly loop: boolean;
}

/** How a `for` was compiled. */
export interface RollReport {
  readonly variable: string;
  readonly iterations: number;
  /** Iterations by label. */
  readonly bodies: readonly RolledBody[];
  /** Why there is more than one body. */
  readonly breaks: readonly HirBreak[];
  readonly span: Span;
}

export interface RollPlan {
  readonly items: readonly PlannedItem[];
  /** Weights that are stacked, with all members of their stack. */
  readonly claimed: ReadonlyMap<ValueId, readonly ValueId[]>;
  readonly report: readonly RollReport[];
}

interface PlannedPart {
  readonly items: readonly PlannedItem[];
  readonly bodies: readonly RolledBody[];
  readonly breaks: readonly HirBreak[];
  readonly usesWeights: boolean;
}

export function planLoops(hir: Hir): RollPlan {
  const values = valuesOf(hir);
  const claimed = new Map<ValueId, readonly ValueId[]>();
  const report: RollReport[] = [];

  const plan = (items: readonly HirItem[], nested: boolean): readonly PlannedItem[] =>
    items.flatMap((item) => (item.kind === 'for' ? planFor(item, nested) : [{ kind: 'op', op: item } as const]));

  function planFor(loop: HirFor, nested: boolean): readonly PlannedItem[] {
    const parts = partsOf(loop).map((part) =>
      'labels' in part ? planLanes(part, loop.span) : planIterations(loop, part),
    );
    const bodies = parts.flatMap((part) => part.bodies);
    // Within iterations that are written out only what became a loop is news.
    if (parts.some((part) => part.usesWeights) && (!nested || bodies.some((body) => body.loop))) {
      report.push({
        variable: loop.variable,
        iterations: loop.parts.reduce((n, part) => n + (part.kind === 'lanes' ? part.labels.length : 1), 0),
        bodies,
        breaks: [...loop.breaks, ...parts.flatMap((part) => part.breaks)],
        span: loop.span,
      });
    }
    return parts.flatMap((part) => part.items);
  }

  function planIterations(loop: HirFor, iterations: readonly HirIteration[]): PlannedPart {
    const { runs, breaks } = findRuns(loop, iterations, values);
    const usesWeights = runs.some((run) => mentionsWeight(run, values));
    const planned = runs.map((run): Pick<PlannedPart, 'items' | 'bodies'> => {
      const loops = run.shapes.length > 1 && mentionsWeight(run, values) && claimWeights(run, claimed);
      const labels = run.iterations.map((iteration) => iteration.label);
      return {
        items: loops ? [{ kind: 'run', run }] : run.iterations.flatMap((iteration) => plan(iteration.items, true)),
        bodies: [bodyOf(labels, loops)],
      };
    });
    return {
      items: planned.flatMap((p) => p.items),
      bodies: planned.flatMap((p) => p.bodies),
      breaks: loop.breaks.length > 0 ? [] : breaks,
      usesWeights,
    };
  }

  return { items: plan(hir.items, false), claimed, report };
}

function planLanes(lanes: HirLanes, span: Span): PlannedPart {
  if (!givesSomething(lanes)) return { items: [], bodies: [], breaks: [], usesWeights: false };
  return {
    items: [{ kind: 'lanes', lanes, span }],
    bodies: [bodyOf(lanes.labels, true)],
    breaks: [],
    usesWeights: true,
  };
}

function bodyOf(labels: readonly string[], loop: boolean): RolledBody {
  return { first: present(labels[0], 'a label'), last: present(labels.at(-1), 'a label'), loop };
}

/** Neighbouring iterations together; one that holds a loop of its own stays alone. */
function partsOf(loop: HirFor): readonly (readonly HirIteration[] | HirLanes)[] {
  const parts: (HirIteration[] | HirLanes)[] = [];
  let open: HirIteration[] | undefined;
  for (const part of loop.parts) {
    if (part.kind === 'lanes') parts.push(part);
    const alone = part.kind === 'lanes' || holdsLanes(part.items);
    if (part.kind === 'iteration' && open && !alone) open.push(part);
    else if (part.kind === 'iteration') {
      const next = [part];
      parts.push(next);
      open = alone ? undefined : next;
    }
    if (alone) open = undefined;
  }
  return parts;
}

function holdsLanes(items: readonly HirItem[]): boolean {
  return items.some(
    (item) => item.kind === 'for' && item.parts.some((part) => part.kind === 'lanes' || holdsLanes(part.items)),
  );
}

function mentionsWeight(run: Run, values: Values): boolean {
  return run.shapes.some((shape) => shape.outside.some((id) => values.isWeight(id)));
}

function valuesOf(hir: Hir): Values {
  const byId = new Map<ValueId, Value>();
  for (const op of flatten(hir.items)) for (const result of op.results) byId.set(result.id, result);
  for (const lanes of allLanes(hir.items)) {
    for (const { final, param } of lanes.carried) for (const value of [final, param]) byId.set(value.id, value);
    for (const { value } of lanes.stacked) byId.set(value.id, value);
  }
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

export function allLanes(items: readonly HirItem[]): readonly HirLanes[] {
  return items.flatMap((item) => {
    if (item.kind !== 'for') return [];
    return item.parts.flatMap((part) => [...(part.kind === 'lanes' ? [part] : []), ...allLanes(part.items)]);
  });
}
