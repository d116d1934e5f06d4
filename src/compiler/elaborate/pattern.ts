/** Patterns of names and of axes. */
import type { Axis } from '../ir/graph.ts';
import { hasAxis } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { Dim, Name, Pattern, TypeExpr } from '../syntax/ast.ts';
import { boundAxis } from './axis-name.ts';
import { axesText, axisLabels, axisText, sizedAxesText, valueText } from './describe.ts';
import { bind, type Env, find } from './env.ts';
import { at, giveUp, refuse, type Scope, type Session } from './session.ts';
import { axisValue, list, POISON, type Tensor, type Value } from './value.ts';
import { wrong } from './want.ts';

/** Binds the names of a pattern to the parts of a value. */
export function destructure(pattern: Pattern, value: Value, env: Env): Env {
  if (pattern.kind === 'ignore-pattern') return env;
  if (pattern.kind === 'name-pattern') return bind(env, pattern.name.text, value, pattern.name.span);
  return partsOf(pattern, value).reduce((e, part, i) => destructure(pattern.items[i] ?? pattern, part, e), env);
}

function partsOf(pattern: Extract<Pattern, { kind: 'tuple-pattern' }>, value: Value): readonly Value[] {
  if (value.kind === 'poison') return pattern.items.map(() => POISON);
  const parts =
    value.kind === 'tuple' ? value.items.map((item) => item.value) : value.kind === 'list' ? value.items : undefined;
  if (!parts) return wrong(value, `a tuple of ${pattern.items.length}`, pattern.span);
  if (parts.length !== pattern.items.length) {
    refuse('tuple-length', { wanted: pattern.items.length, found: parts.length }, pattern.span);
  }
  return parts;
}

/** The names that a pattern binds. */
export function namesOf(pattern: Pattern): readonly Name[] {
  if (pattern.kind === 'name-pattern') return [pattern.name];
  return pattern.kind === 'ignore-pattern' ? [] : pattern.items.flatMap(namesOf);
}

/** How a row of axes is called in an environment: no name of the language has a point in it. */
export function rowName(name: Name | undefined): string {
  return `..${name?.text ?? ''}`;
}

/** Checks a value against a tensor type, and binds the axes that the type names. `what` is the value's name in messages. */
export function bindType(type: TypeExpr, value: Value, scope: Scope, what: string, span: Span): Env {
  if (value.kind === 'poison') giveUp();
  if (value.kind !== 'tensor') {
    // A number stands for a tensor without axes wherever it meets one.
    const scalar = value.kind === 'number' && type.dims.length === 0 && type.element === 'float';
    if (scalar) return scope.env;
    return refuse('wrong-kind', { text: what, found: valueText(value), wanted: 'a tensor' }, span);
  }
  const { kind } = value.value.type;
  if (kind !== type.element) {
    refuse('wrong-element-kind', { text: what, kind, wanted: [type.element] }, span, [
      { span: type.span, text: 'declared here' },
    ]);
  }
  return bindDims(type.dims, value, scope, { what, span, type: type.span });
}

interface Subject {
  readonly what: string;
  readonly span: Span;
  readonly type: Span;
}

/**
 * Binds names by position, from both ends around `..`. A name that is an axis already is found by identity, wherever it
 * stands; so is a row that is bound already.
 */
function bindDims(dims: readonly Dim[], tensor: Tensor, scope: Scope, subject: Subject): Env {
  const { session } = scope.frame;
  const all = tensor.value.type.axes;
  let rest: readonly Axis[] = all;
  const free: Dim[] = [];
  const take = (axis: Axis, name: string): void => {
    if (!hasAxis(rest, axis.id)) refuseMissing(session, axis, name, all, subject, hasAxis(all, axis.id));
    rest = rest.filter((other) => other.id !== axis.id);
  };
  for (const dim of dims) {
    if (dim.kind === 'row-dim') {
      const row = boundRow(dim, scope);
      if (row) for (const axis of row) take(axis, axis.name);
      else free.push(dim);
    } else {
      const axis = boundAxis(dim.name, scope);
      if (axis) take(axis, dim.name.text);
      else free.push(dim);
    }
  }
  return bindFree(free, rest, scope, () => refuseCount(dims, tensor, subject));
}

function bindFree(free: readonly Dim[], rest: readonly Axis[], scope: Scope, mismatch: () => never): Env {
  const row = free.findIndex((dim) => dim.kind === 'row-dim');
  if (row < 0 ? free.length !== rest.length : free.length - 1 > rest.length) mismatch();
  const rowLength = rest.length - (free.length - 1);
  let env = scope.env;
  for (const [i, dim] of free.entries()) {
    if (dim.kind === 'row-dim') {
      if (i !== row) refuse('two-rows', {}, dim.span);
      env = bind(env, rowName(dim.name), list(rest.slice(i, i + rowLength).map(axisValue)), dim.span);
      continue;
    }
    const axis = rest[row >= 0 && i > row ? i + rowLength - 1 : i] ?? mismatch();
    if (boundAxis(dim.name, at(scope, env))) refuse('axis-twice', { axis: dim.name.text, where: 'the type' }, dim.span);
    env = bind(env, dim.name.text, axisValue(axis), dim.name.span);
  }
  return env;
}

/** The axes of `..` or `..name`, if they are bound in this body. */
export function boundRow(dim: Extract<Dim, { kind: 'row-dim' }>, scope: Scope): readonly Axis[] | undefined {
  const found = find(scope.env, rowName(dim.name));
  if (found?.value.kind !== 'list' || found.where !== 'own') return undefined;
  return found.value.items.flatMap((item) => (item.kind === 'axis' ? [item.axis] : []));
}

function refuseMissing(
  session: Session,
  axis: Axis,
  name: string,
  axes: readonly Axis[],
  subject: Subject,
  twice: boolean,
): never {
  if (twice) refuse('axis-twice', { axis: name, where: 'the type' }, subject.type);
  const twin = axes.find((other) => other.size === axis.size);
  const params = {
    what: subject.what,
    axes: sizedAxesText(axes),
    lacks: axisText(session, axis, subject.span),
    name,
    twin: twin?.name,
  };
  refuse('type-lacks-axis', params, subject.span, [
    { span: subject.type, text: `\`${name}\` is wanted here` },
    ...axisLabels(session, [axis]),
  ]);
}

function refuseCount(dims: readonly Dim[], tensor: Tensor, subject: Subject): never {
  const pattern = dims.map((dim) => (dim.kind === 'row-dim' ? rowName(dim.name) : dim.name.text)).join(', ');
  refuse(
    'type-mismatch',
    { what: subject.what, axes: axesText(tensor.value.type.axes), pattern: `[${pattern}]` },
    subject.span,
    [{ span: subject.type, text: 'declared here' }],
  );
}
