/** `weights SELECTOR { attribute = expr }`: weights as declared, then as the rules of functions, model and training have them. */
import type { WeightMember } from '../ir/graph.ts';
import type { HirWeight } from '../ir/hir.ts';
import { present } from '../support/invariant.ts';
import type { Rule } from '../syntax/ast.ts';
import { type Attributes, changedAttributes, declaredAttributes, resolvedInit } from './attributes.ts';
import { Divergence } from './lanes-type.ts';
import { memberNames, type WeightNames } from './names.ts';
import type { Place, WeightSlot } from './place.ts';
import { matches, type Reach, refuseEmpty, rootsOf } from './selector.ts';
import { attempt, type DeclaredWeight, type PendingRule, type Session } from './session.ts';

/** One tensor of the checkpoint. */
export interface Member {
  readonly name: string;
  readonly weight: DeclaredWeight;
  /** Which of the iterations that were elaborated at once it belongs to; varying values are read for it. */
  readonly lane: number;
  attributes: Attributes | undefined;
}

const nothing = (): undefined => undefined;

export type Members = ReadonlyMap<WeightSlot, readonly Member[]>;

const LEVELS: readonly PendingRule['level'][] = ['fn', 'model', 'train'];

/** The members of `weights`, with attributes as they are declared and as `rules` change them. */
export function applyRules(
  session: Session,
  names: WeightNames,
  root: Place,
  weights: readonly DeclaredWeight[],
  rules: readonly PendingRule[],
): Members {
  const members = membersOf(session, names, weights);
  const selected = new Map<Rule, Set<Member>>();
  const refused = new Set<Rule>();
  const ordered = LEVELS.flatMap((level) => rules.filter((pending) => pending.level === level));
  for (const pending of ordered) {
    const done = selected.get(pending.rule) ?? new Set<Member>();
    selected.set(pending.rule, done);
    attempt(
      session,
      () => applyRule(session, pending, names, root, done, members),
      () => void refused.add(pending.rule),
    );
  }
  for (const pending of ordered) {
    const { rule } = pending;
    if (selected.get(rule)?.size !== 0 || refused.has(rule)) continue;
    attempt(session, () => refuseEmpty(rule, reachOf(pending, names, root, members)), nothing);
  }
  return members;
}

function membersOf(session: Session, names: WeightNames, weights: readonly DeclaredWeight[]): Members {
  const members = new Map<WeightSlot, readonly Member[]>();
  for (const weight of weights) {
    const { slot } = weight;
    const all = memberNames(present(names.of.get(slot), 'the name of a weight'), weight.lanes);
    const shared = sharedAttributes(session, weight);
    members.set(
      slot,
      all.map((name, lane) => {
        const attributes = shared ?? inLane(session, lane, () => declaredAttributes(weight));
        return { name, weight, lane, attributes };
      }),
    );
  }
  return members;
}

/** The attributes that all members are declared with; undefined when they depend on the iteration. */
function sharedAttributes(session: Session, weight: DeclaredWeight): Attributes | undefined {
  try {
    return attempt<Attributes | undefined>(session, () => declaredAttributes(weight), nothing);
  } catch (error) {
    if (error instanceof Divergence) return undefined;
    throw error;
  }
}

/** Evaluates for one iteration; undefined after an error. */
export function inLane<T>(session: Session, lane: number, work: () => T): T | undefined {
  session.lane = lane;
  try {
    return attempt<T | undefined>(session, work, nothing);
  } finally {
    session.lane = undefined;
  }
}

/**
 * A rule counts once for each weight, however often its place is elaborated: the first iteration of a loop says it of all
 * that it selects. Where each iteration selects what is its own, each says it.
 */
function applyRule(
  session: Session,
  { rule, scope }: PendingRule,
  names: WeightNames,
  root: Place,
  done: Set<Member>,
  members: Members,
): void {
  for (const { place, segments } of rootsOf(rule, scope, root)) {
    const { loops, place: body } = scope.frame;
    const isOwn = place.lanes === (loops.lanes ?? body?.lanes);
    for (const [member, path] of membersIn(place, names, members)) {
      if (done.has(member) || !matches(segments, path)) continue;
      done.add(member);
      const { attributes, weight } = member;
      if (!attributes) continue;
      member.attributes = inLane(session, isOwn ? member.lane : 0, () =>
        changedAttributes(attributes, rule.attributes, weight, scope, isOwn ? undefined : 0),
      );
    }
  }
}

/** What a rule may select from, for suggestions: all weights when it starts nowhere. */
function reachOf({ rule, scope }: PendingRule, names: WeightNames, root: Place, members: Members): Reach {
  const [first] = rootsOf(rule, scope, root);
  const { place, segments } = first ?? { place: root, segments: rule.selector.slice(1) };
  const all = membersIn(place, names, members);
  return { segments, paths: all.map(([, path]) => path), example: all[0]?.[0].name };
}

/** The members of weights in a place, with what their names are from there on. */
function membersIn(
  place: Place,
  names: WeightNames,
  members: Members,
): readonly (readonly [Member, readonly string[]])[] {
  const prefix = names.prefixes.get(place) ?? '';
  const skip = prefix === '' ? 0 : prefix.split('.').length;
  const all = weightsIn(place).flatMap((slot) => members.get(slot) ?? []);
  return all.map((member) => [member, member.name.split('.').slice(skip)]);
}

function weightsIn(place: Place): readonly WeightSlot[] {
  const own = [...place.weights.values()].flatMap((byLoop) => [...byLoop.values()]);
  return [...own, ...place.children.flatMap(weightsIn)];
}

/** Nothing when an error was reported, after which there is no graph. */
export function hirWeight(session: Session, members: readonly Member[]): readonly HirWeight[] {
  const [first] = members;
  if (!first) return [];
  const { value, lanes, span } = first.weight;
  const complete = members.flatMap(({ name, weight, attributes }): readonly WeightMember[] => {
    const init = attributes && attempt(session, () => resolvedInit(attributes.init, weight), nothing);
    if (!attributes || !init) return [];
    const { lr, eps, decay, clip, freeze } = attributes;
    return [{ name, init, lr, eps, decay, clip, freeze }];
  });
  return [{ value, axes: value.type.axes, members: complete, stacked: lanes?.axis, span }];
}
