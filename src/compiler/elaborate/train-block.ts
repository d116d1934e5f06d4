/** `train MODEL { … }`: a closed list of keys, evaluated to a `TrainConfig`. */
import type { Precision, Rounding } from '../ir/kernel.ts';
import type { DataSpec, OptimizerSpec, ScalarExpr, TrainConfig } from '../ir/train.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import type { Span } from '../support/source.ts';
import type { Expr, TrainItem } from '../syntax/ast.ts';
import { textOf } from './describe.ts';
import { scalarExpr } from './scalar-expr.ts';
import { attempt, refuse, type Scope, type Session } from './session.ts';
import type { Value } from './value.ts';
import { wantBool, wantInteger, wantNumber, wantString, wrong } from './want.ts';

/** An expression with the scope that its names are of. */
export interface ScopedExpr {
  readonly expr: Expr;
  readonly scope: Scope;
}

export interface TrainBlock {
  readonly item: TrainItem;
  readonly scope: Scope;
  /** From outside, by key: they replace what the block says. */
  readonly overrides: ReadonlyMap<string, ScopedExpr>;
  /** The axes of the model's inputs. */
  readonly inputAxes: readonly string[];
}

const KEYS = [
  'data',
  'validation',
  'micro',
  'memory',
  'steps',
  'optimizer',
  'lr',
  'causal',
  'clip',
  'seed',
  'precision',
  'rounding',
  'log_every',
  'eval_every',
  'probe_every',
  'save_every',
  'eval_tokens',
  'keep',
] as const;

type Key = (typeof KEYS)[number];

export function trainKeys(inputAxes: readonly string[]): readonly string[] {
  return [...KEYS, ...inputAxes];
}

type Reader<T> = (value: Value, span: Span) => T;

export function readTrainBlock(session: Session, block: TrainBlock): TrainConfig {
  const exprs = entriesOf(session, block);
  const read = <T>(key: string, reader: Reader<T>, otherwise: () => T, broken = otherwise): T => {
    const entry = exprs.get(key);
    if (!entry) return otherwise();
    const { expr, scope } = entry;
    return attempt(session, () => reader(session.language.evaluate(expr, scope), expr.span), broken);
  };
  // What is missing after other errors is most likely misspelt.
  const required = (key: string) => (): number => {
    if (session.diagnostics.length > 0) return 1;
    return attempt(
      session,
      () => refuse('train-key-missing', { key }, block.item.span),
      () => 1,
    );
  };
  const integer = (key: string, least: number, otherwise: () => number): number => {
    const reader: Reader<number> = (value, span) => atLeast(wantInteger(value, span, `\`${key}\``), least, key, span);
    return read(key, reader, otherwise, () => 1);
  };
  const every = (key: Key, otherwise: number): number => integer(key, 1, () => otherwise);

  const steps = integer('steps', 1, required('steps'));
  session.trainSteps = steps;
  const batch = integer('batch', 1, block.inputAxes.includes('batch') ? required('batch') : () => 1);
  const others = block.inputAxes.filter((name) => name !== 'batch');
  return {
    data: read('data', wantData, () => undefined),
    validation: read('validation', wantValidation, () => ({ kind: 'tail' as const, share: 0.05 })),
    batch,
    micro: read(
      'micro',
      (value, span) => wantMicro(value, span, batch),
      () => 'auto' as const,
    ),
    memory: read('memory', wantMemory, () => undefined),
    sizes: Object.fromEntries(others.map((name) => [name, integer(name, 1, required(name))])),
    steps,
    optimizer: read('optimizer', wantOptimizer, () => ADAM),
    lr: readLr(session, exprs.get('lr')),
    causal: read(
      'causal',
      (value, span) => wantBool(value, span, '`true` or `false`'),
      () => true,
    ),
    clip: read(
      'clip',
      (value, span) => wantClip(value, span),
      () => undefined,
    ),
    seed: integer('seed', 0, () => 0),
    precision: read('precision', wantPrecision, () => 'f32' as const),
    rounding: read('rounding', wantRounding, () => 'nearest' as const),
    logEvery: every('log_every', 10),
    evalEvery: every('eval_every', Math.max(1, Math.ceil(steps / 20))),
    probeEvery: every('probe_every', Math.max(1, Math.ceil(steps / 20))),
    saveEvery: every('save_every', Math.max(1, Math.ceil(steps / 10))),
    evalTokens: read(
      'eval_tokens',
      (value, span) => atLeast(wantInteger(value, span), 1, 'eval_tokens', span),
      () => undefined,
    ),
    keep: every('keep', 3),
  };
}

const ADAM: OptimizerSpec = { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0 };
const LR: ScalarExpr = { kind: 'number', value: 1e-3 };

