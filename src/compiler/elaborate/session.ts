/** The state of one elaboration: what has been made so far, and what is counted against its bounds. */
import type { Diagnostic, Label } from '../diagnostics/diagnostic.ts';
import { Failure } from '../diagnostics/diagnostic.ts';
import { type LanguageCode, type LanguageParams, languageError } from '../diagnostics/language.ts';
import type { Axis, AxisId, GraphInput, Value as IrValue, Op, TensorType, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import type { Source, Span } from '../support/source.ts';
import type { Argument, Body, Expr, Rule } from '../syntax/ast.ts';
import { type AxisTable, makeAxisTable } from './axis-table.ts';
import type { Env } from './env.ts';
import type { Lanes } from './lanes-type.ts';
import type { Observer } from './observer.ts';
import type { LoopPath, Place, WeightSlot } from './place.ts';
import { makeProbing, type Probing } from './probing.ts';
import type { FunctionValue, Tensor, Value } from './value.ts';

export const LIMITS = { steps: 1_000_000, iterations: 4096, calls: 64 } as const;

/** The call in which a body is being elaborated, and the calls around it. */
export interface Activation {
  readonly fn: FunctionValue;
  readonly call: Span;
  readonly depth: number;
  readonly outer: Activation | undefined;
}

/** Where in which body elaboration stands. */
export interface Frame {
  readonly session: Session;
  /** Undefined at the top level, where there are no weights and no tensors. */
  readonly place: Place | undefined;
  readonly loops: LoopPath;
  readonly activation: Activation | undefined;
}

/** A frame, and what names mean in it. */
export interface Scope {
  readonly frame: Frame;
  readonly env: Env;
}

/** What the place of a call or instance is called: by its binding, or below that of the call whose callee it is. */
export interface Naming {
  readonly own?: string | undefined;
  readonly below?: string | undefined;
}

/** The mutually recursive parts of the language, so that each can be a file of its own. */
export interface Language {
  readonly evaluate: (expr: Expr, scope: Scope, naming?: Naming) => Value;
  /** Calls any value that can be called with values, at the place of `node`. */
  readonly apply: (callee: Value, args: readonly Value[], node: object, span: Span, scope: Scope) => Value;
  readonly callBuiltin: (name: string, args: readonly Argument[], span: Span, scope: Scope) => Value;
  readonly runBody: (body: Body, scope: Scope) => { readonly value: Value; readonly env: Env };
}

export interface DeclaredWeight {
  readonly slot: WeightSlot;
  readonly value: IrValue;
  readonly arrow: boolean;
  readonly fanIn: number | undefined;
  readonly fanOut: number | undefined;
  readonly init: Expr;
  /** The iterations that have one each. */
  readonly lanes: Lanes | undefined;
  readonly attributes: Rule['attributes'];
  readonly scope: Scope;
  /** The call in which it was declared. */
  readonly use: Span | undefined;
  readonly span: Span;
}

export interface PendingRule {
  readonly rule: Rule;
  readonly scope: Scope;
  readonly level: 'fn' | 'model' | 'train';
}

export interface ProbeValue {
  readonly name: string;
  readonly value: IrValue;
  /** Stacked over this axis. */
  readonly axis: Axis | undefined;
  readonly variable: string | undefined;
  /** It looks at gradients, which are there after the backward pass only. */
  readonly ofGradients: boolean;
  readonly span: Span;
}

/** The element-wise block of an `attend` while its mask or score is elaborated. */
export interface InnerBlock {
  readonly ops: Op[];
  readonly types: Map<ValueId, TensorType>;
  /** Tensors from around the block that its ops use. */
  readonly used: Map<ValueId, Tensor>;
}

export interface Session {
  readonly language: Language;
  readonly source: Source;
  readonly training: boolean;
  readonly wantsProbes: boolean;
  readonly axes: AxisTable;
  /** Axes that hold the sequences of a batch: means over them are taken over all micro-batches. */
  readonly batchAxes: Set<AxisId>;
  readonly inputs: Map<string, GraphInput>;
  readonly weights: Map<WeightSlot, DeclaredWeight>;
  /** Where the weights belong that the function of a weight's `via` makes. */
  readonly viaPlaces: Map<WeightSlot, Place>;
  readonly rules: PendingRule[];
  readonly probes: ProbeValue[];
  readonly probing: Probing;
  readonly names: Map<ValueId, string>;
  readonly diagnostics: Diagnostic[];
  readonly constants: Map<ValueId, Op>;
  /** The calls around the ops that come from other files than the spec, by the span of the op, which is its own. */
  readonly callers: WeakMap<Span, Activation>;
  /** The library module that exports a name, for suggestions. */
  moduleOf: (name: string) => string | undefined;
  items: HirItem[];
  inner: InnerBlock | undefined;
  /** The steps of the training, known in a train block. */
  trainSteps: number | undefined;
  /** `training` was asked for; a probe was met. */
  readsTraining: boolean;
  hasProbes: boolean;
  nextId: number;
  steps: number;
  /** The call whose body is being elaborated. */
  activation: Activation | undefined;
  /** The iterations that are elaborated at once, if any. */
  lanes: Lanes | undefined;
  /** Which iteration varying values are read for, once the body is done. */
  lane: number | undefined;
  /** `after` or `via` while a function of a weight is elaborated. */
  weightFunction: string | undefined;
  /** Names of axes of loops. */
  readonly loopAxes: Set<string>;
  /** Elaborate iterations at once where possible. */
  readonly atOnce: boolean;
  readonly observer: Observer | undefined;
  /** How often something could not be evaluated, also for an error that was said before. */
  errorsMet: number;
  /** An error after which nothing more can be said. */
  fatal: boolean;
}

export interface SessionOptions {
  /** The user's file. */
  readonly source: Source;
  readonly training: boolean;
  readonly wantsProbes: boolean;
  readonly atOnce: boolean;
  readonly observer?: Observer | undefined;
}

export function makeSession(language: Language, options: SessionOptions): Session {
  const { source, training, wantsProbes, atOnce, observer } = options;
  return {
    language,
    source,
    training,
    wantsProbes,
    axes: makeAxisTable(),
    batchAxes: new Set(),
    inputs: new Map(),
    weights: new Map(),
    viaPlaces: new Map(),
    rules: [],
    probes: [],
    probing: makeProbing(),
    names: new Map(),
    diagnostics: [],
    constants: new Map(),
    callers: new WeakMap(),
    moduleOf: () => undefined,
    items: [],
    inner: undefined,
    trainSteps: undefined,
    readsTraining: false,
    hasProbes: false,
    nextId: 0,
    steps: 0,
    activation: undefined,
    lanes: undefined,
    lane: undefined,
    weightFunction: undefined,
    loopAxes: new Set(),
    atOnce,
    observer,
    errorsMet: 0,
    fatal: false,
  };
}

/** Stops what is being elaborated with an error of the language. */
export function refuse<C extends LanguageCode>(
  code: C,
  params: LanguageParams<C>,
  span: Span,
  labels: readonly Label[] = [],
): never {
  throw new Failure([languageError(code, params, { span, labels })]);
}

/** Stops in silence, because of an error that was reported before. */
export function giveUp(): never {
  throw new Failure([]);
}

/**
 * Does `work`; after an error, records it (once) and goes on with what `otherwise` gives. While iterations are elaborated
 * at once the error goes on: they are elaborated again, one by one, to say it of the right one.
 */
export function attempt<T>(session: Session, work: () => T, otherwise: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure) || session.fatal || session.lanes) throw error;
    session.errorsMet += 1;
    for (const diagnostic of error.diagnostics) report(session, diagnostic);
    return otherwise();
  }
}

