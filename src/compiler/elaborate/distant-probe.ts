/**
 * Probes at a distance: `probe variance = mean(var(layer.*.x, over = width))` in the body of a model or a train block.
 *
 * A probe with a star is evaluated once for each value that its paths name. Where these belong to iterations that were
 * elaborated at once, its ops become the end of their body, as if the probe stood there; so they are one kernel for all
 * layers. Else, and where it looks at what comes after the loop, it is evaluated for each iteration behind it.
 */
import type { Value as IrValue, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import { floats } from '../ir/tensor-type.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import { present } from '../support/invariant.ts';
import type { Expr, Probe } from '../syntax/ast.ts';
import { emit, freshValue, tensorOf } from './emit.ts';
import { gradientOf } from './gradients.ts';
import type { Lanes } from './lanes-type.ts';
import type { Place } from './place.ts';
import { probeTensor } from './probe.ts';
import { type ProbePath, probePaths } from './probe-paths.ts';
import { appendToLanes, mapOperands, visibleInLanes } from './rewrite-hir.ts';
import { attempt, type ProbeValue, refuse, type Scope, type Session } from './session.ts';
import type { Tensor } from './value.ts';
import { allPathValues, type Match, matchesOf, type PathValue, pathTexts, starName } from './value-paths.ts';

/** A path of the probe, and the values that it names. */
interface Looked extends ProbePath {
  readonly matches: readonly Match[];
  readonly starred: boolean;
}

/** Evaluates the probes that look at values by path. */
export function runDistantProbes(session: Session, root: Place): void {
  const { distant } = session.probing;
  if (distant.length === 0) return;
  const all = allPathValues(session, root);
  const stacks = new Map<ValueId, IrValue>();
  for (const { statement, scope } of distant) {
    attempt(
      session,
      () => {
        const looked = probePaths(statement.value, scope).map((path) => look(path, all));
        runDistantProbe({ session, statement, scope, looked, stacks });
      },
      () => undefined,
    );
  }
}

/** A probe that is being evaluated. */
interface Run {
  readonly session: Session;
  readonly statement: Probe;
  readonly scope: Scope;
  readonly looked: readonly Looked[];
  /** What is stacked over iterations that were elaborated at once, by what each of them makes. */
  readonly stacks: Map<ValueId, IrValue>;
}

type Evaluated = Pick<ProbeValue, 'value' | 'axis'>;

function runDistantProbe(run: Run): void {
  const { session, statement, looked } = run;
  const first = looked.find((path) => path.starred);
  requireSameStars(looked);
  const ofGradients = looked.some((path) => path.gradient);
  const done = new Set<PathValue>();
  for (const match of first?.matches ?? [undefined]) {
    if (match && done.has(match.found)) continue;
    const chosen = looked.map((path) => choose(path, match));
    const lanes = lanesOf(chosen, looked);
    const together = lanes && evaluateInLanes(run, chosen, lanes);
    if (together && match) done.add(match.found);
    session.probes.push({
      name: statement.name.text,
      ...(together ?? evaluateBehind(run, chosen)),
      variable: first && starName(textsOf(first)),
      ofGradients: ofGradients || session.probing.usesGradient,
      span: statement.span,
    });
  }
}

const textsOf = ({ segments }: ProbePath): readonly string[] => segments.map((name) => name.text);
const starsOf = ({ stars }: Match): string => stars.join('.');

/** The values that a path names. */
function look(path: ProbePath, all: readonly PathValue[]): Looked {
  const text = textsOf(path).join('.');
  const { span } = path.path;
  const isWanted = (value: PathValue): boolean => !path.gradient || value.weight !== undefined;
  const matches = matchesOf(textsOf(path), all.filter(isWanted));
  if (matches.length === 0) {
    const suggestion = didYouMean(text, pathTexts(all, isWanted));
    refuse('path-names-nothing', { path: text, what: path.gradient ? 'weight' : 'value', suggestion }, span);
  }
  const twice = matches.find(({ also }) => also);
  if (twice?.also) {
    const labels = [twice.found, twice.also].map((found) => ({ span: found.span, text: 'bound here' }));
    refuse('path-ambiguous', { path: text }, span, labels);
  }
  return { ...path, matches, starred: textsOf(path).includes('*') };
}

/** Stars of one probe go together, so they stand for the same iterations. */
function requireSameStars(looked: readonly Looked[]): void {
  const [first, ...others] = looked.filter((path) => path.starred);
  const values = first?.matches.map(starsOf) ?? [];
  const isSame = ({ matches }: Looked): boolean =>
    matches.length === values.length && matches.every((match) => values.includes(starsOf(match)));
  const odd = others.find((path) => !isSame(path));
  if (!first || !odd) return;
  const [one, two] = [first, odd].map((path) => ({
    path: textsOf(path).join('.'),
    stars: listed(path.matches.map(starsOf)),
    span: path.path.span,
  }));
  if (!one || !two) return;
  const labels = [one, two].map(({ span, stars }) => ({ span, text: `here \`*\` is ${stars}` }));
  refuse('stars-differ', { first: one.path, second: two.path }, two.span, labels);
}

function listed(values: readonly string[]): string {
  return values.length > 4 ? `${values[0]}, …, ${values.at(-1)}` : values.join(', ');
}

function choose({ matches }: Looked, like: Match | undefined): Match {
  const found = like && matches.find((match) => starsOf(match) === starsOf(like));
  return present(found ?? matches[0], 'a value that the path names');
}

/** The iterations that all stars stand for, if those were elaborated at once. */
function lanesOf(chosen: readonly Match[], looked: readonly Looked[]): Lanes | undefined {
  const starred = chosen.filter((_, i) => looked[i]?.starred);
  const [first] = starred;
  const same = starred.every(
    ({ free, found, lane }) => free && found.lanes === first?.found.lanes && lane === first?.lane,
  );
  return same ? first?.found.lanes : undefined;
}

/** At the end of the body of the iterations; undefined when the probe looks at what is not there yet. */
function evaluateInLanes(run: Run, chosen: readonly Match[], lanes: Lanes): Evaluated | undefined {
  const { session, looked } = run;
  const values = chosen.map((match, i) => {
    const path = present(looked[i], 'a path');
    return path.starred ? tensorOf(ownValue(run, match.found, path, undefined), false) : valueBehind(run, match, path);
  });
  const around = session.items;
  session.items = [];
  session.lanes = lanes;
  let made: { readonly items: readonly HirItem[]; readonly from: ValueId };
  try {
    const tensor = evaluateWith(run, values);
    const map = (id: ValueId): ValueId => lanes.same.get(id) ?? id;
    made = { items: mapOperands(session.items, map), from: map(tensor.value.id) };
  } finally {
    session.items = around;
    session.lanes = undefined;
  }
  if (!isVisible(session, made.items, made.from, lanes)) return undefined;
  const value = freshValue(session, floats([lanes.axis]));
  session.items = [...appendToLanes(session.items, lanes.axis.id, made.items, [{ value, from: made.from }])];
  return { value, axis: lanes.axis };
}

function evaluateBehind(run: Run, chosen: readonly Match[]): Evaluated {
  const values = chosen.map((match, i) => valueBehind(run, match, present(run.looked[i], 'a path')));
  return { value: evaluateWith(run, values).value, axis: undefined };
}

function evaluateWith({ session, statement, scope, looked }: Run, values: readonly Tensor[]): Tensor {
  const { probing } = session;
  probing.paths = new Map<Expr, Tensor>(looked.map(({ node }, i) => [node, present(values[i], 'a value')]));
  try {
    return probeTensor(statement, scope);
  } finally {
    probing.paths = undefined;
  }
}

function ownValue({ session }: Run, { weight, tensor }: PathValue, path: ProbePath, lane: number | undefined): IrValue {
  if (weight && path.gradient) return gradientOf(weight, session, path.path.span, lane);
  return present(tensor?.value ?? weight?.value, 'a value');
}

/** The value of one iteration, behind all of them. */
function valueBehind(run: Run, { found, lane }: Match, path: ProbePath): Tensor {
  const { session, stacks } = run;
  const own = ownValue(run, found, path, lane);
  const { lanes } = found;
  if (!lanes || lane === undefined) return tensorOf(own, false);
  const type = { ...own.type, axes: [lanes.axis, ...own.type.axes] };
  // Outside of its iterations a weight is the stack of all of them.
  const known = found.weight ? { ...own, type } : stacks.get(own.id);
  const value = known ?? freshValue(session, type);
  if (!known) {
    const from = lanes.same.get(own.id) ?? own.id;
    stacks.set(own.id, value);
    session.items = [...appendToLanes(session.items, lanes.axis.id, [], [{ value, from }])];
  }
  return emit(session, 'pick', { axis: lanes.axis.id, index: lane }, [tensorOf(value, false)], path.path.span);
}

/** Whether the ops, and `from`, use nothing that is not there at the end of the body over `lanes`. */
function isVisible(session: Session, items: readonly HirItem[], from: ValueId, lanes: Lanes): boolean {
  const ops = items.flatMap((item) => (item.kind === 'for' ? [] : [item]));
  if (ops.length < items.length) return false;
  const made = new Set(ops.flatMap((op) => op.results.map((result) => result.id)));
  const visible = visibleInLanes(session.items, lanes.axis.id);
  const ofWeights = new Set<ValueId>();
  for (const { slot, value, lanes: own } of session.weights.values()) {
    if (own && own !== lanes) continue;
    ofWeights.add(value.id);
    const gradient = session.probing.gradients.get(slot);
    if (gradient) ofWeights.add(gradient.value.id);
  }
  return [...ops.flatMap((op) => op.operands), from].every(
    (id) => made.has(id) || visible?.has(id) || ofWeights.has(id),
  );
}
