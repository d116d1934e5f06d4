/** Decoding by the float64 interpreter: the forward graph on a whole text, and `prefill` with steps after it. */
import { interpret } from '../../src/backends/reference/interpret.ts';
import type { Decoding } from '../../src/compiler/decode/decode.ts';
import type { Graph, WeightId } from '../../src/compiler/ir/graph.ts';
import { isState } from '../../src/compiler/ir/state-name.ts';
import { elementsOf } from '../../src/compiler/ir/tensor-type.ts';
import type { Host } from '../../src/compiler/ops/op-def.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { livelyValues } from './gallery.ts';

export type Weights = ReadonlyMap<WeightId, Float64Array>;

/** Values for all weights that matter. */
export function livelyWeights(graph: Graph): Weights {
  return new Map(
    graph.weights.map(({ id, axes, members }) => {
      const shape = axes.map((axis) => axis.size);
      return [id, Float64Array.from(members.flatMap((member) => [...livelyValues(member, shape)]))];
    }),
  );
}

const host = (weights: Weights, inputs: ReadonlyMap<string, Float64Array>): Host => ({
  inputs,
  weights,
  runtime: { step: 0, lr: 0 },
  seed: 0,
  micro: 0,
});

const row = (logits: Float64Array | undefined, place: number, vocab: number): Float64Array =>
  present(logits, 'logits').slice(place * vocab, (place + 1) * vocab);

/** The logits at the last of `text`, with zeros behind it. */
export function rerunLogits(graph: Graph, weights: Weights, text: readonly number[], time: number): Float64Array {
  const tokens = new Float64Array(time);
  tokens.set(text);
  const logits = interpret(graph, host(weights, new Map([['tokens', tokens]]))).get('logits');
  return row(logits, text.length - 1, present(logits, 'logits').length / time);
}

/** The logits at the positions from `begun` - 1 on: the first of `prefill`, or with nothing begun all of steps. */
export function decodedLogits(
  { prefill, step }: Extract<Decoding, { kind: 'cached' }>,
  weights: Weights,
  text: readonly number[],
  begun: number,
): readonly Float64Array[] {
  const sizes = new Map(step.inputs.map(({ name, type }) => [name, elementsOf(type.axes)]));
  let states: ReadonlyMap<string, Float64Array> = new Map(
    [...sizes].flatMap(([name, size]) => (isState(name) ? [[name, new Float64Array(size)]] : [])),
  );
  const all: Float64Array[] = [];
  const run = (graph: Graph, tokens: Float64Array, position: number): void => {
    const inputs = new Map([
      ...(graph === step ? states : []),
      ['tokens', tokens],
      ['position', Float64Array.of(position)],
    ]);
    const outputs = interpret(graph, host(weights, inputs as ReadonlyMap<string, Float64Array>));
    all.push(present(outputs.get('logits'), 'logits'));
    states = new Map([...outputs].filter(([name]) => isState(name)));
  };
  if (begun > 0) {
    const time = elementsOf(
      present(
        prefill.inputs.find((i) => i.name === 'tokens'),
        'tokens',
      ).type.axes,
    );
    const tokens = new Float64Array(time);
    tokens.set(text.slice(0, begun));
    run(prefill, tokens, begun - 1);
  }
  for (let position = begun; position < text.length; position += 1)
    run(step, Float64Array.of(text[position] ?? 0), position);
  return all;
}

/** The largest difference, relative to the largest element. */
export function differenceOf(found: Float64Array, expected: Float64Array): number {
  const scale = Math.max(...expected.map(Math.abs)) || 1;
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...found.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN)))) / scale;
}
