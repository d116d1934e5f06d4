/** `weights SELECTOR { attribute = expr }`, and the attributes of declarations. */
import type { Init, WeightMember } from '../ir/graph.ts';
import type { HirWeight } from '../ir/hir.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import { present } from '../support/invariant.ts';
import type { Attribute, Rule, SelectorSegment } from '../syntax/ast.ts';
import { textOf } from './describe.ts';
import { bind, find } from './env.ts';
import { xavier } from './init.ts';
import type { WeightNames } from './names.ts';
import type { Place, WeightSlot } from './place.ts';
import {
  at,
  attempt,
  type DeclaredWeight,
  giveUp,
  type PendingRule,
  refuse,
  type Scope,
  type Session,
} from './session.ts';
import type { InitValue, Value } from './value.ts';
import { wantBool, wantInit, wantNumber } from './want.ts';
import { bindFans } from './weight.ts';

interface Attributes {
  readonly init: InitValue;
  readonly lr: number;
  readonly eps: number;
  readonly decay: number;
  readonly clip: number | undefined;
  readonly freeze: boolean;
}

type Reader = (value: Value, attribute: Attribute) => Partial<Attributes>;

function factor(value: Value, { name, value: expr }: Attribute): number {
  const number = wantNumber(value, expr.span);
  if (!(number >= 0 && Number.isFinite(number))) {
    refuse('out-of-range', { name: name.text, value: number, low: 0, below: Number.POSITIVE_INFINITY }, expr.span);
  }
  return number;
}

const READERS: Readonly<Record<string, Reader>> = {
  init: (value, { value: expr }) => ({ init: wantInit(value, expr.span) }),
  lr: (value, attribute) => ({ lr: factor(value, attribute) }),
  eps: (value, attribute) => ({ eps: factor(value, attribute) }),
  decay: (value, attribute) => ({ decay: factor(value, attribute) }),
  clip: (value, attribute) => ({ clip: factor(value, attribute) }),
  freeze: (value, { value: expr }) => ({ freeze: wantBool(value, expr.span) }),
};

const LATER = ['after', 'via'];
const LEVELS: readonly PendingRule['level'][] = ['fn', 'model', 'train'];

/** The attributes of every weight: those of its declaration, then those of the rules of functions, the model, and the training. */
export function applyRules(session: Session, names: WeightNames, root: Place): readonly HirWeight[] {
  const current = new Map<WeightSlot, Attributes>();
  for (const [slot, weight] of session.weights) {
    const start: Attributes = {
      init: weight.init,
      lr: 1,
      eps: 1,
      decay: weight.arrow ? 1 : 0,
      clip: undefined,
      freeze: false,
    };
    current.set(
      slot,
      attempt(
        session,
        () => read(start, weight.attributes, weight, weight.scope),
        () => start,
      ),
    );
  }
  const selectedBy = new Map<Rule, Set<WeightSlot>>();
  const ordered = LEVELS.flatMap((level) => session.rules.filter((pending) => pending.level === level));
  for (const pending of ordered) {
    const done = selectedBy.get(pending.rule) ?? new Set<WeightSlot>();
    selectedBy.set(pending.rule, done);
    attempt(
      session,
      () => applyRule(session, pending, names, root, done, current),
      () => undefined,
    );
  }
  for (const { rule } of ordered) {
    if (selectedBy.get(rule)?.size === 0)
      attempt(
        session,
        () => refuseEmpty(rule, names),
        () => undefined,
      );
  }
  return [...session.weights].flatMap(([slot, weight]) =>
    attempt<readonly HirWeight[]>(
      session,
      () => {
        const name = present(names.of.get(slot), 'the name of a weight');
        const member = memberOf(name, present(current.get(slot), 'attributes'), weight);
        return [{ value: weight.value, axes: weight.value.type.axes, member, span: weight.span }];
      },
      () => [],
    ),
  );
}

function memberOf(name: string, attributes: Attributes, weight: DeclaredWeight): WeightMember {
  const { lr, eps, decay, clip, freeze } = attributes;
  return { name, init: resolved(attributes.init, weight), lr, eps, decay, clip, freeze };
}

function resolved(init: InitValue, weight: DeclaredWeight): Init {
  if (init.kind !== 'xavier') return init;
  if (weight.fanIn === undefined || weight.fanOut === undefined) return refuse('no-fans', {}, weight.span);
  return xavier(init.gain, weight.fanIn, weight.fanOut);
}

