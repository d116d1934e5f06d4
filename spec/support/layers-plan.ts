/** A plan made by hand, with a loop, addresses that move, tables and two slots by turns. */
import type { TargetName } from '../../src/backends/targets.ts';
import type { Kernel } from '../../src/compiler/ir/kernel.ts';
import { add, load, mul, uniform } from '../../src/compiler/ir/kernel-expr.ts';
import type { Segment } from '../../src/compiler/ir/plan.ts';
import { eachElement, element, store, type TinyPlan, tableUniform, tinyPlan } from './tiny-plan.ts';

export const WIDTH = 50;
export const SLOT = 256;
export const segment = (name: string, role: Segment['role'], bytes: number): Segment => ({ name, role, bytes });
export const at = (name: string, offset = 0) => ({ segment: name, offset, bytes: WIDTH * 4 });
export const once = [1, 1, 1] as const;

/** after = before * weight + scale + step */
const layer: Kernel = eachElement(
  'layer',
  WIDTH,
  [
    { name: 'weight', type: 'f32', access: 'read' },
    { name: 'before', type: 'f32', access: 'read_write' },
    { name: 'after', type: 'f32', access: 'read_write' },
  ],
  [
    store(
      'after',
      add(
        mul(load('before', 'f32', element), load('weight', 'f32', element)),
        add(uniform('scale', 'f32'), { kind: 'cast', type: 'f32', operand: uniform('step', 'u32') }),
      ),
    ),
  ],
  [tableUniform('scale'), { name: 'step', type: 'u32', source: { kind: 'runtime', name: 'step' } }],
);

export const copy: Kernel = eachElement(
  'copy',
  WIDTH,
  [
    { name: 'from', type: 'f32', access: 'read' },
    { name: 'to', type: 'f32', access: 'read_write' },
  ],
  [store('to', load('from', 'f32', element))],
);

export const DEPTH = 5;
const scales = [0.5, -1, 2, 0.25, 3];

/** x goes through five layers, up or down, in two slots by turns, and then to the outputs. */
export function layers(reverse: boolean, target: TargetName): TinyPlan {
  const segments = [
    segment('weights0', 'weights', DEPTH * SLOT),
    segment('arena0', 'arena', 2 * SLOT),
    segment('inputs', 'inputs', SLOT),
    segment('outputs', 'outputs', SLOT),
  ];
  return tinyPlan(
    segments,
    (table) => {
      const row = table.addRows(scales.map((value) => [{ type: 'f32', value }]));
      const turn = (shift: number) => ({ ...at('arena0'), move: { stride: SLOT, shift, modulus: 2 } });
      const stacked = { ...at('weights0'), move: { stride: SLOT, shift: 0, modulus: DEPTH } };
      const addresses = reverse ? [stacked, turn(0), turn(-1)] : [stacked, turn(0), turn(1)];
      const first = reverse ? (DEPTH - 1) % 2 : 0;
      const last = reverse ? 1 : DEPTH % 2;
      const copies = table.add(copy, []);
      return {
        forward: [
          { kind: 'launch', kernel: copies, addresses: [at('inputs'), at('arena0', first * SLOT)], groups: once },
          {
            kind: 'loop',
            count: DEPTH,
            reverse,
            body: [{ kind: 'launch', kernel: table.add(layer, []), addresses, uniformRow: row, groups: once }],
          },
          { kind: 'launch', kernel: copies, addresses: [at('arena0', last * SLOT), at('outputs')], groups: once },
        ],
        wipe: [{ kind: 'clear', address: at('outputs') }],
      };
    },
    target,
  );
}

export const inputs = Float32Array.from({ length: WIDTH }, (_, i) => (i - 20) / 8);
export const weights = Array.from({ length: DEPTH }, (_, l) =>
  Float32Array.from({ length: WIDTH }, (_, i) => ((i + l) % 4) / 2),
);

export function expected(step: number, order: readonly number[]): Float32Array {
  const f = Math.fround;
  return inputs.map((x, i) => order.reduce((y, l) => f(f(y * (weights[l]?.[i] ?? 0)) + f((scales[l] ?? 0) + step)), x));
}
