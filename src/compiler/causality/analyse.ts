/**
 * Causality is derived: what each value of a graph needs of the inputs along time.
 *
 * Time is the last axis of an input. The analysis follows axes by identity and looks at what ops mean, never at names: a
 * causal mask is one whose inequalities say so, and a sum over all positions is causal where its elements are 0 beyond a
 * position. What cannot be decided takes the guess: run with `all`, no dependence is missed; with `none`, none is made up.
 */
import type { Axis, Block, Graph, Op, OpOf, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import { makeAxisForms } from './axis-forms.ts';
import { mapReaches, sameDependence } from './dependence.ts';
import { type Flow, type Flows, joinedFlow, mapNeeds, needOf, UNKNOWN } from './flow.ts';
import type { Guess, RuleContext } from './rule-parts.ts';
import { RULES } from './rules.ts';

/** Rounds over the body of a loop after which a reach that still grows counts as endless. */
const ROUNDS = 3;

/**
 * `observe` is told what is found of a value, each time that more is: iterations are looked at one after the other.
 *
 * @param sources Values that count as inputs of their own, whose time is the axis: where they are needed is asked, not what of.
 */
export function analyse(
  graph: Graph,
  guess: Guess,
  observe?: (id: ValueId, flow: Flow) => void,
  sources: ReadonlyMap<ValueId, Axis> = new Map(),
): Flows {
  const flows = new Map<ValueId, Flow>();
  const set = (id: ValueId, flow: Flow): void => {
    const source = sources.get(id);
    flows.set(id, source ? inputFlow(sourceName(id), source) : flow);
    observe?.(id, flow);
  };
  const forms = makeAxisForms();
  const times = new Map<string, Axis | undefined>([
    ...graph.inputs.map(({ name, type }) => [name, type.axes.at(-1)] as const),
    ...[...sources].map(([id, axis]) => [sourceName(id), axis] as const),
  ]);
  const sizeOf = (input: string): number => times.get(input)?.size ?? 1;
  const types = new Map([...valuesIn(graph.block)].map((value) => [value.id, value.type] as const));
  const flowOf = (id: ValueId): Flow => flows.get(id) ?? UNKNOWN;

  const visit = (block: Block): void => {
    for (const op of block.ops) {
      if (op.kind === 'loop') visitLoop(op);
      else if (op.kind === 'input') setFirst(op, inputFlow(op.attrs.name, times.get(op.attrs.name)));
      else setFirst(op, apply(op));
    }
  };
  /** All results of an op need the same. */
  const setFirst = (op: Op, flow: Flow): void => {
    for (const result of op.results) set(result.id, flow);
  };
  const apply = (op: Exclude<Op, OpOf<'loop'> | OpOf<'input'>>): Flow => {
    // The type checker does not see that an op and the rule of its kind belong together.
    const rule = RULES[op.kind] as (c: RuleContext) => Flow;
    return rule({
      op,
      flows: op.operands.map(flowOf),
      types: op.operands.map((id) => present(types.get(id), `the type of value ${id}`)),
      result: present(op.results[0], 'a result').type,
      forms,
      guess,
      sizeOf,
    });
  };
  const visitLoop = (op: OpOf<'loop'>): void => {
    const { body, carried, axis } = op.attrs;
    body.params.forEach((param, i) => {
      set(param.id, withoutLine(flowOf(present(op.operands[i], 'an operand'))));
    });
    for (let round = 1; ; round += 1) {
      visit(body);
      if (round >= axis.size || round > 2 * ROUNDS) break;
      let grew = false;
      body.params.slice(0, carried).forEach((param, i) => {
        const before = flowOf(param.id);
        const after = joinedFlow(before, flowOf(present(body.results[i], 'a result')));
        if (sameNeeds(before, after)) return;
        grew = true;
        set(param.id, round < ROUNDS ? after : widened(before, after));
      });
      if (!grew) break;
    }
    op.results.forEach((result, i) => {
      set(result.id, withoutLine(flowOf(present(body.results[i], 'a result'))));
    });
  };

  visit(graph.block);
  return flows;
}

/** What the needs of a value call a source. No input has such a name. */
function sourceName(id: ValueId): string {
  return `value ${id}`;
}

function inputFlow(name: string, time: Axis | undefined): Flow {
  if (!time) return UNKNOWN;
  const reach = { ahead: 0, behind: 0, where: [] };
  return { ...UNKNOWN, needs: new Map([[name, { along: new Map([[time.id, reach]]), fixed: undefined }]]) };
}

/** Numbers that differ from iteration to iteration are no line. */
function withoutLine(flow: Flow): Flow {
  return { ...flow, line: undefined };
}

function sameNeeds(a: Flow, b: Flow): boolean {
  return [...b.needs].every(([input, d]) => sameDependence(needOf(a, input), d));
}

/** What still grows from iteration to iteration grows without end. */
function widened(before: Flow, after: Flow): Flow {
  const needs = mapNeeds(after, (d, input) => ({
    ...d,
    along: mapReaches(d, (reach, axis) => {
      const old = needOf(before, input).along.get(axis);
      const grown = (now: number, then: number | undefined): number =>
        then !== undefined && now > then ? Number.POSITIVE_INFINITY : now;
      return { ...reach, ahead: grown(reach.ahead, old?.ahead), behind: grown(reach.behind, old?.behind) };
    }),
  }));
  return { ...after, needs };
}

function* valuesIn(block: Block): Generator<Op['results'][number]> {
  yield* block.params;
  for (const op of block.ops) {
    yield* op.results;
    if (op.kind === 'loop') yield* valuesIn(op.attrs.body);
  }
}
