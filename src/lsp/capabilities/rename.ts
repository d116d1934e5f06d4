import { ErrorCodes, ResponseError, type TextEdit } from 'vscode-languageserver';
import { KEYWORDS } from '../../../grammar/tokens.ts';
import { PREDEFINED_NAMES } from '../../compiler/elaborate/builtins/table.ts';
import type { Span } from '../../compiler/support/source.ts';
import { nodesIn } from '../../compiler/syntax/nodes.ts';
import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { preludeNames } from '../declarations-of.ts';
import { declaredAt, occurrencesOf } from '../occurrences.ts';
import { isLibrary, offsetOf, rangeOf, uriOf } from '../places.ts';
import { targetAt } from '../target.ts';

/** Gives what the user named another name, at all its places in the open files, or says why it cannot. */
export const rename: Capability = {
  announces: { renameProvider: { prepareProvider: true } },
  register: (connection, { workspace, answer }) => {
    connection.onPrepareRename(({ textDocument, position }) => {
      const found = answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        return analysis && renamed(analysis, offsetOf(analysis, position), workspace.analyses());
      }, undefined);
      if (found && 'refused' in found) return refusal(found.refused);
      return found ? { range: rangeOf(found.here), placeholder: found.name } : null;
    });
    connection.onRenameRequest(({ textDocument, position, newName }) => {
      const found = answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        const analyses = workspace.analyses();
        const one = analysis && renamed(analysis, offsetOf(analysis, position), analyses);
        if (!one || 'refused' in one) return one;
        const why = refusedName(newName) ?? clashOf(newName, one, analyses);
        return why === undefined ? one : { refused: why };
      }, undefined);
      if (!found) return null;
      return 'refused' in found ? refusal(found.refused) : { changes: changesOf(found.places, newName) };
    });
  },
};

interface Renamed {
  readonly name: string;
  /** The place under the cursor. */
  readonly here: Span;
  readonly origin: Span;
  readonly places: readonly Span[];
}

interface Refused {
  readonly refused: string;
}

function refusal(why: string): ResponseError<void> {
  return new ResponseError(ErrorCodes.InvalidRequest, why);
}

function renamed(analysis: Analysis, offset: number, analyses: readonly Analysis[]): Renamed | Refused | undefined {
  const target = targetAt(analysis, offset);
  if (!target || target.kind === 'expression') return undefined;
  const name = target.span.source.text.slice(target.span.start, target.span.end);
  if (target.kind === 'key') return { refused: 'A key of a record may be read anywhere; it cannot be renamed safely.' };
  if (target.kind === 'attribute') return { refused: `\`${name}\` belongs to the language.` };
  const found = occurrencesOf(analysis, target, analyses);
  if (!found) return { refused: `Nothing in the open files binds \`${name}\`.` };
  if (isLibrary(found.origin.source)) return { refused: `\`${name}\` belongs to the library.` };
  const declared = declaredAt(found.origin, analyses);
  if (!declared) return { refused: `\`${name}\` is bound in a file that is not open, or is a key of a record.` };
  const path = pathThatNames(name, analyses);
  if (path) {
    const { line } = rangeOf(path).start;
    return { refused: `\`${name}\` is a part of the names of weights, which line ${line + 1} selects.` };
  }
  return { name, here: target.span, ...found };
}

/** A selector that has `name` as a segment: weights are called after bindings, so it would select nothing any more. */
function pathThatNames(name: string, analyses: readonly Analysis[]): Span | undefined {
  for (const { inspection } of analyses) {
    for (const node of nodesIn(inspection.tree)) {
      if (node.kind === 'one' && node.name.text === name) return node.name.span;
      const chosen = node.kind === 'choice' ? node.names.find(({ text }) => text === name) : undefined;
      if (chosen) return chosen.span;
    }
  }
  return undefined;
}

function refusedName(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name === '_') {
    return `\`${name}\` is no name: names are of letters, digits and \`_\`, and do not begin with a digit.`;
  }
  return KEYWORDS.some((word) => word === name) ? `\`${name}\` is a keyword.` : undefined;
}

/** Why the new name would mean something else at one of its places, or would take the meaning of another. */
function clashOf(name: string, { origin, places }: Renamed, analyses: readonly Analysis[]): string | undefined {
  if (PREDEFINED_NAMES.includes(name) || preludeNames().includes(name)) {
    return `\`${name}\` is a name of the language, which this would hide.`;
  }
  const region = declaredAt(origin, analyses)?.region;
  for (const { names } of analyses) {
    const other = names.declared.find(
      (one) =>
        one.name === name &&
        (places.some((place) => within(place, one.region)) || (region && within(one.region, region))),
    );
    const [binding] = other?.bindings ?? [];
    if (binding) return `\`${name}\` is bound already, in line ${rangeOf(binding).start.line + 1}.`;
    const free = names.free.find((one) => one.name === name && region && within(one.span, region));
    if (free) return `\`${name}\` is named in line ${rangeOf(free.span).start.line + 1}, which this would take over.`;
  }
  return undefined;
}

function within(inner: Span, outer: Span): boolean {
  return inner.source.path === outer.source.path && outer.start <= inner.start && inner.end <= outer.end;
}

function changesOf(places: readonly Span[], newText: string): Record<string, TextEdit[]> {
  const changes: Record<string, TextEdit[]> = {};
  for (const span of places) {
    const uri = uriOf(span.source);
    if (uri === undefined || isLibrary(span.source)) continue;
    changes[uri] = [...(changes[uri] ?? []), { range: rangeOf(span), newText }];
  }
  return changes;
}
