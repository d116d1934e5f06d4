/** What each op does to what is known of its operands. */
import type { Axis, AxisId, OpName, OpOf } from '../ir/graph.ts';
import { axisOf, elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { attendFlow } from './attend-rule.ts';
import { either, type Line } from './bounds.ts';
import { type Dependence, everything, joined, mapReaches, moved, NOTHING, picked } from './dependence.ts';
import { constantFlow, type Flow, joinedNeeds, mapNeeds, UNKNOWN } from './flow.ts';
import { binaryFlow, unaryFlow, whereFlow } from './pointwise-rules.ts';
import { mergeFlow, splitFlow } from './reshape-rules.ts';
import { axesOf, loosened, movedFlow, productFlow, type RuleContext, reducedFlow, withoutFacts } from './rule-parts.ts';

type Rule<K extends OpName> = (c: RuleContext<OpOf<K>>) => Flow;

const first = ({ flows }: RuleContext): Flow => present(flows[0], 'an operand');

/** The operands' needs at the same positions. */
const together = ({ flows }: RuleContext): Flow => ({ ...UNKNOWN, needs: joinedNeeds(flows) });

function indexFlow({ result }: RuleContext): Flow {
  const factors = new Map<AxisId, number>();
  let stride = 1;
  for (const axis of result.axes.toReversed()) {
    factors.set(axis.id, stride);
    stride *= axis.size;
  }
  return { ...UNKNOWN, line: { factors, constant: 0 }, positional: true };
}

function sliceFlow(c: RuleContext<OpOf<'slice'>>): Flow {
  const { from, start, into } = c.op.attrs;
  return movedFlow(c, first(c), { from, to: into.id, shift: start });
}

/** What is put around is zeros, so nothing more is needed; of positions as numbers nothing is left. */
function padFlow(c: RuleContext<OpOf<'pad'>>): Flow {
  const { from, before, into } = c.op.attrs;
  const inner = movedFlow(c, first(c), { from, to: into.id, shift: -before });
  return { ...UNKNOWN, needs: inner.needs, positional: inner.positional, nonzero: inner.nonzero };
}

function pickFlow(c: RuleContext<OpOf<'pick'>>): Flow {
  const { axis, index } = c.op.attrs;
  const flow = loosened(c, first(c), axis);
  return {
    ...withoutFacts(flow, [axis]),
    needs: mapNeeds(flow, (d, input) => picked(d, axis, index, c.sizeOf(input))),
  };
}

/** Reads at positions that are known when they are positions themselves, up to a constant. */
function gatherFlow(c: RuleContext<OpOf<'gather'>>): Flow {
  const { axis } = c.op.attrs;
  const [x, ids] = [loosened(c, first(c), axis), present(c.flows[1], 'ids')];
  const at = ids.line && positionIn(ids.line);
  const needs = mapNeeds(x, (d, input) => {
    if (!d.along.has(axis)) return d;
    if (at) return shiftedAlong(d, axis, at);
    const along = new Map([...d.along].filter(([key]) => key !== axis));
    return joined({ ...d, along }, c.guess === 'all' ? everything(c.sizeOf(input)) : NOTHING);
  });
  return { ...UNKNOWN, needs: joinedNeeds([{ needs }, ids]) };
}

interface Position {
  readonly axis: AxisId;
  readonly shift: number;
}

function positionIn({ factors, constant }: Line): Position | undefined {
  const [only, ...others] = [...factors];
  return only && others.length === 0 && only[1] === 1 ? { axis: only[0], shift: constant } : undefined;
}

/** Ids are clamped: before the first position they read the first, and behind the last the last. */
function shiftedAlong(d: Dependence, axis: AxisId, { axis: to, shift }: Position): Dependence {
  const renamed = moved(d, { from: axis, to, shift: 0 });
  const along = mapReaches(renamed, (reach, key) =>
    key === to && d.along.has(axis)
      ? { ...reach, ahead: reach.ahead + Math.max(0, shift), behind: reach.behind + Math.max(0, -shift) }
      : reach,
  );
  return { ...renamed, along };
}

function contractFlow(c: RuleContext<OpOf<'contract'>>): Flow {
  const terms = c.op.attrs.terms.map((over, i) => {
    const [x, y] = [present(c.flows[2 * i], 'an operand'), present(c.flows[2 * i + 1], 'an operand')];
    const axes = [...axesOf(c, 2 * i), ...axesOf(c, 2 * i + 1)];
    return reducedFlow(
      c,
      productFlow(x, y),
      over.map((id) => axisOf(axes, id)),
    );
  });
  return terms.reduce((a, b) => ({ ...UNKNOWN, needs: joinedNeeds([a, b]), nonzero: either(a.nonzero, b.nonzero) }));
}

function reductionOver(c: RuleContext, axes: readonly Axis[], kind: 'sum' | 'max'): Flow {
  const flow = first(c);
  // Zeros add nothing, and what is very low is no maximum.
  const counted = kind === 'sum' ? flow.nonzero : flow.notLow;
  return reducedFlow(c, flow, axes, counted);
}

function recurFlow(c: RuleContext<OpOf<'recur'>>): Flow {
  const { over, reverse } = c.op.attrs;
  const flow = loosened(c, together(c), over);
  const needs = mapNeeds(flow, (d) => ({
    ...d,
    along: mapReaches(d, (reach, axis) => {
      if (axis !== over) return reach;
      const side = reverse ? 'ahead' : 'behind';
      return { ...reach, [side]: Number.POSITIVE_INFINITY, where: [] };
    }),
  }));
  return { ...UNKNOWN, needs };
}

function scatterFlow(c: RuleContext<OpOf<'scatter_add'>>): Flow {
  const kept = c.op.attrs.axes;
  const gone = axesOf(c, 0).filter((axis) => !kept.some((other) => other.id === axis.id));
  return reducedFlow(c, together(c), gone);
}

/** Gradients and states are made after causality has been looked at; nothing is claimed of them. */
function allFlow(c: RuleContext): Flow {
  return { ...UNKNOWN, needs: mapNeeds(together(c), (_, input) => everything(c.sizeOf(input))) };
}

const rename = (c: RuleContext<OpOf<'rename'>>): Flow => {
  const { from, to } = c.op.attrs;
  const contents = c.forms.contentsOf(from);
  if (contents) c.forms.setContents(to.id, contents);
  return contents ? withoutFacts(first(c), [from]) : movedFlow(c, first(c), { from, to: to.id, shift: 0 });
};

const axesNamed = (c: RuleContext, ids: readonly AxisId[]): readonly Axis[] =>
  ids.map((id) => axisOf(axesOf(c, 0), id));

/** Loops and inputs are for those who walk over the graph. */
export const RULES: { readonly [K in Exclude<OpName, 'loop' | 'input'>]: Rule<K> } = {
  weight: () => UNKNOWN,
  constant: ({ op, result }) =>
    elementsOf(result.axes) === 1 ? constantFlow(present(op.attrs.values[0], 'a value')) : UNKNOWN,
  index: indexFlow,
  random: () => UNKNOWN,
  runtime: () => UNKNOWN,
  unary: (c) => unaryFlow(c.op.attrs.fn, first(c)),
  binary: (c) => binaryFlow(c.op.attrs.fn, first(c), present(c.flows[1], 'an operand'), c.guess),
  where: ({ flows: [condition, a, b] }) =>
    whereFlow(present(condition, 'a condition'), present(a, 'an operand'), present(b, 'an operand')),
  cast: (c) => {
    const flow = first(c);
    return c.result.kind !== 'bool' && c.types[0]?.kind === 'bool' ? { ...flow, nonzero: flow.whenTrue } : flow;
  },
  expand: first,
  permute: first,
  rename,
  split: (c) => splitFlow(c, c.op, first(c)),
  merge: (c) => mergeFlow(c, c.op, first(c)),
  slice: sliceFlow,
  pad: padFlow,
  pick: pickFlow,
  stack: together,
  sum: (c) => reductionOver(c, axesNamed(c, c.op.attrs.axes), 'sum'),
  max: (c) => reductionOver(c, axesNamed(c, c.op.attrs.axes), 'max'),
  argmax: (c) => reductionOver(c, axesNamed(c, [c.op.attrs.axis]), 'max'),
  contract: contractFlow,
  gather: gatherFlow,
  scatter_add: scatterFlow,
  put: allFlow,
  recur: recurFlow,
  stop_gradient: first,
  step_total: first,
  attend: (c) => attendFlow(c, c.op),
  attend_backward_query: allFlow,
  attend_backward_key: allFlow,
};
