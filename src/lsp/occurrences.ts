/** All places of the name under a cursor, in the open files. */
import type { Span } from '../compiler/support/source.ts';
import type { Name } from '../compiler/syntax/ast.ts';
import { type Declared, placesOf } from '../compiler/syntax/names.ts';
import { nodesIn } from '../compiler/syntax/nodes.ts';
import type { Analysis } from './analysis.ts';
import { declarationIn } from './declarations-of.ts';
import { definitionsOf } from './definition-of.ts';
import { samePlace } from './places.ts';
import { type Target, targetAt } from './target.ts';

export interface Occurrences {
  /** Where it is bound first. */
  readonly origin: Span;
  readonly places: readonly Span[];
}

/** Follows the target to what it names, and finds that in all `analyses`. */
export function occurrencesOf(
  analysis: Analysis,
  target: Target,
  analyses: readonly Analysis[],
): Occurrences | undefined {
  const [origin] = definitionsOf(analysis, target);
  if (!origin) return undefined;
  const places = new Map<string, Span>();
  const add = (span: Span): void => {
    places.set(`${span.source.path} ${span.start}`, span);
  };
  const declared = declaredAt(origin, analyses);
  for (const span of declared ? placesOf(declared) : [origin]) add(span);
  for (const other of analyses) for (const span of placesIn(other, declared?.bindings ?? [origin])) add(span);
  return { origin, places: [...places.values()] };
}

/** The name that is bound at a place of an open file. */
export function declaredAt(origin: Span, analyses: readonly Analysis[]): Declared | undefined {
  return analyses
    .flatMap(({ names }) => names.declared)
    .find(({ bindings }) => bindings.some((binding) => samePlace(binding, origin)));
}

/** Where a file names what is bound at `bindings`: by itself, or as an import, a field, a key, an argument or a train key. */
function placesIn(analysis: Analysis, bindings: readonly Span[]): readonly Span[] {
  const isMeant = (span: Span): boolean => bindings.some((binding) => samePlace(binding, span));
  const { names, inspection } = analysis;
  const plain = names.declared.flatMap((declared): readonly Span[] => {
    if (declared.kind !== 'import') return [];
    const found = declarationIn(inspection.tree, declared.name);
    return found && isMeant(found.span) ? placesOf(declared) : [];
  });
  const free = names.free.flatMap(({ name, span }): readonly Span[] =>
    definitionsOf(analysis, { kind: 'free', name, span }).some(isMeant) ? [span] : [],
  );
  return [
    ...plain,
    ...free,
    ...namesInNodes(analysis).flatMap((name) => (leadsTo(analysis, name, isMeant) ? [name.span] : [])),
  ];
}

/** Names that only values tell the meaning of. */
function namesInNodes({ inspection }: Analysis): readonly Name[] {
  return [...nodesIn(inspection.tree)].flatMap((node): readonly Name[] => {
    if (node.kind === 'member') return [node.key];
    if (node.kind === 'call') return node.args.flatMap((arg) => arg.name ?? []);
    if (node.kind === 'tuple') return node.items.flatMap((item) => item.name ?? []);
    if (node.kind !== 'train') return [];
    return node.entries.flatMap((entry) =>
      entry.kind === 'binding' && entry.pattern.kind === 'name-pattern' ? [entry.pattern.name] : [],
    );
  });
}

function leadsTo(analysis: Analysis, name: Name, isMeant: (span: Span) => boolean): boolean {
  if (isMeant(name.span)) return true;
  const target = targetAt(analysis, name.span.end);
  return target?.span.start === name.span.start && definitionsOf(analysis, target).some(isMeant);
}
