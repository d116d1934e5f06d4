import { ANY_DEVICE } from '../../backends/wgsl/default-limits.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { readableBytes } from '../../compiler/diagnostics/memory.ts';
import type { CliCommand } from '../command.ts';
import { countOf, type ModelSize, modelSize } from '../model-size.ts';
import { type Model, openModel } from '../open-model.ts';
import { flag } from '../options.ts';
import { SPEC_OR_FOLDER, specOptions, takesSpec } from '../spec-options.ts';
import { table } from '../table.ts';
import { inOrder, weightsTable } from '../weights-table.ts';

/** What runs while a model is trained. */
const PURPOSES = ['train', 'evaluate', 'probes'] as const;

export const params: CliCommand = {
  configure: (command) => takesSpec(command, SPEC_OR_FOLDER),
  run: async ([path = ''], options, terminal) => {
    const model = openModel(path, { ...specOptions(options), purposes: PURPOSES, device: ANY_DEVICE }, terminal);
    const size = modelSize(model.plan, model.train);
    terminal.print(flag(options, 'json') ? JSON.stringify(paramsJson(model, size)) : paramsText(model, size));
    return EXIT.ok;
  },
};

function paramsJson({ plan }: Model, { parameters, trained, memory, flopsPerToken }: ModelSize) {
  return {
    format_version: 1,
    model: plan.model,
    weights: inOrder(plan.weights).map((w) => ({
      name: w.name,
      shape: w.shape,
      axes: w.axes,
      count: countOf(w),
      bytes: 4 * countOf(w),
      init: w.init,
      decay: w.decay,
      lr: w.lr,
      eps: w.eps,
      ...(w.clip === undefined ? {} : { clip: w.clip }),
      freeze: w.freeze,
    })),
    totals: {
      parameters,
      trained,
      planned_bytes: memory.planned,
      memory: {
        weights: memory.weights,
        gradients: memory.gradients,
        moments: memory.moments,
        activations: memory.activations,
        library: memory.library,
        other: memory.other,
      },
      forward_flops_per_token: flopsPerToken.forward,
      flops_per_token: flopsPerToken.training,
    },
  };
}

function paramsText({ plan }: Model, { parameters, trained, memory, flopsPerToken }: ModelSize): string {
  const frozen = trained === parameters ? '' : `, ${trained.toLocaleString('en')} of them trained`;
  const { forward, training } = flopsPerToken;
  const uses = [
    ['weights', memory.weights],
    ['gradients', memory.gradients],
    ['moments', memory.moments],
    ['activations', memory.activations],
    ...(memory.library === 0 ? [] : [['workspace of cuBLASLt', memory.library] as const]),
    ['other', memory.other],
  ] as const;
  return [
    weightsTable(plan.weights),
    '',
    `${parameters.toLocaleString('en')} parameters${frozen}`,
    `${readableBytes(memory.planned)} of device memory to train`,
    table(
      uses.map(([name, bytes]) => [`  ${name}`, readableBytes(bytes)]),
      'lr',
    ),
    ...(forward === undefined ? [] : [`${readableCount(forward)}FLOP for each token forward`]),
    ...(training === undefined ? [] : [`${readableCount(training)}FLOP for each token of a training step`]),
  ].join('\n');
}

function readableCount(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** power).toPrecision(3)} ${units[power]}`;
}
