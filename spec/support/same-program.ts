import * as assert from 'uvu/assert';
import { interpret } from '../../src/backends/reference/interpret.ts';
import type { Graph, Weight } from '../../src/compiler/ir/graph.ts';
import { elaborated } from './elaborated.ts';

/** Numbers that depend on the name of the weight alone, so that stacking does not matter. */
function weightValues({ axes, members }: Weight): Float64Array {
  const size = axes.reduce((n, axis) => n * axis.size, 1);
  const parts = members.map(({ name }) => {
    let state = [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 65537, 7);
    return Array.from({ length: size }, () => {
      state = (state * 75 + 74) % 65537;
      return (state / 65537 - 0.5) * 0.6;
    });
  });
  return Float64Array.from(parts.flat());
}

export function run(graph: Graph): ReadonlyMap<string, Float64Array> {
  const tokens = Float64Array.from({ length: 15 }, (_, i) => (i * 17) % 61);
  const targets = Float64Array.from({ length: 15 }, (_, i) => (i === 4 ? -1 : (i * 29) % 61));
  return interpret(graph, {
    inputs: new Map([
      ['tokens', tokens],
      ['targets', targets],
    ]),
    weights: new Map(graph.weights.map((weight) => [weight.id, weightValues(weight)])),
    runtime: { step: 3, lr: 0 },
    seed: 1,
    micro: 0,
  });
}

/** Elaborated at once and one by one, a text has the same weights and computes the same. */
export function same(text: string, set: readonly string[]): void {
  for (const want of text.includes('probe ') ? (['loss', 'probes'] as const) : (['loss'] as const)) {
    const [a, b] = [true, false].map((atOnce) => elaborated(text, { set, want, atOnce }));
    const members = (graph: Graph | undefined) =>
      graph?.weights.flatMap((w) => w.members).sort((p, q) => (p.name < q.name ? -1 : 1));
    assert.equal(members(a?.graph), members(b?.graph), `${set}: weights`);
    const [x, y] = [a, b].map((e) => e && run(e.graph));
    for (const [name, value] of x ?? []) {
      const other = y?.get(name) ?? new Float64Array();
      assert.is(value.length, other.length, name);
      for (const [i, v] of value.entries()) {
        assert.ok(Math.abs(v - (other[i] ?? 0)) <= 1e-12 * Math.abs(v), `${set} ${name}: ${v} ${other[i]}`);
      }
    }
  }
}
