import { Option } from 'commander';
import { ptxOf } from '../../backends/cuda/ptx.ts';
import { PTX_FILE } from '../../backends/cuda/ptx-file.ts';
import { TARGET_NAMES, type TargetName } from '../../backends/targets.ts';
import type { Compiled } from '../../compiler/compile-request.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { didYouMean } from '../../compiler/support/did-you-mean.ts';
import { present } from '../../compiler/support/invariant.ts';
import { writeCompiledFolder } from '../../runtime/compiled-folder.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { isFolder } from '../../runtime/read-spec.ts';
import { emitTrainer } from '../../trainer/emit-trainer.ts';
import type { CliCommand } from '../command.ts';
import { compileSummary, summaryText } from '../compile-summary.ts';
import { takesDevice } from '../device-options.ts';
import { explainRegions } from '../explain-regions.ts';
import { type CompiledSpec, compileSpec, TRAIN_PURPOSES } from '../open-model.ts';
import { flag, givenText, type Options, repeatable, text, texts } from '../options.ts';
import { planTarget } from '../plan-target.ts';
import { SPEC, specOptions, takesSpec } from '../spec-options.ts';
import type { Terminal } from '../terminal.ts';

export const compile: CliCommand = {
  configure: (command) =>
    takesDevice(takesSpec(command, SPEC))
      .addOption(new Option('--target <name>', 'language of the kernels').choices(TARGET_NAMES).default('wgsl'))
      .option('--out <folder>', 'where to write kernels/, plan.json, config.json and trainer.ts')
      .option(
        '--ptx',
        'also write PTX of CUDA kernels, for machines with no more than the driver; takes NVRTC or nvcc here',
      )
      .option('--explain', 'say what each kernel fused, and why its neighbours are not in it')
      .addOption(repeatable('--dump <pass>', 'print what a pass of the compiler made; may be repeated'))
      .option('--no-fuse', 'give every operation a kernel of its own'),
  run: async ([path = ''], options, terminal) => {
    if (isFolder(path)) throw cliFailure('needs-spec', { command: 'compile', path });
    const ptx = flag(options, 'ptx');
    if (ptx && (targetOf(options) !== 'cuda' || text(options, 'out') === undefined))
      throw cliFailure('ptx-unwanted', {});
    const device = await planTarget(targetOf(options), options, terminal);
    const dump = texts(options, 'dump');
    const fuse = options.fuse !== false;
    const { tiles } = device;
    const wanted = { ...specOptions(options), device, tiles, purposes: TRAIN_PURPOSES, fuse, dump };
    const made = compileSpec(path, wanted, terminal);
    const { compiled } = made;
    const out = text(options, 'out');
    if (out !== undefined) await writeOut(out, made, ptx);
    if (flag(options, 'json')) {
      terminal.print(JSON.stringify(compileSummary(compiled, out)));
      return EXIT.ok;
    }
    if (dump.length > 0) printDumps(dump, made, terminal);
    else if (flag(options, 'explain')) terminal.print(explainRegions(compiled.fused));
    else terminal.print(summaryText(compiled));
    if (out !== undefined)
      terminal.tell(`written to ${out}; train it with: tfm train ${out}${FOR_DEVICE[device.target]}`);
    return EXIT.ok;
  },
};

function targetOf(options: Options): TargetName {
  const name = givenText(options, 'target');
  return present(
    TARGET_NAMES.find((target) => target === name),
    `target ${name}`,
  );
}

/** How a command is told to run kernels of a language. */
const FOR_DEVICE: { readonly [N in TargetName]: string } = { wgsl: '', cuda: ' --device cuda' };

async function writeOut(out: string, { compiled, spec, dataFolder }: CompiledSpec, ptx: boolean): Promise<void> {
  const { plan, train } = compiled;
  const texts = ptx ? await withPtx(compiled) : compiled.texts;
  const trainer = train && (await emitTrainer(plan, train));
  writeCompiledFolder(nodeFiles, out, { plan, texts, train, dataFolder, spec, trainer });
}

async function withPtx({ plan, texts }: Compiled): Promise<Compiled['texts']> {
  const sources = plan.kernels.map(({ file, entryPoint }) => ({ file, text: texts[file] ?? '', entryPoint }));
  return { ...texts, [PTX_FILE]: await ptxOf(sources) };
}

/** Dumps of all programs whose pass was asked for, by `PROGRAM PASS`. */
function printDumps(wanted: readonly string[], { compiled }: CompiledSpec, terminal: Terminal): void {
  const passes = [...new Set([...compiled.times.keys()].map((name) => name.split(' ').at(-1) ?? name))];
  for (const pass of wanted) {
    const found = [...compiled.dumps].filter(([name]) => name === pass || name.split(' ').at(-1) === pass);
    if (found.length === 0) throw cliFailure('unknown-dump', { pass, passes, near: didYouMean(pass, passes) });
    for (const [name, dump] of found) terminal.print(`// ${name}\n${dump.trimEnd()}\n`);
  }
}
