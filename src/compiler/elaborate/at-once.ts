/** Elaborating many iterations of a range at once: the body is elaborated for all values of the variable together. */
import { Failure } from '../diagnostics/diagnostic.ts';
import type { AxisId, ValueId } from '../ir/graph.ts';
import type { HirCarried, HirItem, HirLanes } from '../ir/hir.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import type { For, Statement } from '../syntax/ast.ts';
import { inOrderOf, latest } from './carry.ts';
import { freshValue, tensorOf } from './emit.ts';
import { bind, bindingsSince, type Env, forced, whereBound } from './env.ts';
import { Divergence, type Lanes } from './lanes-type.ts';
import { namesOf } from './pattern.ts';
import type { LoopPath } from './place.ts';
import { mapOperands } from './rewrite-hir.ts';
import type { Scope, Session } from './session.ts';
import type { Turn } from './turns.ts';
import { type Tensor, type Value, varying } from './value.ts';

export type AtOnce =
  | { readonly kind: 'done'; readonly lanes: HirLanes; readonly env: Env }
  /** The iterations part before the one with this number, or have nothing in common. */
  | { readonly kind: 'parted'; readonly at: number | undefined; readonly span: Span | undefined };

/** Leaves no trace when the iterations part. */
export function runAtOnce(statement: For, scope: Scope, turns: readonly Turn[], run: (inner: Scope) => Env): AtOnce {
  const { session, loops } = scope.frame;
  const around = session.items;
  const lanes = beginLanes(session, statement, turns);
  session.items = [];
  session.lanes = lanes;
  try {
    const carried = carriedNames(statement, scope).map((name) => makeCarried(session, name, scope.env));
    const start = carried.reduce((env, c) => bind(env, c.name, c.inside, statement.span), scope.env);
    const inner = statement.names.reduce((env, name) => bind(env, name.text, variableIn(turns), name.span), start);
    const after = run({ frame: { ...scope.frame, loops: enterLanes(loops, lanes) }, env: inner });
    const closing = closeCarried(session, lanes, carried, after, inner, statement.span);
    requireWeights(session, lanes);
    return {
      kind: 'done',
      lanes: hirLanes(session, lanes, closing.carried),
      env: rebind(scope.env, closing, statement.span),
    };
  } catch (error) {
    const expected = error instanceof Divergence || (error instanceof Failure && !session.fatal);
    if (!expected) throw error;
    for (const undo of lanes.undo.reverse()) undo();
    const parted = error instanceof Divergence ? error : undefined;
    return { kind: 'parted', at: parted?.at, span: parted?.span };
  } finally {
    session.items = around;
    session.lanes = undefined;
  }
}

function beginLanes(session: Session, statement: For, turns: readonly Turn[]): Lanes {
  const variable = statement.names[0]?.text ?? '';
  const labels = turns.map((turn) => turn.label);
  let id = `${variable}.loop`;
  for (let n = 2; session.loopAxes.has(id); n += 1) id = `${variable}.loop${n}`;
  session.loopAxes.add(id);
  const [rules, probes] = [session.rules.length, session.probes.length];
  return {
    variable,
    labels,
    segment: `${labels[0]}-${labels.at(-1)}`,
    axis: { id: id as AxisId, name: variable, size: turns.length },
    tables: [],
    stacked: [],
    same: new Map(),
    undo: [() => session.loopAxes.delete(id), () => session.rules.splice(rules), () => session.probes.splice(probes)],
  };
}

function variableIn(turns: readonly Turn[]): Value {
  const numbers = turns.map(({ values: [value] }) => (value?.kind === 'number' ? value.value : Number.NaN));
  return varying('number', numbers);
}

function enterLanes(loops: LoopPath, lanes: Lanes): LoopPath {
  return {
    key: `${loops.key} ${lanes.segment}`,
    segments: [...loops.segments, lanes.variable, lanes.segment],
    shown: [...loops.shown, lanes.variable],
    keys: loops.keys,
    lanes,
  };
}

/** Names that the body may rebind. */
function carriedNames(statement: For, scope: Scope): readonly string[] {
  const assigned = (statements: readonly Statement[]): readonly string[] =>
    statements.flatMap((s) => {
      if (s.kind === 'binding') return namesOf(s.pattern).map((name) => name.text);
      if (s.kind === 'for') return assigned(s.body);
      return s.kind === 'if' ? [...assigned(s.whenTrue), ...assigned(s.whenFalse)] : [];
    });
  return [...new Set(assigned(statement.body))].filter((name) => whereBound(scope.env, name)?.where === 'own');
}

interface CarriedName {
  readonly name: string;
  readonly before: Value;
  /** As an iteration begins with it: every tensor is one that comes from the iteration before. */
  readonly inside: Value;
}

function makeCarried(session: Session, name: string, env: Env): CarriedName {
  const before = present(latest(env, name), 'a name that is bound');
  return { name, before, inside: mapTensors(before, (tensor) => placeholder(session, tensor)) };
}

