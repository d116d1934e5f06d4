/**
 * Decoding with caches, derived from the forward graph: a text is begun by `prefill`, and `step` adds a token, by what it needs
 * of the tokens before. No block is known to it: what is kept is what some value needs at other positions than its own.
 */
import { analyse } from '../causality/analyse.ts';
import { aheadOf, findLeak } from '../causality/find-leak.ts';
import type { Axis, Graph, Op, Value, ValueId } from '../ir/graph.ts';
import { hasAxis } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import { findDemands } from './demands.ts';
import { buildPrefill } from './prefill-graph.ts';
import { makeRecipes, type Recipes } from './recipes.ts';
import { buildStep, type State } from './step-graph.ts';

const TOKENS = 'tokens';

/** Why a model is run anew for each token. */
export interface Obstruction {
  /** The value in the way, by its name in the spec; undefined where its text says more. */
  readonly what: string | undefined;
  /** Where it is made. */
  readonly span: Span | undefined;
  /** What follows `what` in a sentence. */
  readonly because: string;
}

export type Decoding =
  | { readonly kind: 'cached'; readonly prefill: Graph; readonly step: Graph; readonly states: readonly State[] }
  | { readonly kind: 'rerun'; readonly obstruction: Obstruction };

/**
 * The two programs of decoding, for a graph with the output `logits` of its input `tokens`, or what stands in the way.
 *
 * `prefill` takes tokens that fill the time and the `position` of the last; `step` takes the token at `position`. Both give the
 * logits at the position, and the states (`isState`) for the next step.
 */
export function decodingOf(graph: Graph): Decoding {
  const output = present(
    graph.outputs.find((o) => o.name === 'logits'),
    'the output logits',
  );
  const rerun = (what: string | undefined, span: Span | undefined, because: string): Decoding => ({
    kind: 'rerun',
    obstruction: { what, span, because },
  });
  const other = graph.inputs.find(({ name }) => name !== TOKENS);
  const time = graph.inputs.find(({ name }) => name === TOKENS)?.type.axes.at(-1);
  if (other || !time) return rerun(other?.name ?? TOKENS, undefined, 'is no text that grows');
  const recipes = makeRecipes(graph, time);
  const { type, name } = recipes.value(output.value);
  if (!hasAxis(type.axes, time.id)) return rerun(name, recipes.maker(output.value)?.span, 'has no position of a token');
  const leak = findLeak(graph);
  if (leak) {
    const because = leak.kind === 'certain' ? 'depends on later tokens' : 'may depend on later tokens';
    return rerun(undefined, leak.origin, because);
  }
  const wanted = { value: output.value, form: { axis: time.id, back: 0 }, name: 'logits' };
  const demands = findDemands(graph, recipes, [wanted]);
  if ('because' in demands) return rerun(demands.value.name, demands.op?.span, demands.because);
  const { graph: step, states } = buildStep(graph, recipes, demands, [wanted]);
  const early = findEarly(graph, recipes, states, output.value);
  if (early) return rerun(early.value.name, early.op?.span, 'looks at later positions of what it is made of');
  const prefill = buildPrefill(graph, recipes, [wanted], states);
  return { kind: 'cached', prefill, step, states };
}

/**
 * A value that is wanted at the position of a step and looks further ahead in some state. Such a model may yet be causal: what is
 * shifted to later positions and back again.
 */
function findEarly(
  graph: Graph,
  recipes: Recipes,
  states: readonly State[],
  output: ValueId,
): { readonly value: Value; readonly op: Op | undefined } | undefined {
  const sources = new Map<ValueId, Axis>();
  for (const { value, form } of states) {
    if (form !== 'whole') continue;
    sources.set(value, recipes.growsAlong(value));
  }
  const early = new Set<ValueId>();
  analyse(
    graph,
    'all',
    (id, { needs }) => {
      if ([...needs.values()].some((need) => aheadOf(need) > 0)) early.add(id);
    },
    sources,
  );
  if (![output, ...states.map(({ value }) => value)].some((id) => early.has(id))) return undefined;
  // What is found first is what the others are made of.
  const first = [...early].find((id) => recipes.value(id).name !== undefined) ?? output;
  return { value: recipes.value(first), op: recipes.maker(first) };
}
