import type { ScalarExpr } from '../ir/train.ts';
import { BINARY_VALUE, UNARY_VALUE } from '../ops/pointwise.ts';
import type { Span } from '../support/source.ts';
import { type Lint, type LintContext, shown, warning } from './lint.ts';
import { normalisedSums, streamsOf } from './residual-stream.ts';

/** Steps at which the schedule is looked at. */
const SAMPLES = 256;

/** Where the stream has no factor: one that outweighs the branch, as DeepNorm's, is there for the same end. */
export const missingWarmUp: Lint = {
  name: 'missing-warm-up',
  summary: 'a normalised residual sum in a training without a warm-up',
  run: (context) => {
    const { graph, train } = context;
    if (!train) return [];
    const start = lrAt(train.lr, 0);
    const peak = Math.max(...Array.from({ length: SAMPLES }, (_, i) => lrAt(train.lr, (i / SAMPLES) * train.steps)));
    if (!(start > peak / 2)) return [];
    const streams = streamsOf(graph);
    const sums = streams.flatMap((stream) => {
      const beside = streams.some((other) => other.loop === stream.loop && other.path?.some((s) => s.kind === 'sum'));
      return beside ? [] : normalisedSums(stream).filter(({ path }) => path.onlySums);
    });
    const [first] = sums;
    if (!first) return [];
    const labels = lrSpans(context).map((span) => ({ span, text: 'the learning rate' }));
    return [warning('missing-warm-up', { start: shown(start), peak: shown(peak) }, { span: first.op.span, labels })];
  },
};

function lrSpans({ files }: LintContext): readonly Span[] {
  const trains = (files[0]?.items ?? []).filter((item) => item.kind === 'train');
  const entries = trains.length === 1 ? (trains[0]?.entries ?? []) : [];
  return entries.flatMap((entry) => {
    const isLr = entry.kind === 'binding' && entry.pattern.kind === 'name-pattern' && entry.pattern.name.text === 'lr';
    return isLr ? [entry.span] : [];
  });
}

function lrAt(expr: ScalarExpr, step: number): number {
  if (expr.kind === 'number') return expr.value;
  if (expr.kind === 'step') return step;
  const [a = 0, b = 0, c = 0] = expr.args.map((arg) => lrAt(arg, step));
  if (expr.fn === 'where') return a === 0 ? c : b;
  return expr.fn in UNARY_VALUE
    ? UNARY_VALUE[expr.fn as keyof typeof UNARY_VALUE](a)
    : BINARY_VALUE[expr.fn as keyof typeof BINARY_VALUE](a, b);
}
