/**
 * The kernels of the optimizer. They work on flat runs of elements: weights, gradients and moments have one layout, so
 * one launch updates all weights whose factors are equal, however many there are.
 *
 * Adam with decoupled decay, Loshchilov and Hutter, arXiv 1711.05101, algorithm 2. Clipping by the global norm, Pascanu
 * et al., arXiv 1211.5063. A step with a gradient or loss that is not finite changes nothing.
 */
import type { Expr, Kernel, Statement } from '../ir/kernel.ts';
import {
  add,
  and,
  binary,
  builtin,
  cast,
  f32,
  load,
  local,
  lt,
  mul,
  select,
  sub,
  u32,
  unary,
  uniform,
} from '../ir/kernel-expr.ts';
import { outcomeNumber, type StepOutcome } from '../ir/step-outcome.ts';
import type { TrainConfig } from '../ir/train.ts';
import { SHARE } from '../widen/share.ts';

import {
  assignAdd,
  base,
  buffer,
  type DeviceClass,
  define,
  i,
  invocation,
  LANES,
  launch,
  overRun,
  runtime,
  store,
  variable,
  when,
} from './flat-kernel.ts';
import { mayShrink, nextScaling, SCALING_BUFFER, scaling } from './next-scaling.ts';

/** Invocations that sum squares, each over a fixed set of elements. */
export const PARTIALS = 4096;

/** partials[t] = sum of squares, partials[PARTIALS + t] = 1 if any is not finite, over elements t, t + PARTIALS, … */
export function gradientSquares(): Kernel {
  const g = local('g', 'f32');
  const t = local('t', 'u32');
  const first = uniform('first', 'u32');
  return {
    ...base,
    name: 'gradient_squares',
    doc: [
      'Sums of squares of a run of gradients, each over every 4096th element, and whether any is not finite.',
      'Several runs add up: all but the first continue the sums of the one before.',
      'Source: the train block. 3 FLOP, 4 B moved for each element.',
    ],
    buffers: [buffer('gradients', 'read_write', '[elements]'), buffer('partials', 'read_write', '[2, 4096]')],
    uniforms: [launch('count', 'u32'), launch('first', 'u32')],
    groups: PARTIALS / LANES,
    body: [
      define('t', invocation),
      // A folded grid may have workgroups too many.
      when(binary('ge', t, u32(PARTIALS)), [{ kind: 'return' }]),
      variable('sum', f32(0)),
      variable('bad', u32(0)),
      {
        kind: 'if',
        condition: binary('eq', first, u32(0)),
        then: [
          { kind: 'assign', name: 'sum', value: load('partials', 'f32', t) },
          { kind: 'assign', name: 'bad', value: cast('u32', load('partials', 'f32', add(t, u32(PARTIALS)))) },
        ],
        else: [],
      },
      {
        kind: 'for',
        name: 'i',
        from: t,
        to: uniform('count', 'u32'),
        step: u32(PARTIALS),
        body: [
          define('g', load('gradients', 'f32', i)),
          assignAdd('sum', mul(g, g)),
          { kind: 'assign', name: 'bad', value: binary('max', local('bad', 'u32'), unary('is_nonfinite', g)) },
        ],
      },
      store('partials', t, local('sum', 'f32')),
      store('partials', add(t, u32(PARTIALS)), cast('f32', local('bad', 'u32'))),
    ],
    flops: 0,
    bytes: 0,
  };
}

/** What the kernels of the update depend on. */
type UpdateSettings = Pick<TrainConfig, 'clip' | 'optimizer' | 'precision'>;

/** Steps whose numbers stay on the device until the host asks for them. */
export const HISTORY_STEPS = 64;
/** Numbers of a step in the history: loss, norm, outcome, and in f16 the loss scale that it had. */
export function historyNumbers(scaled: boolean): number {
  return scaled ? 4 : 3;
}
/** What steps leave for the update: its bytes, and how kernels show it. */
export const STATE_BYTES = 16;
export const STATE_SHAPE = '[norm, finite, factor, ended]';

/**
 * state = [norm of all gradients, outcome, the factor that clips them to `clip`, 1 from the first step on that ended the run]; see
 * `step-outcome.ts`. The host may learn of such a step when later ones are queued: they change nothing either. With a loss scale, a step
 * whose gradients may fit a smaller one does not end the run.
 */
