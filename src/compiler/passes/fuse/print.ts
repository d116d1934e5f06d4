import type { TensorType } from '../../ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../../ir/region.ts';
import { show } from './axes.ts';
import { valueWords } from './value-words.ts';

function kindOf(r: Region): string {
  if (r.kind === 'op') return r.op.kind;
  return r.kind === 'product' && r.library ? 'library product' : r.kind;
}

function spread(r: Region): string {
  if (r.kind === 'rows') return ` over ${show(r.shared)}`;
  return r.kind === 'scan' ? ` along ${r.over.name}${r.reverse ? ' reverse' : ''}` : '';
}

function narrowWord({ storage }: TensorType): string {
  return storage === 'f16' || storage === 'bf16' ? ` ${storage}` : '';
}

/** The text of a fused graph: what each region reads, computes and stores, by value. */
export function printFused(fused: FusedGraph): string {
  const { short, value, opOf } = valueWords(fused);
  const printRegion = (r: Region): readonly string[] => [
    `${kindOf(r)} ${r.name}${spread(r)}`,
    ...(r.kind === 'product' ? r.parts : []).map(
      ({ batch, rows, columns, accumulators }) =>
        `  part batch ${show(batch)} rows ${show(rows)} columns ${show(columns)}: ${accumulators.map(short).join(', ')}`,
    ),
    `  reads ${r.reads.map(short).join(', ')}`,
    `  computes ${r.members.map((id) => `%${id} ${opOf(id)}`).join(', ')}`,
    `  stores ${r.roots.map((id) => `${short(id)} ${show(value(id).type.axes)}${narrowWord(value(id).type)}`).join(', ')}`,
    ...r.notes.map((note) => `  ${note}`),
  ];
  const printSteps = (steps: readonly RegionStep[], indent: string): readonly string[] =>
    steps.flatMap((step) =>
      step.kind === 'region'
        ? printRegion(step.region).map((line) => indent + line)
        : [`${indent}loop ${step.op.attrs.axis.name}`, ...printSteps(step.body, `${indent}  `)],
    );
  const aliases = [...fused.aliases].map(
    ([id, of]) => `alias ${short(id)} ${show(value(id).type.axes)} of ${short(of)}`,
  );
  return `${[...printSteps(fused.steps, ''), ...aliases].join('\n')}\n`;
}
