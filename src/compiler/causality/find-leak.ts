/**
 * Leaks of the future: places where what is compared with the target of a position needs tokens after the position.
 *
 * Sources of data give `tokens`, and in `targets` the token that comes next. So what is computed from tokens alone may meet
 * the target of position t where it needs tokens up to t and no later.
 */
import type { Graph, Op, ValueId } from '../ir/graph.ts';
import { allOps } from '../ir/walk-graph.ts';
import { InternalError } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import { analyse } from './analyse.ts';
import { type Dependence, isNothing } from './dependence.ts';
import { type Flows, needOf, UNKNOWN } from './flow.ts';
import type { Guess } from './rule-parts.ts';

const TOKENS = 'tokens';
const TARGETS = 'targets';

export interface Leak {
  /** Whether the dependence is certain, or only could not be ruled out. */
  readonly kind: 'certain' | 'undecided';
  /** Names of values from the prediction back to where later tokens enter. */
  readonly path: readonly string[];
  /** What makes an earlier position need later tokens. */
  readonly origin: Span;
  /** Where the prediction meets the targets, or the output is made. */
  readonly meets: Span;
  /** How many positions ahead; infinite for all. */
  readonly ahead: number;
}

/** The first leak of a graph with the loss of its targets, or with the output `logits`; undefined when it is causal. */
export function findLeak(graph: Graph): Leak | undefined {
  const possible = leakIn(graph, 'all');
  const certain = possible && leakIn(graph, 'none');
  if (certain) return { kind: 'certain', ...certain };
  return possible && { kind: 'undecided', ...possible };
}

type Found = Omit<Leak, 'kind'>;

function leakIn(graph: Graph, guess: Guess): Found | undefined {
  const flows = analyse(graph, guess);
  const logits = graph.outputs.find((output) => output.name === 'logits');
  if (logits) return outputLeak(graph, guess, logits.value, flows);
  for (const op of allOps(graph.block)) {
    const leak = op.kind === 'loop' ? undefined : meetingLeak(graph, guess, op, flows);
    if (leak) return leak;
  }
  return undefined;
}

function outputLeak(graph: Graph, guess: Guess, value: ValueId, flows: Flows): Found | undefined {
  const ahead = aheadOf(needOf(flows.get(value) ?? UNKNOWN, TOKENS));
  if (ahead <= 0) return undefined;
  const traced = trace(graph, guess, value, 0);
  return { ...traced, path: traced.path.length === 0 ? ['logits'] : traced.path, meets: traced.origin, ahead };
}

/** An op that takes targets at some positions and what is made of tokens alone. */
function meetingLeak(graph: Graph, guess: Guess, op: Op, flows: Flows): Found | undefined {
  const need = (id: ValueId, input: string): Dependence => needOf(flows.get(id) ?? UNKNOWN, input);
  const labels = op.operands.filter((id) => isNothing(need(id, TOKENS)) && need(id, TARGETS).along.size > 0);
  const predictions = op.operands.filter((id) => !isNothing(need(id, TOKENS)) && isNothing(need(id, TARGETS)));
  for (const label of labels) {
    // Of several targets that meet at a position, the earliest must not have been seen.
    const earliest = Math.min(...[...need(label, TARGETS).along.values()].map((reach) => -reach.behind));
    if (!Number.isFinite(earliest)) continue;
    for (const prediction of predictions) {
      const ahead = aheadOf(need(prediction, TOKENS)) - earliest;
      if (ahead > 0) return { ...trace(graph, guess, prediction, earliest), meets: op.span, ahead };
    }
  }
  return undefined;
}

/** The furthest place, counted from the position itself. What all positions need alike is furthest for the first. */
export function aheadOf({ along, fixed }: Dependence): number {
  return Math.max(
    Number.NEGATIVE_INFINITY,
    ...[...along.values()].map((reach) => reach.ahead),
    ...(fixed ? [fixed.last === 0 ? 0 : Number.POSITIVE_INFINITY] : []),
  );
}

/**
 * The shortest way from a value back to the op that first needed later tokens than its operands did. Iterations of a loop
 * are found one after the other, so what came first does not come from what was found late after it.
 */
function trace(graph: Graph, guess: Guess, from: ValueId, limit: number): Pick<Found, 'path' | 'origin'> {
  const { makers, named, before } = lookUp(graph);
  const births = new Map<ValueId, number>();
  analyse(graph, guess, (id, flow) => {
    if (!births.has(id) && aheadOf(needOf(flow, TOKENS)) > limit) births.set(id, births.size);
  });
  const birthOf = (id: ValueId): number => births.get(id) ?? Number.POSITIVE_INFINITY;
  const after = new Map<ValueId, ValueId | undefined>([[from, undefined]]);
  for (const at of after.keys()) {
    const late = before(at).filter((id) => birthOf(id) < birthOf(at));
    const origin = late.length === 0 ? makers.get(at)?.span : undefined;
    if (origin)
      return {
        path: wayTo(at, after)
          .flatMap((id) => named.get(id) ?? [])
          .filter(isNew),
        origin,
      };
    for (const id of late) if (!after.has(id)) after.set(id, at);
  }
  throw new InternalError('later tokens come from nowhere');
}

const isNew = (name: string, i: number, names: readonly string[]): boolean => name !== names[i - 1];

function wayTo(value: ValueId, after: ReadonlyMap<ValueId, ValueId | undefined>): readonly ValueId[] {
  const way: ValueId[] = [];
  for (let at: ValueId | undefined = value; at !== undefined; at = after.get(at)) way.unshift(at);
  return way;
}

interface Looked {
  readonly makers: ReadonlyMap<ValueId, Op>;
  readonly named: ReadonlyMap<ValueId, string>;
  /** The values that a value comes from: operands, or what its loop gives for it. */
  readonly before: (id: ValueId) => readonly ValueId[];
}

function lookUp(graph: Graph): Looked {
  const makers = new Map<ValueId, Op>();
  const named = new Map<ValueId, string>();
  const carried = new Map<ValueId, readonly ValueId[]>();
  for (const op of allOps(graph.block)) {
    for (const { id, name } of op.results) {
      makers.set(id, op);
      if (name !== undefined) named.set(id, name);
    }
    if (op.kind !== 'loop') continue;
    const { body, carried: count } = op.attrs;
    for (const [i, { id }] of op.results.entries()) carried.set(id, body.results.slice(i, i + 1));
    body.params.forEach(({ id, name }, i) => {
      if (name !== undefined) named.set(id, name);
      carried.set(id, [...op.operands.slice(i, i + 1), ...(i < count ? body.results.slice(i, i + 1) : [])]);
    });
  }
  return { makers, named, before: (id) => carried.get(id) ?? makers.get(id)?.operands ?? [] };
}
