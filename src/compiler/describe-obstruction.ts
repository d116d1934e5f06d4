import type { Obstruction } from './decode/decode.ts';
import { textOf } from './elaborate/describe.ts';
import type { Elaborated } from './elaborate/elaborate.ts';
import { positionAt } from './support/source.ts';

/** Why a model decodes without caches: `z` (model.tfm:6:11) depends on later tokens. */
export function describeObstruction({ files, callerOf }: Elaborated, { what, span, because }: Obstruction): string {
  if (!span || span.source.text === '') return `${what === undefined ? 'a value' : `\`${what}\``} ${because}`;
  // A place in the library says little; where the user's file came to it says which use it is.
  const own = files.includes(span.source) ? span : (callerOf(span) ?? span);
  const { line, column } = positionAt(own.source, own.start);
  return `\`${what ?? textOf(span)}\` (${own.source.path}:${line}:${column}) ${because}`;
}
