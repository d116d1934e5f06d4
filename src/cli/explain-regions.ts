/** What `--explain` prints: the regions of each program, what each fused, and why its neighbours are not in it. */

import type { Op, Value, ValueId } from '../compiler/ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../compiler/ir/region.ts';
import { present } from '../compiler/support/invariant.ts';

export function explainRegions(programs: Readonly<Record<string, FusedGraph>>): string {
  return Object.entries(programs)
    .map(([name, fused]) => `program ${name}\n${explainProgram(fused)}`)
    .join('\n');
}

function explainProgram(fused: FusedGraph): string {
  const made = makersOf(fused.graph.block.ops);
  const lines: string[] = [];
  const visit = (steps: readonly RegionStep[], indent: string): void => {
    for (const step of steps) {
      if (step.kind === 'region') lines.push(...explainRegion(step.region, made).map((line) => indent + line));
      else {
        lines.push(`${indent}loop over ${step.op.attrs.axis.name}, ${step.op.attrs.axis.size} times`);
        visit(step.body, `${indent}  `);
      }
    }
  };
  visit(fused.steps, '  ');
  return `${lines.join('\n')}\n`;
}

interface Made {
  readonly value: Value;
  readonly op: string;
}

function explainRegion(region: Region, made: ReadonlyMap<ValueId, Made>): readonly string[] {
  const label = (id: ValueId): string => {
    const { value } = present(made.get(id), `value ${id}`);
    return `${value.name ?? `%${id}`} [${value.type.axes.map((a) => `${a.name} ${a.size}`).join(', ')}]`;
  };
  const counts = new Map<string, number>();
  for (const id of region.members) {
    const op = made.get(id)?.op ?? 'parameter';
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  return [
    `${region.name} (${wordOf(region)})`,
    `  fuses  ${[...counts].map(([op, n]) => (n === 1 ? op : `${n} ${op}`)).join(', ')}`,
    `  stores ${region.roots.map(label).join('; ')}`,
    ...region.notes.map((note) => `  ${note}`),
  ];
}

function wordOf(region: Region): string {
  if (region.kind === 'op') return region.op.kind;
  return region.kind === 'product' && region.library ? 'product of matrices by a library' : region.kind;
}

function makersOf(ops: readonly Op[]): ReadonlyMap<ValueId, Made> {
  const made = new Map<ValueId, Made>();
  const visit = (list: readonly Op[]): void => {
    for (const op of list) {
      const name = op.kind === 'unary' || op.kind === 'binary' ? op.attrs.fn : op.kind;
      for (const value of op.results) made.set(value.id, { value, op: name });
      if (op.kind !== 'loop') continue;
      for (const value of op.attrs.body.params) made.set(value.id, { value, op: 'parameter' });
      visit(op.attrs.body.ops);
    }
  };
  visit(ops);
  return made;
}
