/** Where what stands under a cursor is declared. */
import { bindingsSince } from '../compiler/elaborate/env.ts';
import type { FunctionValue, Value } from '../compiler/elaborate/value.ts';
import type { Span } from '../compiler/support/source.ts';
import type { Expr, Name, Param } from '../compiler/syntax/ast.ts';
import { bindingBefore } from '../compiler/syntax/names.ts';
import type { Analysis } from './analysis.ts';
import { declarationIn, preludeDeclaration } from './declarations-of.ts';
import type { Target } from './target.ts';
import { valuesOf } from './values-of.ts';

/** The places where a target is declared: more than one where the values under a name differ. */
export function definitionsOf(analysis: Analysis, target: Target): readonly Span[] {
  switch (target.kind) {
    case 'declared': {
      const { declared, span } = target;
      const imported = declared.kind === 'import' && declarationIn(analysis.inspection.tree, declared.name);
      if (imported) return [imported.span];
      const binding = declared.bindings.includes(span) ? span : bindingBefore(declared, span.start);
      return binding ? [binding] : [];
    }
    case 'free': {
      const found = preludeDeclaration(target.name);
      return found ? [found.span] : [];
    }
    case 'member':
      return distinct(membersOf(analysis, target.member.object, target.member.key.text));
    case 'argument':
      return distinct(parametersOf(analysis, target.call).flatMap((param) => parameterSpan(param, target.name) ?? []));
    case 'train-key': {
      const model = modelOf(analysis, target.train.model);
      return model ? inputAxisSpans(model, target.name).slice(0, 1) : [];
    }
    case 'key':
    case 'attribute':
    case 'expression':
      return [];
  }
}

/** Where the fields or keys called `key` of the values of an expression are bound. */
function membersOf(analysis: Analysis, object: Expr, key: string): readonly Span[] {
  return valuesOf(analysis, object).flatMap((value): readonly Span[] => {
    if (value.kind === 'instance') {
      const [application] = value.applications;
      const bound = application && bindingsSince(application.env, application.base).find(({ name }) => name === key);
      return bound ? [bound.span] : [];
    }
    const written = value.kind === 'tuple' ? analysis.inspection.facts.writtenAs(value) : undefined;
    return written?.items.flatMap(({ name }) => (name?.text === key ? [name.span] : [])) ?? [];
  });
}

/** The parameters that the arguments of a call are for. */
export function parametersOf(analysis: Analysis, call: Extract<Expr, { kind: 'call' }>): readonly Param[] {
  return valuesOf(analysis, call.callee).flatMap((value): readonly Param[] => {
    if (value.kind === 'function') return value.lists[0] ?? [];
    return value.kind === 'instance' ? (value.fn.lists[1] ?? []) : [];
  });
}

function parameterSpan({ pattern }: Param, name: string): Span | undefined {
  return pattern.kind === 'name-pattern' && pattern.name.text === name ? pattern.name.span : undefined;
}

/** The model that a train block configures. */
export function modelOf(analysis: Analysis, configured: Expr): FunctionValue | undefined {
  const [value]: readonly Value[] = valuesOf(analysis, configured);
  if (value?.kind === 'function') return value;
  return value?.kind === 'instance' ? value.fn : undefined;
}

/** The places in the types of a model's inputs that name an axis, which a train block gives a size. */
function inputAxisSpans({ lists }: FunctionValue, axis: string): readonly Span[] {
  const names: readonly Name[] = (lists.at(-1) ?? []).flatMap(({ type }) =>
    type === undefined || type === 'axis' ? [] : type.dims.flatMap((dim) => dim.name ?? []),
  );
  return names.filter(({ text }) => text === axis).map(({ span }) => span);
}

function distinct(spans: readonly Span[]): readonly Span[] {
  return [...new Map(spans.map((span) => [`${span.source.path} ${span.start}`, span])).values()];
}
