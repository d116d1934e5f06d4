import { NO_LIMITS } from '../../backends/wgsl/default-limits.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { readableBytes } from '../../compiler/diagnostics/memory.ts';
import type { Init } from '../../compiler/ir/graph.ts';
import type { Plan, WeightPlace } from '../../compiler/ir/plan.ts';
import { stepWork } from '../../compiler/ir/plan-totals.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import type { CliCommand } from '../command.ts';
import { type Model, openModel } from '../open-model.ts';
import { flag } from '../options.ts';
import { SPEC_OR_FOLDER, specOptions, takesSpec } from '../spec-options.ts';
import { table } from '../table.ts';

export const params: CliCommand = {
  configure: (command) => takesSpec(command, SPEC_OR_FOLDER),
  run: async ([path = ''], options, terminal) => {
    const model = openModel(path, { ...specOptions(options), purposes: ['train'], limits: NO_LIMITS }, terminal);
    if (flag(options, 'json')) terminal.print(JSON.stringify(paramsJson(model)));
    else terminal.print(paramsText(model));
    return EXIT.ok;
  },
};

const countOf = (w: WeightPlace): number => w.shape.reduce((a, b) => a * b, 1);

interface Totals {
  readonly parameters: number;
  readonly trained: number;
  readonly plannedBytes: number;
  /** Of a training step, for each of its tokens; undefined without a train block. */
  readonly flopsPerToken: number | undefined;
}

function totalsOf({ plan, train }: Model): Totals {
  const sum = (weights: readonly WeightPlace[]): number => weights.reduce((n, w) => n + countOf(w), 0);
  return {
    parameters: sum(plan.weights),
    trained: sum(plan.weights.filter((w) => !w.freeze)),
    plannedBytes: plan.memory.plannedBytes,
    flopsPerToken: train && stepWork(plan).flops / tokensOf(plan, train),
  };
}

/** Tokens of a step. */
function tokensOf(plan: Plan, train: TrainConfig): number {
  const [, ...axes] = plan.programs.micro?.inputs.find((i) => i.name === 'tokens')?.shape ?? [];
  return axes.reduce((n, size) => n * size, train.batch);
}

function paramsJson(model: Model) {
  const { parameters, trained, plannedBytes, flopsPerToken } = totalsOf(model);
  return {
    format_version: 1,
    model: model.plan.model,
    weights: inOrder(model.plan.weights).map((w) => ({
      name: w.name,
      shape: w.shape,
      axes: w.axes,
      count: countOf(w),
      init: w.init,
      decay: w.decay,
      lr: w.lr,
      eps: w.eps,
      ...(w.clip === undefined ? {} : { clip: w.clip }),
      freeze: w.freeze,
    })),
    totals: { parameters, trained, planned_bytes: plannedBytes, flops_per_token: flopsPerToken },
  };
}

function paramsText(model: Model): string {
  const { parameters, trained, plannedBytes, flopsPerToken } = totalsOf(model);
  const rows = inOrder(model.plan.weights).map((w) => [
    w.name,
    `[${w.shape.map((n, i) => `${w.axes[i] ?? ''} ${n}`).join(', ')}]`,
    initText(w.init),
    attributesOf(w),
    countOf(w).toLocaleString('en'),
  ]);
  const totals = [
    `${parameters.toLocaleString('en')} parameters${trained === parameters ? '' : `, ${trained.toLocaleString('en')} of them trained`}`,
    `${readableBytes(plannedBytes)} of device memory to train (weights, gradients, moments, activations)`,
    ...(flopsPerToken === undefined ? [] : [`${readableCount(flopsPerToken)}FLOP for each token of a training step`]),
  ];
  return [table([['weight', 'shape', 'init', 'attributes', 'count'], ...rows], 'llllr'), '', ...totals].join('\n');
}

/** By name, with numbers in names in their order: layer.2 before layer.10. */
function inOrder(weights: readonly WeightPlace[]): readonly WeightPlace[] {
  return [...weights].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function initText(init: Init): string {
  switch (init.kind) {
    case 'constant':
      return String(init.value);
    case 'normal':
      return `normal(${Number(init.std.toPrecision(4))})`;
    case 'uniform':
      return `uniform(${Number(init.low.toPrecision(4))}, ${Number(init.high.toPrecision(4))})`;
    case 'eye':
      return init.scale === 1 ? 'eye' : `${init.scale} * eye`;
    case 'onehot':
      return init.scale === 1 ? `onehot(${init.index})` : `${init.scale} * onehot(${init.index})`;
  }
}

function attributesOf(w: WeightPlace): string {
  if (w.freeze) return 'frozen';
  const factor = (name: string, value: number): string[] =>
    value === 1 ? [] : [`${name} x${Number(value.toPrecision(4))}`];
  return [
    ...(w.decay === 0 ? [] : w.decay === 1 ? ['decay'] : [`decay x${w.decay}`]),
    ...factor('lr', w.lr),
    ...factor('eps', w.eps),
    ...(w.clip === undefined ? [] : [`clip ${w.clip}`]),
  ].join(', ');
}

function readableCount(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** power).toPrecision(3)} ${units[power]}`;
}
