import type { TargetLimits } from '../ir/kernel.ts';
import type { Clear, IoPlace, Launch, Program, WeightPlace } from '../ir/plan.ts';
import type { TrainConfig } from '../ir/train.ts';
import { present } from '../support/invariant.ts';
import { SHARE } from '../widen/share.ts';
import { flatAddress, flatLaunch, windowsOf } from './flat-launch.ts';
import type { IoTable } from './io-table.ts';
import type { KernelTable } from './kernel-table.ts';
import {
  adam,
  gradientNorm,
  gradientSquares,
  HISTORY_NUMBERS,
  HISTORY_STEPS,
  ownClip,
  PARTIALS,
  STATE_BYTES,
  unscale,
} from './update-kernels.ts';
import type { WeightLayout } from './weight-layout.ts';

const SCALAR = { kind: 'float', axes: [], storage: 'f32', accumulate: 'f32' } as const;

/**
 * The programs `begin` (clears what micro-batches add to), `unscale` (divides gradients by the loss scale, if there is one) and
 * `update` (norm of all gradients, clips, Adam), which has the outputs `grad_norm`, and `history` [steps, (loss, norm, 1 or 0)]:
 * step s is in row s mod the number of rows, and 0 says that it changed nothing, because it or one before it was not finite.
 */
export function updateLaunches(
  train: TrainConfig,
  layout: WeightLayout,
  io: IoTable,
  kernels: KernelTable,
  limits: TargetLimits,
  accumulation: number,
): { readonly begin: Program; readonly unscale?: Program; readonly update: Program } {
  const { deviceClass } = limits;
  const share = SHARE[deviceClass];
  const source = accumulation > 1 ? 'totals' : 'gradients';
  const partials = { ...io.scratch('partials', PARTIALS * 8), bytes: PARTIALS * 8 };
  const state = { ...io.scratch('state', STATE_BYTES), bytes: STATE_BYTES };
  const historyBytes = 4 * HISTORY_STEPS * HISTORY_NUMBERS;
  const history = { ...io.scratch('history', historyBytes), bytes: historyBytes };
  const loss = { ...io.output(accumulation > 1 ? 'total' : 'micro', 'loss', SCALAR), bytes: 4 };

  const windows = layout.parts.flatMap((part, p) => windowsOf(0, part.trainedBytes / 4, limits).map((w) => ({ p, w })));
  const squares = windows.map(({ p, w }, k) =>
    flatLaunch(
      gradientSquares(),
      [flatAddress(`${source}${p}`, w), partials],
      { count: w.count, first: k === 0 ? 1 : 0 },
      PARTIALS,
      kernels,
      limits,
    ),
  );
  const norm = flatLaunch(
    gradientNorm(train.clip, train.precision === 'f16'),
    [partials, loss, state, history],
    {},
    1,
    kernels,
    limits,
  );
  const clips = clippedGroups(layout.clipped, limits).map((group) => {
    const first = present(group[0], 'a weight');
    const stride = group[1] ? group[1].offset - first.offset : 0;
    const bytes = (group.length - 1) * stride + first.bytes;
    return flatLaunch(
      ownClip(),
      [{ segment: `${source}${first.part}`, offset: first.offset, bytes }, state],
      { members: group.length, count: first.bytes / 4, stride: stride / 4, limit: present(first.clip, 'a clip') },
      group.length,
      kernels,
      limits,
    );
  });
  const adams = layout.runs.flatMap((run) =>
    windowsOf(run.start, run.count, limits).map((w) => {
      const flat = ['weights', source, 'moment1', 'moment2'].map((s) => flatAddress(`${s}${run.part}`, w));
      const values = {
        count: w.count,
        rate_factor: run.lr,
        eps: train.optimizer.eps * run.eps,
        decay: train.optimizer.decay * run.decay,
      };
      return flatLaunch(adam(train.optimizer, deviceClass), [...flat, state], values, w.count / share, kernels, limits);
    }),
  );
  const scalar = (name: string, offset: number): IoPlace => ({
    name,
    kind: 'float',
    shape: [],
    axes: [],
    address: { segment: state.segment, offset: state.offset + offset, bytes: 4 },
  });
  const steps: readonly Launch[] = [...squares, norm, ...clips, ...adams];
  const unscaled = (): readonly Launch[] =>
    windows.map(({ p, w }) =>
      flatLaunch(
        unscale(deviceClass),
        [flatAddress(`${source}${p}`, w)],
        { count: w.count },
        w.count / share,
        kernels,
        limits,
      ),
    );
  return {
    ...(train.precision === 'f16' ? { unscale: { steps: unscaled(), inputs: [], outputs: [], liveBytes: 0 } } : {}),
    begin: { steps: accumulation > 1 ? clears(layout, io) : [], inputs: [], outputs: [], liveBytes: 0 },
    update: {
      steps,
      inputs: [],
      outputs: [
        {
          name: 'history',
          kind: 'float',
          shape: [HISTORY_STEPS, HISTORY_NUMBERS],
          axes: ['step', 'number'],
          address: history,
        },
        scalar('grad_norm', 0),
      ],
      liveBytes: 0,
    },
  };
}

/** Everything that the micro-batches of a step add to. */
function clears(layout: WeightLayout, io: IoTable): readonly Clear[] {
  const totals = layout.parts.map((part, p) => ({ segment: `totals${p}`, offset: 0, bytes: part.trainedBytes }));
  return [...totals, ...io.totals()].map((address) => ({ kind: 'clear', address }));
}

/** Neighbouring weights of equal size and clip, at one distance, as many as one binding holds. */
function clippedGroups(
  clipped: readonly WeightPlace[],
  { bindingBytes }: TargetLimits,
): readonly (readonly WeightPlace[])[] {
  const groups: WeightPlace[][] = [];
  for (const place of clipped) {
    const group = groups[groups.length - 1];
    const [first, second] = group ?? [];
    const last = group?.[group.length - 1];
    const stride = first && second ? second.offset - first.offset : undefined;
    const fits =
      group &&
      first &&
      last &&
      first.part === place.part &&
      first.bytes === place.bytes &&
      first.clip === place.clip &&
      place.offset + place.bytes - first.offset <= bindingBytes &&
      (stride === undefined || place.offset - last.offset === stride);
    if (fits) group.push(place);
    else groups.push([place]);
  }
  return groups;
}