export function gradientNorm({ clip, optimizer, precision }: UpdateSettings): Kernel {
  const scaled = precision === 'f16';
  const lane = builtin('local');
  const norm = local('norm', 'f32');
  const sumOfLane: Statement[] = [
    variable('sum', f32(0)),
    variable('bad', f32(0)),
    {
      kind: 'for',
      name: 'i',
      from: lane,
      to: u32(PARTIALS),
      step: u32(LANES),
      body: [
        assignAdd('sum', load('partials', 'f32', i)),
        assignAdd('bad', load('partials', 'f32', add(i, u32(PARTIALS)))),
      ],
    },
    { kind: 'store_shared', array: 'sums', index: lane, value: local('sum', 'f32') },
    { kind: 'store_shared', array: 'bads', index: lane, value: local('bad', 'f32') },
    { kind: 'barrier' },
  ];
  const shared = (array: string): Expr => ({ kind: 'load_shared', type: 'f32', array, index: i });
  const loss = load('loss', 'f32', u32(0));
  const unfit = binary('max', unary('is_nonfinite', norm), unary('is_nonfinite', loss));
  const goesOn = binary('eq', load('state', 'f32', u32(3)), f32(0));
  const finite = and(and(binary('eq', local('all_bad', 'f32'), f32(0)), binary('eq', unfit, u32(0))), goesOn);
  const outcomeName = scaled ? 'outcome' : 'applied';
  const outcome = local(outcomeName, 'f32');
  const isIt = (name: StepOutcome): Expr => f32(outcomeNumber(name));
  const otherwise = scaled ? select(and(goesOn, mayShrink(loss)), isIt('skipped'), isIt('ended')) : isIt('ended');
  const ended = scaled ? select(binary('eq', outcome, isIt('ended')), f32(1), f32(0)) : sub(f32(1), outcome);
  const entry = (number: number): Expr => add(local('entry', 'u32'), u32(number));
  const factor =
    clip === undefined ? f32(1) : select(binary('gt', norm, f32(clip)), binary('div', f32(clip), norm), f32(1));
  return {
    ...base,
    name: 'gradient_norm',
    doc: [
      'The norm of all gradients, whether they and the loss are finite, and the factor of clipping by global norm.',
      `A step that is not finite is not applied, and none after it. The numbers of ${HISTORY_STEPS} steps are kept for the host.`,
      ...(scaled
        ? ['Where a smaller loss scale may do, only the scale changes; after many updates in a row it grows.']
        : []),
      clip === undefined ? 'No clipping was asked for.' : `Gradients are scaled to a norm of at most ${clip}.`,
      'Source: the train block.',
    ],
    buffers: [
      buffer('partials', 'read_write', '[2, 4096]'),
      buffer('loss', 'read_write', '[]'),
      buffer('state', 'read_write', STATE_SHAPE),
      buffer('history', 'read_write', `[${HISTORY_STEPS}, ${historyNumbers(scaled)}]`),
      ...(scaled ? [SCALING_BUFFER] : []),
    ],
    uniforms: [{ name: 'step', type: 'u32', source: { kind: 'runtime', name: 'step' } }],
    shared: [
      { name: 'sums', type: 'f32', elements: LANES },
      { name: 'bads', type: 'f32', elements: LANES },
    ],
    groups: 1,
    body: [
      ...sumOfLane,
      when(binary('eq', lane, u32(0)), [
        variable('all', f32(0)),
        variable('all_bad', f32(0)),
        {
          kind: 'for',
          name: 'i',
          from: u32(0),
          to: u32(LANES),
          step: u32(1),
          body: [assignAdd('all', shared('sums')), assignAdd('all_bad', shared('bads'))],
        },
        define('norm', unary('sqrt', local('all', 'f32'))),
        store('state', u32(0), norm),
        define(outcomeName, select(finite, isIt('applied'), otherwise)),
        store('state', u32(1), outcome),
        store('state', u32(2), factor),
        store('state', u32(3), ended),
        define('entry', mul(binary('mod', uniform('step', 'u32'), u32(HISTORY_STEPS)), u32(historyNumbers(scaled)))),
        store('history', entry(0), loss),
        store('history', entry(1), norm),
        store('history', entry(2), outcome),
        ...(scaled ? [store('history', entry(3), scaling('scale')), ...nextScaling(optimizer, outcome)] : []),
      ]),
    ],
    flops: 2 * PARTIALS,
    bytes: 8 * PARTIALS,
  };
}

