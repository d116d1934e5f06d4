/**
 * `after = F` in a plan. The kernels of F write to memory with the layout of the weights, and a copy follows: a kernel
 * may read all of a weight for one element of it, so none writes where it reads. For weights that train this memory is
 * that of their gradients, which the update has used by then.
 */
import type { Weight } from '../ir/graph.ts';
import type { Kernel, TargetLimits } from '../ir/kernel.ts';
import { and, binary, f32, load, local, lt, u32, uniform } from '../ir/kernel-expr.ts';
import type { Launch } from '../ir/plan.ts';
import { present } from '../support/invariant.ts';
import { base, buffer, define, invocation, launch, store, when } from './flat-kernel.ts';
import { flatLaunch, windowsOf } from './flat-launch.ts';
import type { IoTable } from './io-table.ts';
import type { KernelTable } from './kernel-table.ts';
import type { FixedPlace } from './placement.ts';
import type { ProgramSource } from './program-source.ts';
import { STATE_BYTES, STATE_SHAPE } from './update-kernels.ts';
import { type WeightLayout, weightPlace } from './weight-layout.ts';

const PREFIX = 'after.';

/** The weight whose first member the output `after.NAME` names; undefined for other outputs. */
export function weightOfAfter(output: string, weights: readonly Weight[]): Weight | undefined {
  if (!output.startsWith(PREFIX)) return undefined;
  const name = output.slice(PREFIX.length);
  return present(
    weights.find((w) => w.members[0]?.name === name),
    `the weight of output ${output}`,
  );
}

/** Where F(w) is put. */
export function afterPlace(weight: Weight, layout: WeightLayout, io: IoTable): FixedPlace {
  const place = weightPlace('gradients', weight, layout);
  if (weight.members.every((m) => !m.freeze)) return place;
  const scratch = io.scratch(`${PREFIX}${weight.id}`, spanOfMembers(weight, layout).bytes);
  return place.rows ? { ...scratch, rows: place.rows } : scratch;
}

/** The copies to the weights of all that a program made. `onlyFinite`: not after an update that changed nothing. */
export function afterLaunches(
  { fused }: ProgramSource,
  onlyFinite: boolean,
  layout: WeightLayout,
  io: IoTable,
  kernels: KernelTable,
  limits: TargetLimits,
): readonly Launch[] {
  const state = { ...io.scratch('state', STATE_BYTES), bytes: STATE_BYTES };
  return fused.graph.outputs.flatMap(({ name }) => {
    const weight = weightOfAfter(name, fused.graph.weights);
    if (!weight) return [];
    const { segment, offset, bytes } = spanOfMembers(weight, layout);
    const made = afterPlace(weight, layout, io);
    return windowsOf(0, bytes / 4, limits).map(({ start, count }) => {
      const target = { segment, offset: offset + start * 4, bytes: count * 4 };
      const origin = { segment: made.segment, offset: made.offset + start * 4, bytes: count * 4 };
      const addresses = onlyFinite ? [target, origin, state] : [target, origin];
      return flatLaunch(replaceWeights(onlyFinite), addresses, { count }, count, kernels, limits);
    });
  });
}

/** From the first to the end of the last member. */
function spanOfMembers({ members }: Weight, { byName }: WeightLayout) {
  const [first, last] = [members[0], members.at(-1)].map((m) => present(byName.get(m?.name ?? ''), 'a member'));
  const { part, offset } = present(first, 'a member');
  const { offset: end, bytes } = present(last, 'a member');
  return { segment: `weights${part}`, offset, bytes: end + bytes - offset };
}

/** weights = values. */
function replaceWeights(onlyFinite: boolean): Kernel {
  const i = local('i', 'u32');
  const within = lt(i, uniform('count', 'u32'));
  const finite = binary('eq', load('state', 'f32', u32(1)), f32(1));
  return {
    ...base,
    name: onlyFinite ? 'replace_updated' : 'replace_weights',
    doc: [
      `Puts what \`after\` made of weights in their place${onlyFinite ? '; nothing when a gradient is not finite' : ''}.`,
      'Source: the weights rules. 8 B moved for each element.',
    ],
    buffers: [
      buffer('weights', 'read_write', '[elements]'),
      buffer('values', 'read_write', '[elements]'),
      ...(onlyFinite ? [buffer('state', 'read_write', STATE_SHAPE)] : []),
    ],
    uniforms: [launch('count', 'u32')],
    groups: 1,
    body: [
      define('i', invocation),
      when(onlyFinite ? and(within, finite) : within, [store('weights', i, load('values', 'f32', i))]),
    ],
    flops: 0,
    bytes: 0,
  };
}
