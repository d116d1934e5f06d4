/** `for`: its meaning is its iterations one after the other. */

import type { HirItem, HirIteration } from '../ir/hir.ts';
import { isSubset, sameAxes } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { For } from '../syntax/ast.ts';
import { tensorText } from './describe.ts';
import { emit } from './emit.ts';
import { bind, bindingsSince, type Env, forced, type Rebound, whereBound } from './env.ts';
import type { LoopPath } from './place.ts';
import { callChain, LIMITS, refuse, type Scope, type Session } from './session.ts';
import { isRecord, number, type Value } from './value.ts';
import { wantInteger, wrong } from './want.ts';

interface Turn {
  /** What the variables are bound to, in order. */
  readonly values: readonly Value[];
  readonly label: string;
  /** Iterations of a range or list add `variable.label` to names, those of a record their key. */
  readonly keyed: boolean;
}

/** Runs a `for`; `run` elaborates one iteration. Names bound before it and rebound in it are carried. */
export function runRange(statement: For, scope: Scope, run: (inner: Scope) => Env): Env {
  const { session, loops, activation } = scope.frame;
  const turns = turnsOf(statement, scope);
  const [variable] = statement.names;
  const name = variable?.text ?? '';
  if (turns.length > LIMITS.iterations) {
    session.fatal = true;
    refuse(
      'too-many-iterations',
      { limit: LIMITS.iterations, count: turns.length, chain: callChain(activation) },
      statement.span,
    );
  }
  const iterations: HirIteration[] = [];
  let env = scope.env;
  for (const turn of turns) {
    const around: HirItem[] = session.items;
    session.items = [];
    try {
      const inner = statement.names.reduce((e, n, i) => bind(e, n.text, turn.values[i] ?? number(0), n.span), env);
      const frame = { ...scope.frame, loops: enter(loops, name, turn) };
      const after = run({ frame, env: inner });
      env = carry(session, after, inner, env, statement.span);
    } finally {
      iterations.push({ label: turn.label, items: session.items });
      session.items = around;
    }
  }
  session.items.push({ kind: 'for', variable: name, iterations, span: statement.span });
  return env;
}

function enter(loops: LoopPath, variable: string, { label, keyed }: Turn): LoopPath {
  return {
    key: `${loops.key} ${label}`,
    segments: keyed ? [...loops.segments, label] : [...loops.segments, variable, label],
    shown: [...loops.shown, keyed ? label : variable],
    keys: keyed ? [...loops.keys, label] : loops.keys,
  };
}

function turnsOf(statement: For, scope: Scope): readonly Turn[] {
  const { language } = scope.frame.session;
  const from = language.evaluate(statement.from, scope);
  const two = statement.names.length === 2;
  if (statement.to) {
    const first = wantInteger(from, statement.from.span, 'the first number of the range');
    const last = wantInteger(language.evaluate(statement.to, scope), statement.to.span, 'the last number of the range');
    if (two) refuse('two-variables', {}, statement.names[1]?.span ?? statement.span);
    const count = Math.max(0, Math.min(last - first + 1, LIMITS.iterations + 1));
    return Array.from({ length: count }, (_, i) => ({
      values: [number(first + i)],
      label: String(first + i),
      keyed: false,
    }));
  }
  if (from.kind === 'list') {
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

/** The environment after an iteration: names bound before the loop take their new values, others are gone. */
function carry(session: Session, after: Env, inner: Env, before: Env, span: Span): Env {
  let env = before;
  for (const binding of bindingsSince(after, inner)) {
    const bound = whereBound(before, binding.name);
    if (bound?.where !== 'own') continue;
    const value = inOrderOf(session, latest(before, binding.name), binding, span);
    env = bind(env, binding.name, value, binding.span);
  }
  return env;
}

function latest(env: Env, name: string): Value | undefined {
  for (let at = env; at.kind !== 'file'; at = at.next) {
    if (at.kind === 'binding' && at.name === name) return forced(at.value);
  }
  return undefined;
}

/** A carried tensor keeps its type; its axes keep their order, so that all iterations can be one body. */
function inOrderOf(session: Session, before: Value | undefined, now: Rebound, loop: Span): Value {
  const value = forced(now.value);
  if (before?.kind !== 'tensor' || value.kind !== 'tensor') return value;
  const [a, b] = [before.value.type, value.value.type];
  if (a.kind === b.kind && sameAxes(a.axes, b.axes)) return value;
  if (a.kind === b.kind && isSubset(a.axes, b.axes) && isSubset(b.axes, a.axes)) {
    return emit(session, 'permute', { axes: a.axes.map((axis) => axis.id) }, [value], now.span);
  }
  const params = { name: now.name, before: tensorText(before), now: tensorText(value) };
  return refuse('carried-type-changes', params, now.span, [{ span: loop, text: 'the loop that carries it' }]);
}
