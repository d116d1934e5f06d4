/** The grammar as data, read off the parser: what diagrams, the printed grammar, and sentences for tests are made of. */
import type { ISerializedGast } from 'chevrotain';
import { serializedRules } from './parser.ts';

export type Shape =
  /** A token, by the name of its type. */
  | { readonly kind: 'word'; readonly name: string }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Shape[] }
  | { readonly kind: 'choice'; readonly options: readonly Shape[] }
  | { readonly kind: 'optional'; readonly of: Shape }
  | { readonly kind: 'repeat'; readonly of: Shape; readonly separator: Shape | undefined; readonly least: 0 | 1 };

export interface GrammarRule {
  readonly name: string;
  readonly shape: Shape;
}

/** What chevrotain writes of a production, beside its type and parts. */
interface Production extends ISerializedGast {
  readonly name?: string;
  readonly separator?: Production;
}

/** All rules: a file is any number of `item`, and each rule follows the one that mentions it first. */
export function grammarRules(): readonly GrammarRule[] {
  const shapes = new Map(serializedRules().map((rule) => [nameOf(rule), sequence(rule)] as const));
  const ordered = new Map<string, Shape>();
  const visit = (name: string): void => {
    const shape = shapes.get(name);
    if (!shape || ordered.has(name)) return;
    ordered.set(name, shape);
    for (const next of mentions(shape)) visit(next);
  };
  for (const name of ['item', ...shapes.keys()]) visit(name);
  return [...ordered].map(([name, shape]) => ({ name, shape }));
}

function shapeOf(production: Production): Shape {
  const { type, separator } = production;
  switch (type) {
    case 'Terminal':
      return { kind: 'word', name: nameOf(production) };
    case 'NonTerminal':
      return { kind: 'rule', name: nameOf(production) };
    case 'Rule':
    case 'Alternative':
      return sequence(production);
    case 'Alternation':
      return { kind: 'choice', options: (production.definition ?? []).map(shapeOf) };
    case 'Option':
      return { kind: 'optional', of: sequence(production) };
    case 'Repetition':
    case 'RepetitionMandatory':
    case 'RepetitionWithSeparator':
    case 'RepetitionMandatoryWithSeparator':
      return {
        kind: 'repeat',
        of: sequence(production),
        separator: separator && shapeOf(separator),
        least: type.startsWith('RepetitionMandatory') ? 1 : 0,
      };
  }
}

function sequence({ definition = [] }: Production): Shape {
  const parts = definition.map(shapeOf);
  const [only] = parts;
  return only && parts.length === 1 ? only : { kind: 'sequence', parts };
}

function nameOf({ name }: Production): string {
  return name ?? '';
}

/** The rules that a shape mentions, in order. */
function mentions(shape: Shape): readonly string[] {
  switch (shape.kind) {
    case 'word':
      return [];
    case 'rule':
      return [shape.name];
    case 'sequence':
      return shape.parts.flatMap(mentions);
    case 'choice':
      return shape.options.flatMap(mentions);
    case 'optional':
      return mentions(shape.of);
    case 'repeat':
      return [...mentions(shape.of), ...(shape.separator ? mentions(shape.separator) : [])];
  }
}
