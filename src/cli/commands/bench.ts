import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { type Attainable, measureAttainable } from '../../runtime/profile/attainable.ts';
import { type KernelCost, profileStep, type StepProfile } from '../../runtime/profile/profile-step.ts';
import type { CliCommand } from '../command.ts';
import { takesDevice, withDevice } from '../device-options.ts';
import { knownTiles } from '../known-tiles.ts';
import { openModel, trainBlock } from '../open-model.ts';
import { flag, givenNumber, whole } from '../options.ts';
import { SPEC_OR_FOLDER, specOptions, takesSpec } from '../spec-options.ts';
import { table } from '../table.ts';

export const bench: CliCommand = {
  configure: (command) =>
    takesDevice(takesSpec(command, SPEC_OR_FOLDER)).option('--rounds <n>', 'measurements of each kernel', whole(1), 5),
  run: ([path = ''], options, terminal) =>
    withDevice(options, terminal, async (device) => {
      const request = {
        ...specOptions(options),
        purposes: ['train'] as const,
        device,
        tiles: knownTiles(device, terminal),
      };
      const model = openModel(path, request, terminal);
      const config = trainBlock(model.train, 'bench', path);
      const rounds = givenNumber(options, 'rounds');
      const { plan, texts } = model;
      const profile = await profileStep({ device, plan, texts, config, rounds });
      const attainable = await measureAttainable(device, rounds);
      if (flag(options, 'json')) terminal.print(JSON.stringify(benchJson(device.info.name, profile, attainable)));
      else terminal.print(benchText(device.info.name, profile, attainable));
      return EXIT.ok;
    }),
};

/** The least time that a kernel can take, in ms. */
function leastMs(
  { bytes, flops }: Pick<KernelCost, 'bytes' | 'flops'>,
  { bytesPerSecond, flopsPerSecond }: Attainable,
): number {
  return 1000 * Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
}

function benchJson(device: string, { stepMs, kernels }: StepProfile, attainable: Attainable) {
  const costs = (library: boolean) =>
    kernels
      .filter((cost) => cost.library === library)
      .map(({ library: _, ...cost }) => ({ ...cost, least_ms: leastMs(cost, attainable) }));
  return {
    format_version: 1,
    device,
    step_ms: stepMs,
    attainable: { bytes_per_second: attainable.bytesPerSecond, flops_per_second: attainable.flopsPerSecond },
    kernels: costs(false),
    matmuls: costs(true),
  };
}

const HEAD = ['kernel', 'launches', 'ms', 'share', 'MB', 'GB/s', 'MFLOP', 'GFLOP/s', 'of attainable'];

function benchText(device: string, { stepMs, kernels }: StepProfile, attainable: Attainable): string {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const row = (cost: KernelCost): readonly string[] => [
    cost.kernel,
    String(cost.launches),
    cost.ms.toFixed(2),
    percent(cost.ms / total),
    (cost.bytes / 1e6).toFixed(2),
    (cost.bytes / cost.ms / 1e6).toFixed(1),
    (cost.flops / 1e6).toFixed(1),
    (cost.flops / cost.ms / 1e6).toFixed(1),
    percent(leastMs(cost, attainable) / cost.ms),
  ];
  const [ours, theirs] = [false, true].map((library) => kernels.filter((cost) => cost.library === library).map(row));
  const { bytesPerSecond, flopsPerSecond } = attainable;
  const sum = kernels.reduce((a, { launches }) => a + launches, 0);
  return [
    table([HEAD, ...(ours ?? [])], 'lrrrrrrrr'),
    ...(theirs && theirs.length > 0
      ? ['', table([['product of cuBLASLt', ...HEAD.slice(1)], ...theirs], 'lrrrrrrrr')]
      : []),
    '',
    `${sum} launches take ${total.toFixed(1)} ms one by one; a step takes ${stepMs.toFixed(1)} ms on ${device}`,
    `attainable: ${(bytesPerSecond / 1e9).toFixed(1)} GB/s in a copy, ${(flopsPerSecond / 1e9).toFixed(1)} GFLOP/s in multiply-adds`,
  ].join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