/** gradients /= loss scale. */
export function unscale(deviceClass: DeviceClass): Kernel {
  const kernel = {
    name: 'unscale',
    doc: [
      'Divides gradients by the loss scale, a power of two, by which the backward pass multiplied them so that f16 holds them.',
      'Source: the train block. 1 FLOP, 8 B moved for each element.',
    ],
    buffers: [buffer('gradients', 'read_write', '[elements]'), SCALING_BUFFER],
    uniforms: [launch('count', 'u32')],
  };
  const divided = binary('div', load('gradients', 'f32', i), local('scale', 'f32'));
  return overRun(kernel, deviceClass, [store('gradients', i, divided)], {
    before: [define('scale', scaling('scale'))],
  });
}

/** Scales the gradient of each of several equally long weights so that its own norm, after the global clip, is at most `limit`. */
export function ownClip(): Kernel {
  const start = local('start', 'u32');
  const g = load('gradients', 'f32', i);
  const norm = local('norm', 'f32');
  const limit = uniform('limit', 'f32');
  const each = (body: readonly Statement[]): Statement => ({
    kind: 'for',
    name: 'i',
    from: start,
    to: add(start, uniform('count', 'u32')),
    step: u32(1),
    body,
  });
  return {
    ...base,
    name: 'own_clip',
    doc: [
      'Clips the gradient of each of several weights by its own norm, after the global clip. One weight per invocation.',
      'Source: the weights rules. 3 FLOP, 12 B moved for each element.',
    ],
    buffers: [buffer('gradients', 'read_write', '[elements]'), buffer('state', 'read_write', STATE_SHAPE)],
    uniforms: [launch('members', 'u32'), launch('count', 'u32'), launch('stride', 'u32'), launch('limit', 'f32')],
    groups: 1,
    body: [
      define('member', invocation),
      when(lt(local('member', 'u32'), uniform('members', 'u32')), [
        define('start', mul(local('member', 'u32'), uniform('stride', 'u32'))),
        variable('sum', f32(0)),
        each([assignAdd('sum', mul(g, g))]),
        define('norm', mul(unary('sqrt', local('sum', 'f32')), load('state', 'f32', u32(2)))),
        when(binary('gt', norm, limit), [each([store('gradients', i, mul(g, binary('div', limit, norm)))])]),
      ]),
    ],
    flops: 0,
    bytes: 0,
  };
}

/** 1 - beta, without what binary fractions add to it. */
function rest(beta: number): number {
  return Number((1 - beta).toPrecision(6));
}

