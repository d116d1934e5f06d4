/**
 * Reverse-mode differentiation: from a graph with a scalar output `loss`, the joint graph that computes it and the
 * gradient of every weight that trains. Works op by op with the vjp that `src/compiler/ops` has of each, on loops as a
 * whole (`autodiff-loop.ts`).
 */
import type { Block, Graph, GraphOutput, Op, OpOf, Value, ValueId, Weight } from '../ir/graph.ts';
import { SCALING_AXIS, SCALING_NUMBERS, SCALING_TYPE } from '../ir/loss-scaling.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { printGraph } from '../ir/print-graph.ts';
import { SCALING_STATE } from '../ir/state-name.ts';
import { allOps, nextValueId } from '../ir/walk-graph.ts';
import { spreadActivity } from '../ops/activity.ts';
import { type Builder, makeBuilder, weightType } from '../ops/builder.ts';
import { substituteBlock, substituted } from '../ops/clone.ts';
import { add, conform, scalar } from '../ops/make.ts';
import { makeGradients, reverseOps } from '../ops/reverse.ts';
import { verifyGraph } from '../ops/verify-graph.ts';
import type { Pass } from '../pass.ts';
import { invariant, present } from '../support/invariant.ts';
import { differentiateLoop } from './autodiff-loop.ts';
import { allowedBy } from './effort.ts';

export interface AutodiffOptions {
  /** How much backward loops may compute again to keep less; see `effort.ts`. */
  readonly effort: number;
  /** Gradients of the loss times the loss scale of the step, which is kept on the device; see `ir/loss-scaling.ts`. */
  readonly scaled: boolean;
}

export function autodiffPass(options: AutodiffOptions): Pass<Graph, Graph> {
  return {
    name: 'autodiff',
    summary: 'adds the gradient of the loss by every weight that trains',
    run: (graph) => differentiate(graph, options),
    verify: verifyGraph,
    print: printGraph,
  };
}

/** Where there is room for all, and numbers. */
export const autodiff = autodiffPass({ effort: 0, scaled: false });

/** Whether a weight has a member that trains. */
function trains(weight: Weight): boolean {
  return weight.members.some((member) => !member.freeze);
}

/** The name of the output that is the gradient of a weight. */
export function gradientOutput(weight: Weight): string {
  return `grad.${weight.id}`;
}

/** The outputs of `graph`, and `grad.ID` for each weight that trains, of the weight's type (zeros where no path leads). */
function differentiate(graph: Graph, { effort, scaled }: AutodiffOptions): Graph {
  const b = makeBuilder({ inputs: graph.inputs, weights: graph.weights, firstId: nextValueId(graph) });
  const { ops } = graph.block;
  for (const op of ops) b.append(op);
  const trained = graph.weights.filter(trains);
  const valuesOf = (weight: Weight): readonly ValueId[] =>
    ops.flatMap((op) => (op.kind === 'weight' && op.attrs.weight === weight.id ? [resultOf(op, 0).id] : []));
  const active = new Set(trained.flatMap(valuesOf));
  spreadActivity(ops, active);

  const names = new Map<ValueId, string>();
  const gradients = makeGradients(b, names);
  const seed = scaled ? lossScale(b) : scalar(b, 1);
  gradients.give(lossOf(graph, b), seed);
  names.delete(seed);
  const rewritten = new Map<Op, OpOf<'loop'>>();
  const allowed = allowedBy(graph.block, effort);
  const isActive = (id: ValueId): boolean => active.has(id);
  const onLoop = (op: OpOf<'loop'>): void =>
    differentiateLoop({ b, active: isActive, gradients, rewritten, names, allowed }, op);
  reverseOps(b, ops, gradients, { active: isActive, onLoop });

  const outputs = trained.map((weight): GraphOutput => {
    const parts = valuesOf(weight).flatMap((id) => gradients.get(id) ?? []);
    const total = parts.length > 0 ? parts.reduce((sum, part) => add(b, sum, part)) : scalar(b, 0);
    const value = conform(b, total, weightType(weight).axes);
    names.set(value, gradientOutput(weight));
    return { name: gradientOutput(weight), value };
  });
  const joint = b.finish([...graph.outputs, ...outputs]);
  return withoutStops({ ...joint, block: completed(joint.block, rewritten, names) });
}

function lossScale(b: Builder): ValueId {
  const state = b.input({ name: SCALING_STATE, type: SCALING_TYPE });
  return b.op('pick', { axis: SCALING_AXIS.id, index: SCALING_NUMBERS.indexOf('scale') }, [state]);
}

function lossOf(graph: Graph, b: Builder): ValueId {
  const loss = present(
    graph.outputs.find((output) => output.name === 'loss'),
    'output loss',
  ).value;
  invariant(b.typeOf(loss).axes.length === 0 && b.typeOf(loss).kind === 'float', 'the loss is a float without axes');
  return loss;
}

/** `block` with forward loops as they were rewritten, and with names for gradients. */
function completed(block: Block, rewritten: ReadonlyMap<Op, OpOf<'loop'>>, names: ReadonlyMap<ValueId, string>): Block {
  const named = (value: Value): Value => ({ ...value, name: value.name ?? names.get(value.id) });
  const ops = block.ops.map((old): Op => {
    const op = rewritten.get(old) ?? old;
    const results = op.results.map(named);
    if (op.kind !== 'loop') return { ...op, results };
    return { ...op, attrs: { ...op.attrs, body: completed(op.attrs.body, rewritten, names) }, results };
  });
  return { ...block, params: block.params.map(named), ops };
}

/** After differentiation `stop_gradient` means nothing. */
function withoutStops(graph: Graph): Graph {
  const stops = [...allOps(graph.block)].filter((op) => op.kind === 'stop_gradient');
  const map = new Map<ValueId, ValueId>();
  for (const op of stops) map.set(resultOf(op, 0).id, substituted(map, operandOf(op, 0)));
  const drop = (block: Block): Block => ({
    ...block,
    ops: block.ops
      .filter((op) => op.kind !== 'stop_gradient')
      .map((op) => (op.kind === 'loop' ? { ...op, attrs: { ...op.attrs, body: drop(op.attrs.body) } } : op)),
  });
  const block = substituteBlock(drop(graph.block), map);
  return {
    ...graph,
    block,
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: substituted(map, value) })),
  };
}
