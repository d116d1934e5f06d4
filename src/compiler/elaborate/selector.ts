/** Which weights a rule selects. */
import { didYouMean } from '../support/did-you-mean.ts';
import { joinSpans, type Span } from '../support/source.ts';
import type { Rule, SelectorSegment } from '../syntax/ast.ts';
import { textOf } from './describe.ts';
import { find } from './env.ts';
import type { Place } from './place.ts';
import { giveUp, refuse, type Scope } from './session.ts';
import type { Value } from './value.ts';

export interface SelectorRoot {
  readonly place: Place;
  readonly segments: readonly SelectorSegment[];
}

/** Where a selector starts: at an instance that its first segments name, or in the body that holds the rule. */
export function rootsOf(rule: Rule, scope: Scope, root: Place): readonly SelectorRoot[] {
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
  if (value.kind === 'function') {
    const [first] = rule.selector;
    const span = first ? segmentSpan(first) : rule.span;
    return refuse('rule-on-function', { text: textOf(span) }, span);
  }
  const items = partsOf(value);
  if (!items) return undefined;
  const [next, ...rest] = segments;
  const after = next?.kind === 'deep' ? segments : rest;
  return items
    .filter(({ key }) => next && matchesOne(next, key))
    .flatMap((item) => rootsIn(item.value, after, rule) ?? []);
}

/** The parts of a record by key, those of a tuple or list by number. */
function partsOf(value: Value): readonly { readonly key: string; readonly value: Value }[] | undefined {
  if (value.kind === 'tuple')
    return value.items.map(({ key, value: item }, i) => ({ key: key ?? `${i + 1}`, value: item }));
  return value.kind === 'list' ? value.items.map((item, i) => ({ key: `${i + 1}`, value: item })) : undefined;
}

function selectorSpan(rule: Rule): Span {
  const [first] = rule.selector;
  const last = rule.selector.at(-1);
  return first && last ? joinSpans(segmentSpan(first), segmentSpan(last)) : rule.span;
}

function segmentSpan(segment: SelectorSegment): Span {
  return segment.kind === 'one' ? segment.name.span : segment.span;
}

function matchesOne(segment: SelectorSegment, part: string): boolean {
  if (segment.kind === 'one') return segment.name.text === part;
  return segment.kind === 'choice' ? segment.names.some((name) => name.text === part) : true;
}

/** `*` is one part of the path, `**` any number. */
export function matches(segments: readonly SelectorSegment[], path: readonly string[]): boolean {
  const [first, ...rest] = segments;
  if (!first) return path.length === 0;
  if (first.kind === 'deep') return path.some((_, i) => matches(rest, path.slice(i))) || matches(rest, []);
  const [part, ...others] = path;
  return part !== undefined && matchesOne(first, part) && matches(rest, others);
}

function selectorText(rule: Rule): string {
  return rule.selector.map(segmentText).join('.');
}

function segmentText(segment: SelectorSegment): string {
  if (segment.kind === 'one') return segment.name.text;
  if (segment.kind === 'choice') return `{${segment.names.map((name) => name.text).join(', ')}}`;
  return segment.kind === 'any' ? '*' : '**';
}

/** What a selector may select from: the names of weights from where it starts, and what is left of it there. */
export interface Reach {
  readonly segments: readonly SelectorSegment[];
  readonly paths: readonly (readonly string[])[];
  /** The whole name of one. */
  readonly example: string | undefined;
}

/** Refuses a rule that selects nothing, with what it most likely means. */
export function refuseEmpty(rule: Rule, { segments, paths, example }: Reach): never {
  const wanted = segments.flatMap((s) =>
    s.kind === 'one' ? [s.name.text] : s.kind === 'choice' ? s.names.map((name) => name.text) : [],
  );
  const parts = new Set(paths.flat());
  const wrong = wanted.find((part) => !parts.has(part));
  const selector = selectorText(rule);
  const around = [{ kind: 'deep', span: rule.span }] as const;
  const hasBelow = paths.some((path) => matches([...around, ...segments, ...around], path));
  const suggestion = wrong === undefined ? hasBelow && `${selector}.**` : didYouMean(wrong, parts);
  return refuse('rule-selects-nothing', { selector, suggestion: suggestion || undefined, example }, selectorSpan(rule));
}
