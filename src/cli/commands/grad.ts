import { Option } from 'commander';
import { DEVICE_NAMES } from '../../backends/open-device.ts';
import { ANY_DEVICE } from '../../backends/wgsl/default-limits.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import { referenceGraph } from '../../compiler/reference-graph.ts';
import { present } from '../../compiler/support/invariant.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { computeGradients } from '../../runtime/grad.ts';
import { programOf } from '../../runtime/plan-io.ts';
import { checkBatch, type FileBatch, readBatch } from '../../runtime/read-batch.ts';
import { isFolder } from '../../runtime/read-spec.ts';
import { referenceGradients } from '../../runtime/reference-grad.ts';
import { batchShape, vocabularyOf } from '../../runtime/run-step.ts';
import type { TensorFile } from '../../runtime/safetensors.ts';
import { numbersOf } from '../../runtime/tensor-values.ts';
import { readTensorFile } from '../../runtime/weights-file.ts';
import { writeTensorFile } from '../../runtime/write-tensor-file.ts';
import type { CliCommand } from '../command.ts';
import { ADAPTER_HELP, DEVICE_HELP, withDevice } from '../device-options.ts';
import { givenNames, takesWeights } from '../given-weights.ts';
import { knownTiles } from '../known-tiles.ts';
import { takesLibrary } from '../library-options.ts';
import { type CompileOptions, compileSpec, TRAIN_PURPOSES, trainBlock } from '../open-model.ts';
import { flag, givenNumber, givenText, type Options, whole } from '../options.ts';
import { SPEC, specOptions, takesSpec } from '../spec-options.ts';
import type { Terminal } from '../terminal.ts';

export const grad: CliCommand = {
  configure: (command) =>
    takesLibrary(takesWeights(takesSpec(command, SPEC)))
      .requiredOption('--batch <path>', 'safetensors file with tokens and targets, I32 [batch, time]')
      .requiredOption('--out <path>', 'safetensors file to write: loss, logits, grad.NAME, grad_norm, losses')
      .option('--steps <n>', 'also the losses after 1 … n steps of the optimizer on the batch', whole(0), 0)
      .addOption(
        new Option('--device <name>', `${DEVICE_HELP}, or the float64 interpreter`)
          .choices([...DEVICE_NAMES, 'reference'])
          .default('wgsl'),
      )
      .option('--adapter <name>', ADAPTER_HELP),
  run: async ([path = ''], options, terminal) => {
    if (isFolder(path)) throw cliFailure('needs-spec', { command: 'grad', path });
    const job = gradJob(path, options);
    const reference = options.device === 'reference';
    const file = reference ? onReference(job, terminal) : await onDevice(job, options, terminal);
    const out = givenText(options, 'out');
    writeTensorFile(nodeFiles, out, file);
    if (flag(options, 'json')) terminal.print(JSON.stringify(summaryOf(file, out, job, givenText(options, 'device'))));
    else tell(file, out, terminal);
    return EXIT.ok;
  },
};

interface GradFiles {
  readonly path: string;
  readonly compile: Omit<CompileOptions, 'device'>;
  readonly weights: TensorFile;
  readonly weightsPath: string;
  readonly batch: FileBatch;
  readonly batchPath: string;
  readonly names: ReadonlyMap<string, string>;
  readonly steps: number;
}

/** What the options name. The sizes of the batch file win over those of the train block. */
function gradJob(path: string, options: Options): GradFiles {
  const [weightsPath, batchPath] = [givenText(options, 'weights'), givenText(options, 'batch')];
  const batch = readBatch(batchPath);
  const { set, ...spec } = specOptions(options);
  const sizes = [`train.batch=${batch.rows}`, `train.time=${batch.time}`];
  return {
    path,
    compile: { ...spec, set: [...sizes, ...set], purposes: TRAIN_PURPOSES },
    weights: readTensorFile(weightsPath),
    weightsPath,
    batch,
    batchPath,
    names: givenNames(options) ?? new Map(),
    steps: givenNumber(options, 'steps'),
  };
}

/** The kernels and the memory plan of `tfm train`. */
function onDevice(job: GradFiles, options: Options, terminal: Terminal): Promise<TensorFile> {
  return withDevice(options, terminal, async (device) => {
    const { compiled } = compileSpec(
      job.path,
      { ...job.compile, device, tiles: knownTiles(device, terminal) },
      terminal,
    );
    const config = trainBlock(compiled.train, 'grad', job.path);
    checkBatch(job.batch, job.batchPath, sizesOf(compiled.plan));
    const loaded = await device.load(compiled.plan, compiled.texts);
    try {
      return await computeGradients({ ...job, loaded, lost: device.lost, config });
    } finally {
      loaded.release();
    }
  });
}

/** The unfused graph in float64, of the whole batch at once: how it is cut into micro-batches must not matter. */
function onReference(job: GradFiles, terminal: Terminal): TensorFile {
  const set = [...job.compile.set, `train.micro=${job.batch.rows}`];
  const { compiled } = compileSpec(job.path, { ...job.compile, set, device: ANY_DEVICE }, terminal);
  const config = trainBlock(compiled.train, 'grad', job.path);
  checkBatch(job.batch, job.batchPath, sizesOf(compiled.plan));
  const micro = referenceGraph(present(compiled.graphs.micro, 'the graph of a micro-batch'));
  const { logits, after } = compiled.graphs;
  return referenceGradients({ ...job, config, micro, logits, after });
}

/** What the batch must be, after all settings. */
function sizesOf(plan: Plan) {
  const { rows, time } = batchShape(programOf(plan, 'micro'));
  return { rows: rows * plan.accumulation, time, vocab: vocabularyOf(plan.programs) };
}

function summaryOf(file: TensorFile, out: string, { steps, batch }: GradFiles, device: string) {
  const kernels: unknown = JSON.parse(file.metadata.kernels ?? '{}');
  return {
    format_version: 1,
    out,
    device,
    batch: batch.rows,
    time: batch.time,
    steps,
    loss: valuesOf(file, 'loss')[0],
    grad_norm: valuesOf(file, 'grad_norm')[0],
    losses: valuesOf(file, 'losses'),
    tensors: [...file.tensors.keys()],
    kernels,
  };
}

function tell(file: TensorFile, out: string, terminal: Terminal): void {
  terminal.print(`loss       ${valuesOf(file, 'loss')[0]}`);
  terminal.print(`grad_norm  ${valuesOf(file, 'grad_norm')[0]}`);
  for (const [k, loss] of valuesOf(file, 'losses').entries()) terminal.print(`loss after step ${k + 1}: ${loss}`);
  terminal.print(`${file.tensors.size} tensors written to ${out}`);
  if (file.metadata.kernels === undefined) return;
  const kernels: unknown = JSON.parse(file.metadata.kernels);
  for (const [name, hash] of Object.entries(kernels ?? {})) terminal.print(`kernel ${name} ${hash}`);
}

function valuesOf(file: TensorFile, name: string): readonly number[] {
  const tensor = file.tensors.get(name);
  return tensor ? [...numbersOf(tensor)] : [];
}
