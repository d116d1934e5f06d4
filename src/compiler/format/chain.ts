import type { CstElement } from 'chevrotain';
import { childrenOf } from '../syntax/cst.ts';
import { levelOfSign } from '../syntax/precedence.ts';
import type { Context } from './context.ts';
import { align, type Doc, fill, sequence, text } from './doc.ts';

/** Operands with operators between them. It breaks behind operators, those first that bind least. */
export function chain(context: Context, elements: readonly CstElement[], docOf: (element: CstElement) => Doc): Doc {
  const [only] = elements;
  if (only && elements.length === 1) return docOf(only);
  const level = Math.min(...elements.map(levelOf));
  const parts: Doc[] = [];
  const gaps = [];
  let from = 0;
  for (const [at, element] of elements.entries()) {
    if (levelOf(element) !== level) continue;
    parts.push(sequence([chain(context, elements.slice(from, at), docOf), text(' '), docOf(element)]));
    const next = elements[at + 1];
    if (next) gaps.push(context.gap(element, next));
    from = at + 1;
  }
  parts.push(chain(context, elements.slice(from), docOf));
  return align(fill(parts, gaps));
}

/** Infinite for operands. */
function levelOf(element: CstElement): number {
  if (!('children' in element) || element.name !== 'operator') return Number.POSITIVE_INFINITY;
  const [sign] = childrenOf(element);
  return sign && 'image' in sign ? levelOfSign(sign.image) : Number.POSITIVE_INFINITY;
}
