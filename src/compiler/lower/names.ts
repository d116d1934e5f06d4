/** Names in kernels: those of the spec, sanitised and made unique. */
import type { Op, ValueId } from '../ir/graph.ts';
import { freeName } from '../support/free-name.ts';
import type { LowerContext } from './context.ts';
import { opWord } from './op-words.ts';

/** Letters, digits and single underscores, starting with a letter: a name in every target. */
export function sanitised(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : plain === '' ? 'x' : `x${plain}`;
}

/**
 * The path that a value has in the spec. A value without one has that of the value it is a view or a slice of, or of
 * what its loop carries; what no name leads to gets a word for its op.
 */
export function pathOf(context: LowerContext, id: ValueId): string {
  const { name } = context.value(id);
  if (name !== undefined) return name;
  const definition = context.definition(id);
  const source = definition.kind === 'op' ? viewedBy(definition.op, id) : definition.owner.operands[definition.index];
  if (source !== undefined) return pathOf(context, source);
  return definition.kind === 'op' ? opWord(definition.op) : 'value';
}

/** The value that an op without arithmetic shows in another way; for a result of a loop, what the body gives for it. */
function viewedBy(op: Op, result: ValueId): ValueId | undefined {
  switch (op.kind) {
    case 'loop':
      return op.attrs.body.results[op.results.findIndex((r) => r.id === result)];
    case 'cast':
    case 'expand':
    case 'rename':
    case 'split':
    case 'merge':
    case 'permute':
    case 'slice':
    case 'pad':
    case 'pick':
    case 'gather':
    case 'stop_gradient':
    case 'step_total':
      return op.operands[0];
    default:
      return undefined;
  }
}

/** `layer_attn_query` for the value `layer.attn.query`. */
export function longName(context: LowerContext, id: ValueId): string {
  return sanitised(pathOf(context, id));
}

/** `query` for the value `layer.attn.query`. */
export function shortName(context: LowerContext, id: ValueId): string {
  const path = pathOf(context, id).split('.');
  return sanitised(path.findLast((part) => /[A-Za-z]/.test(part)) ?? '');
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
