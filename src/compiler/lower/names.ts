/** Names in kernels: those of the spec, sanitised and made unique. */
import type { Op, Value } from '../ir/graph.ts';

/** Letters, digits and single underscores, starting with a letter: a name in every target. */
export function sanitised(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : plain === '' ? 'x' : `x${plain}`;
}

/** `layer_attn_query` for the value `layer.attn.query`; what kind of op made it when the spec gives no name. */
export function longName(value: Value, op: Op | undefined): string {
  return sanitised(value.name ?? op?.kind ?? 'value');
}

/** `query` for the value `layer.attn.query`. */
export function shortName(value: Value, op: Op | undefined): string {
  const path = value.name?.split('.') ?? [];
  const last = path.findLast((part) => /[A-Za-z]/.test(part));
  return sanitised(last ?? opWord(op));
}

function opWord(op: Op | undefined): string {
  if (op === undefined) return 'value';
  return op.kind === 'unary' || op.kind === 'binary' ? op.attrs.fn : op.kind;
}

/** Gives out each name once: `x`, `x_2`, `x_3`, … */
export function makeNamer(): (wish: string) => string {
  const taken = new Set<string>();
  return (wish) => {
    const name = freeName(wish, (candidate) => taken.has(candidate));
    taken.add(name);
    return name;
  };
}

/** `wish`, or the first of `wish_2`, `wish_3`, … that is free. */
export function freeName(wish: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wish)) return wish;
  let n = 2;
  while (isTaken(`${wish}_${n}`)) n++;
  return `${wish}_${n}`;
}