function placeholder(session: Session, { value }: Tensor): Tensor {
  return tensorOf(freshValue(session, value.type), value.type.kind === 'float');
}

function mapTensors(value: Value, f: (tensor: Tensor) => Tensor): Value {
  if (value.kind === 'tensor') return f(value);
  if (value.kind === 'list') return { ...value, items: value.items.map((item) => mapTensors(item, f)) };
  if (value.kind !== 'tuple') return value;
  return { ...value, items: value.items.map(({ key, value: item }) => ({ key, value: mapTensors(item, f) })) };
}

interface Closing {
  readonly carried: HirCarried[];
  /** Of the lanes: such tensors are no more carried than any other from outside. */
  readonly same: Map<ValueId, ValueId>;
  readonly after: { readonly name: string; readonly value: Value }[];
}

function closeCarried(
  session: Session,
  { same }: Lanes,
  names: readonly CarriedName[],
  after: Env,
  inner: Env,
  loop: Span,
): Closing {
  const closing: Closing = { carried: [], same, after: [] };
  const bound = new Map(bindingsSince(after, inner).map((binding) => [binding.name, binding]));
  for (const { name, before, inside } of names) {
    const binding = bound.get(name);
    const now = binding ? forced(binding.value) : inside;
    const close = (was: Value, begin: Value, end: Value): Value => {
      if (was.kind === 'tensor' && begin.kind === 'tensor' && end.kind === 'tensor') {
        const next = inOrderOf(session, name, begin, end, binding?.span ?? loop, loop);
        return closeTensor(session, was, begin, next, closing);
      }
      return closeParts(was, begin, end, close);
    };
    closing.after.push({ name, value: close(before, inside, now) });
  }
  return closing;
}

function closeTensor(session: Session, was: Tensor, begin: Tensor, end: Tensor, closing: Closing): Tensor {
  if (end.value.id === begin.value.id) {
    closing.same.set(begin.value.id, was.value.id);
    return was;
  }
  const final = freshValue(session, end.value.type);
  const name = session.names.get(end.value.id);
  if (name !== undefined) for (const id of [final.id, begin.value.id]) session.names.set(id, name);
  closing.carried.push({ param: begin.value, initial: was.value.id, next: end.value.id, final });
  return tensorOf(final, was.learned || end.learned);
}

type Close = (was: Value, begin: Value, end: Value) => Value;

/** Tuples and lists keep their shape; what is no tensor must not change, or each iteration would have a body of its own. */
function closeParts(was: Value, begin: Value, end: Value, close: Close): Value {
  if (was.kind === 'tuple' && begin.kind === 'tuple' && end.kind === 'tuple' && sameKeys(begin, end)) {
    const items = was.items.map(({ key, value }, i) => {
      const [b, e] = [begin.items[i]?.value, end.items[i]?.value];
      return { key, value: close(value, present(b, 'a part'), present(e, 'a part')) };
    });
    return { kind: 'tuple', items };
  }
  if (was.kind === 'list' && begin.kind === 'list' && end.kind === 'list' && begin.items.length === end.items.length) {
    const items = was.items.map((value, i) =>
      close(value, present(begin.items[i], 'an item'), present(end.items[i], 'an item')),
    );
    return { kind: 'list', items };
  }
  const same = begin === end || (begin.kind === 'number' && end.kind === 'number' && Object.is(begin.value, end.value));
  if (!same) throw new Divergence(undefined);
  return was;
}

function sameKeys(a: Extract<Value, { kind: 'tuple' }>, b: Extract<Value, { kind: 'tuple' }>): boolean {
  return a.items.length === b.items.length && a.items.every(({ key }, i) => key === b.items[i]?.key);
}

/** Loops without weights are small and stay as they are written. */
function requireWeights(session: Session, lanes: Lanes): void {
  const ids = new Set<ValueId>();
  for (const weight of session.weights.values()) {
    if (weight.lanes === lanes) return;
    ids.add(weight.value.id);
  }
  if (!mentions(session.items, ids)) throw new Divergence(undefined);
}

function mentions(items: readonly HirItem[], ids: ReadonlySet<ValueId>): boolean {
  return items.some((item) =>
    item.kind === 'for'
      ? item.parts.some((part) => mentions(part.items, ids))
      : item.operands.some((operand) => ids.has(operand)),
  );
}

function hirLanes(session: Session, lanes: Lanes, carried: readonly HirCarried[]): HirLanes {
  const { labels, axis, tables, stacked, same } = lanes;
  const map = (id: ValueId): ValueId => same.get(id) ?? id;
  return {
    kind: 'lanes',
    labels,
    axis,
    items: same.size === 0 ? session.items : mapOperands(session.items, map),
    carried: carried.map((c) => ({ ...c, next: map(c.next) })),
    tables,
    stacked: stacked.map((s) => ({ ...s, from: map(s.from) })),
  };
}

function rebind(env: Env, { after }: Closing, span: Span): Env {
  return after.reduce((e, { name, value }) => bind(e, name, value, span), env);
}
