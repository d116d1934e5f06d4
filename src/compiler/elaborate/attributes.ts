/** The attributes of weights. */
import type { Init } from '../ir/graph.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import type { Attribute } from '../syntax/ast.ts';
import { bind } from './env.ts';
import { xavier } from './init.ts';
import { at, type DeclaredWeight, refuse, type Scope } from './session.ts';
import type { InitValue, Value } from './value.ts';
import { wantBool, wantInit, wantNumber } from './want.ts';
import { bindFans } from './weight.ts';

export interface Attributes {
  readonly init: InitValue;
  readonly lr: number;
  readonly eps: number;
  readonly decay: number;
  readonly clip: number | undefined;
  readonly freeze: boolean;
  readonly after: WeightFunction | undefined;
  readonly via: WeightFunction | undefined;
}

/** What an attribute says to do with the weight: evaluated later, where its ops belong. */
export interface WeightFunction {
  readonly attribute: Attribute;
  readonly scope: Scope;
  /** The iteration of the scope that says it; undefined where each iteration says it of a weight of its own. */
  readonly lane: number | undefined;
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

/** `none` takes off what was said before. */
const FUNCTIONS: Readonly<Record<string, (said: WeightFunction | undefined) => Partial<Attributes>>> = {
  after: (after) => ({ after }),
  via: (via) => ({ via }),
};

/** What weights can be given in braces. */
export const ATTRIBUTE_NAMES: readonly string[] = [...Object.keys(READERS), ...Object.keys(FUNCTIONS)];

/** The attributes that a weight is declared with. */
export function declaredAttributes(weight: DeclaredWeight): Attributes {
  const { scope, init, span, arrow, attributes } = weight;
  const env = bindFans(scope.env, weight.fanIn, weight.fanOut, span);
  const value = scope.frame.session.language.evaluate(init, at(scope, env));
  const start: Attributes = {
    init: wantInit(value, init.span),
    lr: 1,
    eps: 1,
    decay: arrow ? 1 : 0,
    clip: undefined,
    freeze: false,
    after: undefined,
    via: undefined,
  };
  return changedAttributes(start, attributes, weight, scope);
}

/**
 * `before` as a rule, or a declaration, changes it. `init` means what it was.
 *
 * @param lane As of a `WeightFunction`.
 */
export function changedAttributes(
  before: Attributes,
  attributes: readonly Attribute[],
  weight: DeclaredWeight,
  scope: Scope,
  lane?: number,
): Attributes {
  let now = before;
  for (const attribute of attributes) {
    const { name, value } = attribute;
    const say = Object.hasOwn(FUNCTIONS, name.text) ? FUNCTIONS[name.text] : undefined;
    if (say) {
      now = { ...now, ...say(value.kind === 'none' ? undefined : { attribute, scope, lane }) };
      continue;
    }
    const reader = Object.hasOwn(READERS, name.text) ? READERS[name.text] : undefined;
    if (!reader) {
      const params = { name: name.text, suggestion: didYouMean(name.text, ATTRIBUTE_NAMES), known: ATTRIBUTE_NAMES };
      return refuse('unknown-attribute', params, name.span);
    }
    const fans = bindFans(scope.env, weight.fanIn, weight.fanOut, name.span);
    const env = bind(fans, 'init', { kind: 'init', init: now.init }, name.span);
    now = { ...now, ...reader(scope.frame.session.language.evaluate(value, at(scope, env)), attribute) };
  }
  return now;
}

/** The distribution that a weight is drawn from, now that its fans matter. */
export function resolvedInit(init: InitValue, weight: DeclaredWeight): Init {
  if (init.kind !== 'xavier') return init;
  if (weight.fanIn === undefined || weight.fanOut === undefined) return refuse('no-fans', {}, weight.span);
  return xavier(init.gain, weight.fanIn, weight.fanOut);
}
