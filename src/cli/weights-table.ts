/** The weights of a model as a table for people: those of all layers that are alike share a row. */
import { readableBytes } from '../compiler/diagnostics/memory.ts';
import type { Init } from '../compiler/ir/graph.ts';
import type { WeightPlace } from '../compiler/ir/plan.ts';
import { countOf } from './model-size.ts';
import { table } from './table.ts';

export function weightsTable(weights: readonly WeightPlace[]): string {
  const rows = alike(inOrder(weights)).map(({ name, members, row }): readonly string[] => {
    const times = members.length === 1 ? '' : `${members.length} x `;
    const count = members.reduce((n, w) => n + countOf(w), 0);
    const each = (count / members.length).toLocaleString('en');
    return [name, ...row, `${times}${each}`, readableBytes(4 * count)];
  });
  return table([['weight', 'shape', 'init', 'attributes', 'count', 'memory'], ...rows], 'llllrr');
}

/** By name, with numbers in names in their order: layer.2 before layer.10. */
export function inOrder(weights: readonly WeightPlace[]): readonly WeightPlace[] {
  return [...weights].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

interface Alike {
  /** `layer.1..12.attn.wq` for several. */
  readonly name: string;
  readonly members: readonly WeightPlace[];
  /** What is the same of all. */
  readonly row: readonly string[];
}

/** Weights of which only the first number in the name differs, and goes up by one, are one row, where the first of them stands. */
function alike(weights: readonly WeightPlace[]): readonly Alike[] {
  const groups: Alike[] = [];
  const open = new Map<string, { readonly at: number; readonly first: number; readonly last: number }>();
  for (const weight of weights) {
    const row = rowOf(weight);
    const [, before = '', digits = '', after = ''] = /^((?:.*?\.)?)(\d+)((?:\..*)?)$/.exec(weight.name) ?? [];
    const number = Number(digits);
    const key = JSON.stringify([before, after, row]);
    const group = digits === '' ? undefined : open.get(key);
    if (group && number === group.last + 1) {
      const members = [...(groups[group.at]?.members ?? []), weight];
      groups[group.at] = { name: `${before}${group.first}..${number}${after}`, members, row };
      open.set(key, { ...group, last: number });
    } else {
      open.set(key, { at: groups.length, first: number, last: number });
      groups.push({ name: weight.name, members: [weight], row });
    }
  }
  return groups;
}

/** Shape, init and attributes. */
function rowOf(w: WeightPlace): readonly string[] {
  const shape = w.shape.map((n, i) => `${w.axes[i] ?? ''} ${n}`).join(', ');
  return [`[${shape}]`, initText(w.init), attributesOf(w)];
}

function initText(init: Init): string {
  switch (init.kind) {
    case 'constant':
      return String(init.value);
    case 'normal':
      return `normal(${Number(init.std.toPrecision(4))})`;
    case 'uniform':
      return `uniform(${Number(init.low.toPrecision(4))}, ${Number(init.high.toPrecision(4))})`;
    case 'eye':
      return init.scale === 1 ? 'eye' : `${init.scale} * eye`;
    case 'onehot':
      return init.scale === 1 ? `onehot(${init.index})` : `${init.scale} * onehot(${init.index})`;
  }
}

function attributesOf(w: WeightPlace): string {
  if (w.freeze) return 'frozen';
  const factor = (name: string, value: number): string[] =>
    value === 1 ? [] : [`${name} x${Number(value.toPrecision(4))}`];
  return [
    ...(w.decay === 0 ? [] : w.decay === 1 ? ['decay'] : [`decay x${w.decay}`]),
    ...factor('lr', w.lr),
    ...factor('eps', w.eps),
    ...(w.clip === undefined ? [] : [`clip ${w.clip}`]),
  ].join(', ');
}
