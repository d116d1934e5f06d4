import type { FusedGraph, Region, RegionStep } from '../../ir/region.ts';
import { show } from './axes.ts';
import { type ValueWords, valueWords } from './value-words.ts';

/** For a reader: the kernels in the order in which they run, what each fused, and why its neighbours are not in it. */
export function explainFused(fused: FusedGraph): string {
  const words = valueWords(fused);
  const lines = (steps: readonly RegionStep[], indent: string): readonly string[] =>
    steps.flatMap((step) => {
      if (step.kind === 'region') return explainRegion(words, step.region).map((line) => indent + line);
      const { axis, reverse } = step.op.attrs;
      const head = `for each ${axis.name} of ${axis.size}${reverse ? ', last to first' : ''}: ${plural(step.body.length)}`;
      return [indent + head, ...lines(step.body, `${indent}  `)];
    });
  return `${lines(fused.steps, '').join('\n')}\n`;
}

function plural(kernels: number): string {
  return kernels === 1 ? '1 kernel' : `${kernels} kernels`;
}

function explainRegion(words: ValueWords, region: Region): readonly string[] {
  return [
    `${region.name}: ${spread(region)}`,
    `  computes ${counted(region.members.filter(words.isFirst).map(words.opOf))}`,
    ...(region.reads.length > 0 ? [`  loads ${region.reads.map(words.nameOf).join(', ')}`] : []),
    `  stores ${region.roots.map(words.nameOf).join(', ')}`,
    ...region.notes.map((note) => `  not one with what runs ${note}`),
  ];
}

function spread(region: Region): string {
  switch (region.kind) {
    case 'rows':
      return region.shared.length === 0 ? 'one row over everything' : `rows over ${show(region.shared)}`;
    case 'product':
      if (region.library) return 'a product of matrices, by a library';
      return `tiles of ${region.parts.map((p) => `${show([...p.batch, ...p.rows])} by ${show(p.columns)}`).join(', ')}`;
    case 'scan':
      return `a recurrence along ${region.over.name}${region.reverse ? ', last to first' : ''}`;
    case 'op':
      return region.op.kind;
  }
}

/** `3 mul, add`: the most frequent first. Constants and views cost nothing and are left out. */
function counted(ops: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const op of ops) if (!FREE.has(op)) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([op, n]) => (n === 1 ? op : `${n} ${op}`)).join(', ') || 'nothing, it only moves elements';
}

const FREE: ReadonlySet<string> = new Set(['constant', 'rename', 'split', 'merge', 'permute', 'expand']);
