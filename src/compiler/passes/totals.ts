import { EXIT, Failure } from '../diagnostics/diagnostic.ts';
import { totalsDiagnostic } from '../diagnostics/totals.ts';
import type { Block, Graph, GraphInput, Op, OpOf, ValueId } from '../ir/graph.ts';
import { allOps } from '../ir/walk-graph.ts';
import { present } from '../support/invariant.ts';

/** A graph of one micro-batch, and what must be known of all micro-batches of the step before it can run. */
export interface TotalsSplit {
  readonly graph: Graph;
  /** Computes, for one micro-batch, the values whose totals `graph` reads as its inputs `total.N`; undefined without any. */
  readonly prepare: Graph | undefined;
}

/**
 * Gives `step_total` its meaning. With one micro-batch it is the value itself. With several, the total of a constant is a
 * multiple, and any other total becomes an input that the program `prepare` fills in first; that needs a value of the
 * inputs alone, such as the number of counted tokens.
 */
export function splitTotals(graph: Graph, accumulation: number): TotalsSplit {
  const { ops } = graph.block;
  const all = [...allOps(graph.block)];
  const totals = all.filter((op): op is OpOf<'step_total'> => op.kind === 'step_total');
  const operandOf = (op: OpOf<'step_total'>): ValueId => present(op.operands[0], 'an operand');
  if (accumulation === 1) {
    const replaced = new Map(totals.map((op) => [present(op.results[0], 'a result').id, operandOf(op)]));
    return { graph: { ...graph, ...replaceValues(graph, replaced) }, prepare: undefined };
  }
  const outermost = new Set<Op>(ops);
  const definedBy = new Map(all.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const inputs: GraphInput[] = [];
  const counted: Counted[] = [];
  const rewritten = new Map<Op, Op>();
  for (const total of totals) {
    const operand = definedBy.get(operandOf(total));
    const result = present(total.results[0], 'a result');
    if (operand?.kind === 'constant') {
      const values = operand.attrs.values.map((v) => v * accumulation);
      rewritten.set(total, { ...operand, attrs: { values }, operands: [], results: [result] });
      continue;
    }
    if (!outermost.has(total)) throw totalOfWeights(total, undefined);
    const name = `total.${inputs.length}`;
    inputs.push({ name, type: result.type });
    counted.push({ value: operandOf(total), total });
    rewritten.set(total, { kind: 'input', attrs: { name }, operands: [], results: [result], span: total.span });
  }
  const rewrite = (block: Block): Block => ({
    ...block,
    ops: block.ops.map((op) => {
      if (op.kind === 'loop') return { ...op, attrs: { ...op.attrs, body: rewrite(op.attrs.body) } };
      return rewritten.get(op) ?? op;
    }),
  });
  const micro = { ...graph, inputs: [...graph.inputs, ...inputs], block: rewrite(graph.block) };
  return { graph: micro, prepare: inputs.length > 0 ? prepareGraph(graph, counted) : undefined };
}

interface Counted {
  readonly value: ValueId;
  readonly total: Op;
}

/** The part of a graph that computes `counted`; a failure when it needs weights, whose values change with the step. */
function prepareGraph(graph: Graph, counted: readonly Counted[]): Graph {
  // With the total that each value is needed for.
  const needed = new Map<ValueId, Op>(counted.map(({ value, total }) => [value, total]));
  const ops: Op[] = [];
  for (const op of [...graph.block.ops].reverse()) {
    const [total] = op.results.flatMap((r) => needed.get(r.id) ?? []);
    if (!total) continue;
    if (op.kind === 'weight' || op.kind === 'loop' || op.kind === 'step_total') throw totalOfWeights(total, op);
    for (const operand of op.operands) needed.set(operand, total);
    ops.unshift(op);
  }
  const used = new Set(ops.flatMap((op) => (op.kind === 'input' ? [op.attrs.name] : [])));
  return {
    inputs: graph.inputs.filter((i) => used.has(i.name)),
    weights: [],
    outputs: counted.map(({ value }, k) => ({ name: `total.${k}`, value })),
    block: { params: [], ops, results: counted.map(({ value }) => value) },
  };
}

function totalOfWeights({ span }: Op, cause: Op | undefined): Failure {
  const labels = cause?.kind === 'weight' ? [{ span: cause.span, text: 'by way of this weight' }] : [];
  return new Failure([totalsDiagnostic('total-of-weights', {}, { span, labels })], EXIT.input);
}

function replaceValues(graph: Graph, replaced: ReadonlyMap<ValueId, ValueId>): Pick<Graph, 'block' | 'outputs'> {
  const map = (id: ValueId): ValueId => {
    const other = replaced.get(id);
    return other === undefined ? id : map(other);
  };
  const visit = (block: Block): Block => ({
    ...block,
    ops: block.ops
      .filter((op) => op.kind !== 'step_total')
      .map((op): Op => {
        const operands = op.operands.map(map);
        return op.kind === 'loop'
          ? { ...op, operands, attrs: { ...op.attrs, body: visit(op.attrs.body) } }
          : { ...op, operands };
      }),
    results: block.results.map(map),
  });
  return { block: visit(graph.block), outputs: graph.outputs.map((o) => ({ ...o, value: map(o.value) })) };
}
