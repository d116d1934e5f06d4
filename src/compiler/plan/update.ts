import type { TargetLimits } from '../ir/kernel.ts';
import { LOSS_SCALING, SCALING_NUMBERS, SCALING_TYPE } from '../ir/loss-scaling.ts';
import type { Address, Clear, IoPlace, Launch, Program, WeightPlace } from '../ir/plan.ts';
import { SCALING_STATE } from '../ir/state-name.ts';
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
  HISTORY_STEPS,
  historyNumbers,
  ownClip,
  PARTIALS,
  STATE_BYTES,
  unscale,
} from './update-kernels.ts';
import type { WeightLayout } from './weight-layout.ts';

const SCALAR = { kind: 'float', axes: [], storage: 'f32', accumulate: 'f32' } as const;

/**
 * The programs `begin` (clears what micro-batches add to), `unscale` (divides gradients by the loss scale, if there is one) and
 * `update` (norm of all gradients, clips, Adam), which has the outputs `grad_norm`, and `history` [steps, (loss, norm, outcome)]:
 * step s is in row s mod the number of rows, and its outcome is one of `step-outcome.ts`. In f16 a row has the loss scale as well, and what
 * the next step needs of this one is the output `loss_scaling`; see `ir/loss-scaling.ts`.
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
  const scaled = train.precision === 'f16';
  const numbers = historyNumbers(scaled);
  const historyBytes = 4 * HISTORY_STEPS * numbers;
  const history = { ...io.scratch('history', historyBytes), bytes: historyBytes };
  const scaling = scaled ? [{ ...io.state(SCALING_STATE, SCALING_TYPE), bytes: 4 * SCALING_NUMBERS.length }] : [];
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
  const norm = flatLaunch(gradientNorm(train), [partials, loss, state, history, ...scaling], {}, 1, kernels, limits);
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
      const addresses = [...flat, state, ...scaling];
      return flatLaunch(adam(train, deviceClass), addresses, values, w.count / share, kernels, limits);
    }),
  );
  const output = (name: string, sizes: Readonly<Record<string, number>>, address: Address): IoPlace => ({
    name,
    kind: 'float',
    shape: Object.values(sizes),
    axes: Object.keys(sizes),
    address,
  });
  const steps: readonly Launch[] = [...squares, norm, ...clips, ...adams];
  const unscaled = (): readonly Launch[] =>
    windows.map(({ p, w }) =>
      flatLaunch(
        unscale(deviceClass),
        [flatAddress(`${source}${p}`, w), ...scaling],
        { count: w.count },
        w.count / share,
        kernels,
        limits,
      ),
    );
  return {
    ...(scaled ? { unscale: { steps: unscaled(), inputs: [], outputs: [], liveBytes: 0 } } : {}),
    begin: { steps: accumulation > 1 ? clears(layout, io) : [], inputs: [], outputs: [], liveBytes: 0 },
    update: {
      steps,
      inputs: [],
      outputs: [
        output('history', { step: HISTORY_STEPS, number: numbers }, history),
        output('grad_norm', {}, { ...state, bytes: 4 }),
        ...scaling.map((address) => output(LOSS_SCALING, { number: SCALING_NUMBERS.length }, address)),
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