function applyRule(
  session: Session,
  { rule, scope }: PendingRule,
  names: WeightNames,
  root: Place,
  done: Set<WeightSlot>,
  current: Map<WeightSlot, Attributes>,
): void {
  for (const { place, segments } of rootsOf(rule, scope, root)) {
    const prefix = present(names.prefixes.get(place) ?? names.prefixes.get(root), 'the name of a place');
    const skip = prefix === '' ? 0 : prefix.split('.').length;
    for (const slot of weightsIn(place)) {
      const weight = session.weights.get(slot);
      if (!weight || done.has(slot)) continue;
      const path = present(names.of.get(slot), 'the name of a weight').split('.').slice(skip);
      if (!matches(segments, path)) continue;
      done.add(slot);
      current.set(slot, read(present(current.get(slot), 'attributes'), rule.attributes, weight, scope));
    }
  }
}

function read(before: Attributes, attributes: readonly Attribute[], weight: DeclaredWeight, scope: Scope): Attributes {
  let now = before;
  for (const attribute of attributes) {
    const { name, value } = attribute;
    const reader = Object.hasOwn(READERS, name.text) ? READERS[name.text] : undefined;
    if (LATER.includes(name.text)) refuse('attribute-planned', { name: name.text }, name.span);
    if (!reader) {
      const known = Object.keys(READERS);
      return refuse(
        'unknown-attribute',
        { name: name.text, suggestion: didYouMean(name.text, known), known },
        name.span,
      );
    }
    const fans = bindFans(scope.env, weight.fanIn, weight.fanOut, name.span);
    const env = bind(fans, 'init', { kind: 'init', init: now.init }, name.span);
    const read = reader(scope.frame.session.language.evaluate(value, at(scope, env)), attribute);
    now = { ...now, ...read };
  }
  return now;
}

interface SelectorRoot {
  readonly place: Place;
  readonly segments: readonly SelectorSegment[];
}

/** Where a selector starts: at an instance that its first segments name, or in the body that holds the rule. */
function rootsOf(rule: Rule, scope: Scope, root: Place): readonly SelectorRoot[] {
  const [first, ...rest] = rule.selector;
  if (first?.kind === 'one') {
    const found = find(scope.env, first.name.text);
    if (found && found.where !== 'file') {
      const roots = rootsIn(found.value, rest, rule);
      if (roots) return roots;
    }
  }
  return [{ place: scope.frame.place ?? root, segments: rule.selector }];
}

function rootsIn(value: Value, segments: readonly SelectorSegment[], rule: Rule): readonly SelectorRoot[] | undefined {
  if (value.kind === 'poison') giveUp();
  if (value.kind === 'instance') return value.place ? [{ place: value.place, segments }] : [];
  if (value.kind === 'function')
    return refuse('rule-on-function', { text: textOf(selectorSpan(rule)) }, selectorSpan(rule));
  if (value.kind !== 'tuple') return undefined;
  const [next, ...rest] = segments;
  const after = next?.kind === 'deep' ? segments : rest;
  return value.items
    .filter((item) => next && matchesOne(next, item.key ?? ''))
    .flatMap((item) => rootsIn(item.value, after, rule) ?? []);
}

function selectorSpan(rule: Rule) {
  const [first] = rule.selector;
  if (!first) return rule.span;
  return first.kind === 'one' ? first.name.span : first.span;
}

function matchesOne(segment: SelectorSegment, part: string): boolean {
  if (segment.kind === 'one') return segment.name.text === part;
  return segment.kind === 'choice' ? segment.names.some((name) => name.text === part) : true;
}

/** `*` is one part of the path, `**` any number. */
function matches(segments: readonly SelectorSegment[], path: readonly string[]): boolean {
  const [first, ...rest] = segments;
  if (!first) return path.length === 0;
  if (first.kind === 'deep') return path.some((_, i) => matches(rest, path.slice(i))) || matches(rest, []);
  const [part, ...others] = path;
  return part !== undefined && matchesOne(first, part) && matches(rest, others);
}

function weightsIn(place: Place): readonly WeightSlot[] {
  const own = [...place.weights.values()].flatMap((byLoop) => [...byLoop.values()]);
  return [...own, ...place.children.flatMap(weightsIn)];
}

function selectorText(rule: Rule): string {
  return rule.selector.map(segmentText).join('.');
}

function segmentText(segment: SelectorSegment): string {
  if (segment.kind === 'one') return segment.name.text;
  if (segment.kind === 'choice') return `{${segment.names.map((name) => name.text).join(', ')}}`;
  return segment.kind === 'any' ? '*' : '**';
}

function refuseEmpty(rule: Rule, names: WeightNames): never {
  const lastParts = rule.selector.flatMap((s) =>
    s.kind === 'one' ? [s.name.text] : s.kind === 'choice' ? s.names.map((n) => n.text) : [],
  );
  const parts = new Set([...names.of.values()].flatMap((name) => name.split('.')));
  const wrong = lastParts.find((part) => !parts.has(part));
  const suggestion = wrong === undefined ? undefined : didYouMean(wrong, parts);
  const example = [...names.of.values()][0];
  return refuse(
    'rule-selects-nothing',
    { selector: selectorText(rule), wrong, suggestion, example },
    selectorSpan(rule),
  );
}