/** The expressions by key, overrides first. */
function entriesOf(
  session: Session,
  { item, scope, overrides, inputAxes }: TrainBlock,
): ReadonlyMap<string, ScopedExpr> {
  const known = trainKeys(inputAxes);
  const exprs = new Map<string, ScopedExpr>();
  for (const entry of item.entries) {
    if (entry.kind !== 'binding') continue;
    attempt(
      session,
      () => {
        const { pattern } = entry;
        if (pattern.kind !== 'name-pattern') return refuse('train-key-pattern', {}, pattern.span);
        const key = pattern.name.text;
        if (!known.includes(key)) {
          return refuse('unknown-train-key', { key, suggestion: didYouMean(key, known), known }, pattern.name.span);
        }
        if (exprs.has(key)) refuse('declared-twice', { name: key }, pattern.name.span);
        exprs.set(key, { expr: entry.value, scope });
      },
      () => undefined,
    );
  }
  return new Map([...exprs, ...overrides]);
}

function atLeast(value: number, least: number, name: string, span: Span): number {
  if (value < least) refuse('out-of-range', { name, value, low: least, below: Number.POSITIVE_INFINITY }, span);
  return value;
}

function wantData(value: Value, span: Span): DataSpec {
  return value.kind === 'data' ? value.data : wrong(value, 'a data source: `text(…)` or `tokens(…)`', span);
}

function wantValidation(value: Value, span: Span): TrainConfig['validation'] {
  if (value.kind === 'data') return { kind: 'data', data: value.data };
  const share = wantNumber(value, span, 'a share of the data, or a data source');
  if (!(share >= 0 && share < 1)) refuse('out-of-range', { name: 'validation', value: share, low: 0, below: 1 }, span);
  return { kind: 'tail', share };
}

function wantOptimizer(value: Value, span: Span): OptimizerSpec {
  return value.kind === 'optimizer' ? value.optimizer : wrong(value, 'an optimizer: `adam(…)` or `adamw(…)`', span);
}

function wantPrecision(value: Value, span: Span): Precision {
  return value.kind === 'precision' ? value.precision : wrong(value, 'a precision: `f32`, `bf16` or `f16`', span);
}

function wantRounding(value: Value, span: Span): Rounding {
  return value.kind === 'rounding' ? value.rounding : wrong(value, 'a rounding: `nearest` or `stochastic`', span);
}

function wantMicro(value: Value, span: Span, batch: number): number | 'auto' {
  if (value.kind === 'auto') return 'auto';
  const micro = atLeast(wantInteger(value, span, '`micro`, unless it is `auto`,'), 1, 'micro', span);
  if (batch % micro !== 0) refuse('micro-not-divisor', { micro, batch }, span);
  return micro;
}

/** `"2 GiB"`. A thousand or 1024, as the unit says. */
function wantMemory(value: Value, span: Span): number | undefined {
  if (value.kind === 'none') return undefined;
  const text = wantString(value, span, 'a size such as `"2 GiB"`, or `none`');
  const [, number, prefix = '', binary] = /^(\d+(?:\.\d+)?) ?([KMGT]?)(i?)B$/.exec(text) ?? [];
  if (number === undefined || (prefix === '' && binary)) return refuse('not-a-memory-size', { text }, span);
  return Math.floor(Number(number) * (binary ? 1024 : 1000) ** ['', 'K', 'M', 'G', 'T'].indexOf(prefix));
}

function wantClip(value: Value, span: Span): number | undefined {
  if (value.kind === 'none') return undefined;
  const clip = wantNumber(value, span, 'the largest norm of the gradients, or `none`');
  if (!(clip > 0)) refuse('out-of-range', { name: 'clip', value: clip, low: 0, below: Number.POSITIVE_INFINITY }, span);
  return Number.isFinite(clip) ? clip : undefined;
}

/** A number, or scalar ops on `step`. */
function readLr(session: Session, entry: ScopedExpr | undefined): ScalarExpr {
  if (!entry) return LR;
  const around = session.items;
  session.items = [];
  const { expr, scope } = entry;
  try {
    return attempt(
      session,
      () => {
        const value = session.language.evaluate(expr, scope);
        if (value.kind !== 'tensor') {
          return {
            kind: 'number' as const,
            value: atLeast(wantNumber(value, expr.span, 'a number or an expression of `step`'), 0, 'lr', expr.span),
          };
        }
        if (value.value.type.axes.length > 0 || value.value.type.kind !== 'float') {
          refuse(
            'wrong-kind',
            { text: textOf(expr.span), found: 'a tensor with axes', wanted: 'a number for each step' },
            expr.span,
          );
        }
        return scalarExpr(value.value.id, session.items);
      },
      () => LR,
    );
  } finally {
    session.items = around;
  }
}
