import type { Device } from '../../backends/device.ts';
import { describePrecision } from '../../compiler/describe-precision.ts';
import { EXIT, type ExitCode } from '../../compiler/diagnostics/diagnostic.ts';
import { readableBytes } from '../../compiler/diagnostics/memory.ts';
import { workspaceBytes } from '../../compiler/ir/plan-totals.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { loadWeights } from '../../runtime/load-weights.ts';
import { isFolder } from '../../runtime/read-spec.ts';
import { recordedLibrary } from '../../runtime/run-folder.ts';
import { listenForStop, STOP_EXIT } from '../../runtime/stop-request.ts';
import type { TrainResult } from '../../runtime/train.ts';
import { trainOnDevice } from '../../runtime/train-on-device.ts';
import type { CliCommand } from '../command.ts';
import { takesDevice, withDevice } from '../device-options.ts';
import { givenNames } from '../given-weights.ts';
import { trainingTiles } from '../known-tiles.ts';
import { type Model, openModel, TRAIN_PURPOSES, trainBlock } from '../open-model.ts';
import { flag, type Options, text } from '../options.ts';
import { duration, showProgress } from '../progress.ts';
import { defaultRunPath } from '../run-path.ts';
import { writeRunReport } from '../run-report.ts';
import { SPEC_OR_FOLDER, specOptions, takesSpec } from '../spec-options.ts';
import type { Terminal } from '../terminal.ts';

export const train: CliCommand = {
  configure: (command) =>
    takesDevice(takesSpec(command, SPEC_OR_FOLDER))
      .option('--out <folder>', 'folder of the run (default: runs/NAME)')
      .option('--resume', 'go on with the run in the folder; the weights become what they would have been')
      .option('--init <path>', 'begin with the weights of a run, a checkpoint or a safetensors file')
      .option('--names <map>', 'JSON file that maps names of the spec to names in the file of --init')
      .option('--quiet', 'no progress'),
  run: ([path = ''], options, terminal) => {
    const stop = listenForStop();
    return withDevice(options, terminal, async (device): Promise<ExitCode> => {
      const resume = flag(options, 'resume');
      const out = text(options, 'out') ?? defaultRunPath(path, resume);
      const spec = specOptions(options);
      // A run goes on as it began; what is given in words is compared with that.
      const library = spec.library ?? (resume && !isFolder(path) ? recordedLibrary(nodeFiles, out) : undefined);
      const tiles = trainingTiles(device, { out, resume }, terminal);
      const model = openModel(path, { ...spec, library, purposes: TRAIN_PURPOSES, device, tiles }, terminal);
      const config = trainBlock(model.train, 'train', path);
      const quiet = flag(options, 'quiet');
      if (!quiet) announce(model, device, out, terminal);
      const { plan } = model;
      const bytes = plan.memory.plannedBytes;
      const progress = showProgress(terminal, { label: plan.model, bytes, logEvery: config.logEvery, quiet });
      const began = performance.now();
      const run = { device, model, config, out, resume, init: initOf(options), observe: progress.observe, stop };
      const result = await trainOnDevice(run).finally(progress.stop);
      const seconds = (performance.now() - began) / 1000;
      const facts = [
        ['device', device.info.name],
        ['steps', `${result.step} of ${config.steps}`],
        ['time', duration(seconds)],
      ] as const;
      const report = writeRunReport(nodeFiles, out, { name: plan.model, sample: undefined, facts });
      if (flag(options, 'json'))
        terminal.print(JSON.stringify({ format_version: 1, run: out, report, seconds, ...result }));
      else tellResult(result, config.steps, out, terminal);
      return result.stopped ? STOP_EXIT[result.stopped] : EXIT.ok;
    }).finally(stop.dispose);
  },
};

/** What the run takes, before anything is allocated. */
function announce({ plan, train: config }: Model, { info, limits }: Device, out: string, terminal: Terminal): void {
  const { plannedBytes, liveBytes } = plan.memory;
  const workspace = workspaceBytes(plan);
  const forLibrary = workspace === 0 ? '' : `; ${workspace} of both for cuBLASLt to work in`;
  const numbers = plan.weights.reduce((n, w) => n + w.shape.reduce((a, b) => a * b, 1), 0);
  terminal.tell(
    `${plan.model} on ${info.name}: ${numbers.toLocaleString('en')} parameters, ${plan.kernels.length} kernels, ${ofLibrary(plan)}` +
      `memory ${readableBytes(plannedBytes)} planned (${plannedBytes} bytes; at most ${liveBytes} live at once${forLibrary})`,
  );
  for (const note of describePrecision(config?.precision ?? 'f32', limits)) terminal.tell(note);
  terminal.tell(`run folder: ${out}`);
}

/** How much a library computes in the place of kernels. */
function ofLibrary({ library, matmuls }: Model['plan']): string {
  return library === undefined ? '' : `${matmuls.length} products of matrices by cuBLASLt, `;
}

function initOf(options: Options) {
  const path = text(options, 'init');
  if (path === undefined) return undefined;
  const names = givenNames(options);
  return (loaded: Parameters<typeof loadWeights>[0]) => void loadWeights(loaded, nodeFiles, path, names);
}

function tellResult(
  { step, loss, validation, stopped }: TrainResult,
  steps: number,
  out: string,
  terminal: Terminal,
): void {
  const numbers = [
    loss === undefined ? '' : `, loss ${loss.toFixed(4)}`,
    validation ? `, validation loss ${validation.loss.toFixed(4)}` : '',
  ].join('');
  terminal.print(
    stopped
      ? `stopped after step ${step} of ${steps}${numbers}; go on with --resume --out ${out}`
      : `trained ${step} steps${numbers}; ${out}/report.html shows the run`,
  );
}