/** One update of a run of weights. With a loss scale, the device counts the updates that Adam's corrections depend on. */
export function adam({ optimizer: spec, precision }: UpdateSettings, deviceClass: DeviceClass): Kernel {
  const scaled = precision === 'f16';
  const correction = (name: 'bias1' | 'bias2'): Expr => (scaled ? local : uniform)(name, 'f32');
  const names = ['w', 'g', 'm', 'v'] as const;
  const [w, g, m, v] = names.map((n) => local(n, 'f32')) as [Expr, Expr, Expr, Expr];
  const mean = binary('div', m, correction('bias1'));
  const root = unary('sqrt', binary('div', v, correction('bias2')));
  const rate = local('rate', 'f32');
  const keep = sub(f32(1), mul(rate, uniform('decay', 'f32')));
  const move = mul(rate, binary('div', mean, add(root, uniform('eps', 'f32'))));
  const mix = (beta: number, old: string, x: Expr): Expr =>
    add(mul(f32(beta), load(old, 'f32', i)), mul(f32(1 - beta), x));
  const kernel = {
    name: 'adam',
    doc: [
      'Adam with decoupled weight decay on a run of weights that share their factors; nothing when a gradient is not finite.',
      `w -= rate * decay * w;  m = ${spec.beta1} m + ${rest(spec.beta1)} g;  v = ${spec.beta2} v + ${rest(spec.beta2)} g g;`,
      `w -= rate * (m / bias1) / (sqrt(v / bias2) + eps), ${SHARE[deviceClass]} elements per invocation.`,
      'Source: the train block. 17 FLOP, 28 B moved for each element.',
    ],
    buffers: [
      buffer('weights', 'read_write', '[elements]'),
      buffer('gradients', 'read_write', '[elements]'),
      buffer('moment1', 'read_write', '[elements]'),
      buffer('moment2', 'read_write', '[elements]'),
      buffer('state', 'read_write', STATE_SHAPE),
      ...(scaled ? [SCALING_BUFFER] : []),
    ],
    uniforms: [
      launch('count', 'u32'),
      launch('rate_factor', 'f32'),
      launch('eps', 'f32'),
      launch('decay', 'f32'),
      runtime('lr'),
      ...(scaled ? [] : [runtime('bias1'), runtime('bias2')]),
    ],
  };
  const body = [
    define('g', mul(load('gradients', 'f32', i), load('state', 'f32', u32(2)))),
    define('m', mix(spec.beta1, 'moment1', g)),
    define('v', mix(spec.beta2, 'moment2', mul(g, g))),
    define('w', mul(load('weights', 'f32', i), keep)),
    store('moment1', i, m),
    store('moment2', i, v),
    store('weights', i, sub(w, move)),
  ];
  return overRun(kernel, deviceClass, body, {
    before: [
      define('finite', binary('eq', load('state', 'f32', u32(1)), f32(1))),
      define('rate', mul(uniform('lr', 'f32'), uniform('rate_factor', 'f32'))),
      ...(scaled ? [define('bias1', scaling('bias1')), define('bias2', scaling('bias2'))] : []),
    ],
    condition: local('finite', 'bool'),
  });
}

/** What both kernels of totals have. */
const TOTALS = {
  buffers: [buffer('totals', 'read_write', '[elements]'), buffer('parts', 'read_write', '[elements]')],
  uniforms: [launch('count', 'u32')],
};
const doesAccumulate = (what: string): readonly string[] => [
  `Adds ${what} of one micro-batch to the sum over the micro-batches of a step.`,
  'Source: the train block. 1 FLOP, 12 B moved for each element.',
];

/** totals += parts: sums the gradients of micro-batches. */
export function accumulate(deviceClass: DeviceClass): Kernel {
  const kernel = { ...TOTALS, name: 'accumulate', doc: doesAccumulate('the gradients') };
  return overRun(kernel, deviceClass, [accumulated()]);
}

/** totals += parts for what is not padded: sums the loss and the counts of micro-batches. */
export function accumulateOutput(): Kernel {
  return {
    ...base,
    ...TOTALS,
    name: 'accumulate_output',
    doc: doesAccumulate('an output'),
    groups: 1,
    body: [define('i', invocation), when(lt(i, uniform('count', 'u32')), [accumulated()])],
    flops: 0,
    bytes: 0,
  };
}

function accumulated(): Statement {
  return store('totals', i, add(load('totals', 'f32', i), load('parts', 'f32', i)));
}

/** Copies rows from one stride to another. */
export function copyRows(): Kernel {
  const row = local('row', 'u32');
  const column = local('column', 'u32');
  const at = (stride: string): Expr => add(mul(row, uniform(stride, 'u32')), column);
  return {
    ...base,
    name: 'copy_rows',
    doc: [
      'Copies rows of words from one distance between rows to another.',
      'Source: the memory plan. 8 B moved for each word.',
    ],
    buffers: [
      { ...buffer('target', 'read_write', '[rows, words]'), type: 'u32' },
      { ...buffer('origin', 'read_write', '[rows, words]'), type: 'u32' },
    ],
    uniforms: [
      launch('rows', 'u32'),
      launch('words', 'u32'),
      launch('target_stride', 'u32'),
      launch('origin_stride', 'u32'),
    ],
    groups: 1,
    body: [
      define('i', invocation),
      define('row', binary('div', i, uniform('words', 'u32'))),
      define('column', binary('mod', i, uniform('words', 'u32'))),
      when(lt(row, uniform('rows', 'u32')), [
        store('target', at('target_stride'), load('origin', 'u32', at('origin_stride'))),
      ]),
    ],
    flops: 0,
    bytes: 0,
  };
}