/** Errors that each use of one name would repeat. */
const ONCE: readonly string[] = ['unknown-name', 'record-wanted'] satisfies LanguageCode[];

/** Records a diagnostic, unless the same was said before: a body may be elaborated often. */
export function report(session: Session, diagnostic: Diagnostic): void {
  const placed = withCall(session, diagnostic);
  const known = session.diagnostics.some(
    (d) =>
      d.code === placed.code &&
      ((ONCE.includes(d.code) && d.message === placed.message) ||
        (d.span?.source === placed.span?.source &&
          d.span?.start === placed.span?.start &&
          d.span?.end === placed.span?.end)),
  );
  if (!known) session.diagnostics.push(placed);
}

const CALLED = 'called here';

/** With the call by which the user's file got to the place of an error in another file. */
export function withCall(session: Session, diagnostic: Diagnostic): Diagnostic {
  const { span, labels } = diagnostic;
  if (!span || span.source === session.source || labels.some((label) => label.text === CALLED)) return diagnostic;
  for (let at = session.activation; at; at = at.outer) {
    if (at.call.source === session.source)
      return { ...diagnostic, labels: [...labels, { span: at.call, text: CALLED }] };
  }
  return diagnostic;
}

/** Counts a step of elaboration. */
export function countStep(scope: Scope, span: Span): void {
  const { session } = scope.frame;
  session.steps += 1;
  if (session.steps > LIMITS.steps) {
    session.fatal = true;
    refuse('too-many-steps', { limit: LIMITS.steps, chain: callChain(scope.frame.activation) }, span);
  }
}

/** The names of the functions that are being elaborated, outermost first. */
export function callChain(activation: Activation | undefined): readonly string[] {
  const names: string[] = [];
  for (let at = activation; at; at = at.outer) names.unshift(at.fn.name ?? 'a lambda');
  return names;
}

export function at(scope: Scope, env: Env): Scope {
  return { frame: scope.frame, env };
}
