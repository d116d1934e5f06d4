import type { Op, Value, ValueId } from '../../ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../../ir/region.ts';
import { show } from './axes.ts';

/** The text of a fused graph: a line for each region, and what it reads, computes and stores. */
export function printFused(fused: FusedGraph): string {
  const values = new Map<ValueId, { readonly value: Value; readonly what: string }>();
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      if (op.kind === 'loop') {
        for (const p of op.attrs.body.params) values.set(p.id, { value: p, what: 'parameter' });
        visit(op.attrs.body.ops);
      }
      for (const r of op.results) values.set(r.id, { value: r, what: labelOf(op) });
    }
  };
  visit(fused.graph.block.ops);
  const short = (id: ValueId): string => {
    const name = values.get(id)?.value.name;
    return name === undefined ? `%${id}` : `%${id} ${name}`;
  };
  const long = (id: ValueId): string => `${short(id)} ${show(values.get(id)?.value.type.axes ?? [])}`;

  const printRegion = (r: Region): readonly string[] => [
    `${r.kind === 'op' ? r.op.kind : r.kind} ${r.name}${r.kind === 'rows' ? ` over ${show(r.shared)}` : ''}`,
    ...(r.kind === 'product' ? r.parts : []).map(
      (p) =>
        `  part batch ${show(p.batch)} rows ${show(p.rows)} columns ${show(p.columns)}: ${p.accumulators.map(short).join(', ')}`,
    ),
    `  reads ${r.reads.map(short).join(', ')}`,
    `  computes ${r.members.map((id) => `%${id} ${values.get(id)?.what}`).join(', ')}`,
    `  stores ${r.roots.map(long).join(', ')}`,
    ...r.notes.map((note) => `  ${note}`),
  ];
  const printSteps = (steps: readonly RegionStep[], indent: string): readonly string[] =>
    steps.flatMap((step) =>
      step.kind === 'region'
        ? printRegion(step.region).map((line) => indent + line)
        : [`${indent}loop ${step.op.attrs.axis.name}`, ...printSteps(step.body, `${indent}  `)],
    );
  const aliases = [...fused.aliases].map(([id, of]) => `alias ${long(id)} of ${short(of)}`);
  return `${[...printSteps(fused.steps, ''), ...aliases].join('\n')}\n`;
}

function labelOf(op: Op): string {
  return op.kind === 'unary' || op.kind === 'binary' ? op.attrs.fn : op.kind;
}
