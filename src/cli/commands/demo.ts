import { join } from 'node:path';
import type { Device } from '../../backends/device.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT, type ExitCode } from '../../compiler/diagnostics/diagnostic.ts';
import { readableBytes } from '../../compiler/diagnostics/memory.ts';
import { nodeFiles, replaceFile } from '../../runtime/files.ts';
import { packageFolder } from '../../runtime/package-folder.ts';
import { listenForStop, STOP_EXIT, type StopRequest } from '../../runtime/stop-request.ts';
import type { CliCommand } from '../command.ts';
import { type Budget, budgetOf } from '../demo/budget.ts';
import { measureSteps } from '../demo/measure.ts';
import { type FinishedRun, trainScheme } from '../demo/train-scheme.ts';
import { takesDevice, withDevice } from '../device-options.ts';
import { knownTiles } from '../known-tiles.ts';
import { type Model, openModel, TRAIN_PURPOSES, trainBlock } from '../open-model.ts';
import { type Options, text } from '../options.ts';
import { duration } from '../progress.ts';
import { type ReportRun, renderReport } from '../report.ts';
import { defaultRunPath } from '../run-path.ts';
import { SHORT_RUN_NOTE } from '../run-report.ts';
import { table } from '../table.ts';
import { harmless, type Terminal } from '../terminal.ts';

const SCHEMES = ['PreNorm', 'LNS'] as const;
/** Batches to try, the largest first, until the least number of steps fits into the time. */
const BATCHES = [8, 4, 2, 1] as const;

export const demo: CliCommand = {
  configure: (command) => takesDevice(command).option('--out <folder>', 'where the runs go (default: runs/demo)'),
  run: (_, options, terminal) => {
    const stop = listenForStop();
    return withDevice(options, terminal, (device) => runDemo(device, options, stop, terminal)).finally(stop.dispose);
  },
};

async function runDemo(device: Device, options: Options, stop: StopRequest, terminal: Terminal): Promise<ExitCode> {
  const began = performance.now();
  const spec = join(packageFolder(), 'examples', 'demo.tfm');
  const folder = text(options, 'out') ?? defaultRunPath('demo', false);
  const tiles = knownTiles(device, terminal);
  const compileWith = (settings: readonly string[]): Model =>
    openModel(
      spec,
      { entry: undefined, set: settings, format: 'text', purposes: TRAIN_PURPOSES, device, tiles },
      terminal,
    );
  terminal.tell(`Compiling a LLaMA of 12 blocks for ${device.info.name} ...`);
  const size = await chooseSize(device, spec, compileWith, stop, terminal);
  const runs: FinishedRun[] = [];
  for (const scheme of SCHEMES) {
    if (stop.signal()) break;
    if (!size) break;
    const { batch, budget } = size;
    const model = compileWith([`scheme=${scheme}`, `train.batch=${batch}`, ...settingsOf(budget)]);
    const config = trainBlock(model.train, 'demo', spec);
    const run = { scheme, model, config, folder, sampled: budget.sampled };
    runs.push(await trainScheme(device, run, stop, terminal));
  }
  const signal = stop.signal();
  if (signal) {
    terminal.tell(`stopped; what was trained is in ${folder}`);
    return STOP_EXIT[signal];
  }
  const reports = runs.map((r) => r.report);
  printResults(reports, terminal);
  const path = join(folder, 'report.html');
  const title = 'PreNorm and LNS, a demonstration';
  replaceFile(nodeFiles, path, renderReport({ title, notes: [SHORT_RUN_NOTE], runs: reports }));
  terminal.print(`\n${SHORT_RUN_NOTE}`);
  terminal.print(`${path} shows the curves. All of it took ${duration((performance.now() - began) / 1000)}.`);
  return EXIT.ok;
}

interface Size {
  readonly batch: number;
  readonly budget: Budget;
}

function settingsOf({ steps, every, evalTokens }: Budget): readonly string[] {
  return [`steps=${steps}`, `eval_every=${every}`, `probe_every=${every}`, `eval_tokens=${evalTokens}`].map(
    (setting) => `train.${setting}`,
  );
}

/** The largest batch for which enough steps fit into the time, and what fits; undefined when asked to stop. */
async function chooseSize(
  device: Device,
  spec: string,
  compileWith: (settings: readonly string[]) => Model,
  stop: StopRequest,
  terminal: Terminal,
): Promise<Size | undefined> {
  for (const batch of BATCHES) {
    const model = compileWith([`train.batch=${batch}`]);
    const { plan } = model;
    const numbers = plan.weights.reduce((n, w) => n + w.shape.reduce((a, b) => a * b, 1), 0);
    terminal.tell(
      `${numbers.toLocaleString('en')} parameters, ${plan.kernels.length} kernels, ` +
        `${readableBytes(plan.memory.plannedBytes)} planned. Measuring a few steps of ${batch} sequences ...`,
    );
    const config = trainBlock(model.train, 'demo', spec);
    const measured = await measureSteps(device, model, config);
    if (stop.signal()) return undefined;
    const budget = budgetOf(measured, { batch, time: config.sizes.time ?? 1, evalTokens: config.evalTokens ?? 0 });
    if (budget) {
      terminal.tell(`A step takes ${measured.step.toFixed(3)} s: ${budget.steps} steps for each scheme.`);
      return { batch, budget };
    }
    terminal.tell(`A step takes ${measured.step.toFixed(1)} s, which is too slow.`);
  }
  throw cliFailure('too-slow', { adapter: device.info.name });
}

/** The probes of both side by side, the numbers, and the texts. */
function printResults(runs: readonly ReportRun[], terminal: Terminal): void {
  const names = runs.map((r) => r.name);
  const variance = runs.map((r) => r.probes.variance ?? []);
  const depth = Math.max(0, ...variance.map((v) => v.length));
  terminal.print('\nVariance of the residual stream after each block, on the last batch\n');
  const rows = Array.from({ length: depth }, (_, b) => [
    String(b + 1),
    ...variance.map((v) => v[b]?.toPrecision(4) ?? ''),
  ]);
  terminal.print(table([['block', ...names], ...rows], 'rrr'));
  const facts = runs[0]?.facts.map(([name]) => name) ?? [];
  terminal.print('');
  terminal.print(
    table(
      [['', ...names], ...facts.map((n) => [n, ...runs.map((r) => r.facts.find(([name]) => name === n)?.[1] ?? '')])],
      'lrr',
    ),
  );
  for (const run of runs) terminal.print(`\n${run.name} writes:\n${harmless(run.sample ?? '')}`);
}
