/** What a `for` goes through. */
import type { For } from '../syntax/ast.ts';
import type { LoopPath } from './place.ts';
import { callChain, LIMITS, refuse, type Scope } from './session.ts';
import { isRecord, number, type Value } from './value.ts';
import { wantInteger, wrong } from './want.ts';

export interface Turn {
  /** What the variables are bound to, in order. */
  readonly values: readonly Value[];
  readonly label: string;
  /** Iterations of a range or list add `variable.label` to names, those of a record their key. */
  readonly keyed: boolean;
}

export function turnsOf(statement: For, scope: Scope): readonly Turn[] {
  const { language } = scope.frame.session;
  const from = language.evaluate(statement.from, scope);
  const two = statement.names.length === 2;
  if (statement.to) return rangeTurns(from, language.evaluate(statement.to, scope), statement, scope);
  if (from.kind === 'list') {
    requireFew(from.items.length, statement, scope);
    return from.items.map((item, i) => ({
      values: two ? [number(i + 1), item] : [item],
      label: String(i + 1),
      keyed: false,
    }));
  }
  if (from.kind !== 'tuple') return wrong(from, 'a list, a record or a range such as `1..depth`', statement.from.span);
  const record = isRecord(from);
  return from.items.map(({ key, value }, i) => {
    const label = key ?? String(i + 1);
    const first: Value = record ? { kind: 'string', value: label } : number(i + 1);
    return { values: two ? [first, value] : [value], label, keyed: record };
  });
}

function rangeTurns(from: Value, to: Value, statement: For, scope: Scope): readonly Turn[] {
  const first = wantInteger(from, statement.from.span, 'the first number of the range');
  const last = wantInteger(to, statement.to?.span ?? statement.span, 'the last number of the range');
  if (statement.names.length === 2) refuse('two-variables', {}, statement.names[1]?.span ?? statement.span);
  const count = Math.max(0, last - first + 1);
  requireFew(count, statement, scope);
  return Array.from({ length: count }, (_, i) => ({
    values: [number(first + i)],
    label: String(first + i),
    keyed: false,
  }));
}

function requireFew(count: number, statement: For, { frame }: Scope): void {
  if (count <= LIMITS.iterations) return;
  frame.session.fatal = true;
  const chain = callChain(frame.activation);
  refuse('too-many-iterations', { limit: LIMITS.iterations, count, chain }, statement.span);
}

/** The loops around one iteration. */
export function enter(loops: LoopPath, variable: string, { label, keyed }: Turn): LoopPath {
  return {
    ...loops,
    key: `${loops.key} ${label}`,
    segments: keyed ? [...loops.segments, label] : [...loops.segments, variable, label],
    shown: [...loops.shown, keyed ? label : variable],
    keys: keyed ? [...loops.keys, label] : loops.keys,
  };
}
