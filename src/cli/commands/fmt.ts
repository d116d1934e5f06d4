import { buffer } from 'node:stream/consumers';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT, type ExitCode } from '../../compiler/diagnostics/diagnostic.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { readSpec, sourceOfBytes } from '../../runtime/read-spec.ts';
import { specFiles } from '../../runtime/spec-files.ts';
import type { CliCommand } from '../command.ts';
import { type Formatted, formatSpec, isChanged, writeFormatted } from '../fmt/format-spec.ts';
import { showFormatted } from '../fmt/show-formatted.ts';
import { flag } from '../options.ts';

const STDIN = '-';

export const fmt: CliCommand = {
  configure: (command) =>
    command
      .argument('<path...>', 'files, folders whose .tfm files are meant, or - for stdin to stdout')
      .option('--check', 'write nothing; exit with 1 when a file has another form')
      .option('--diff', 'write nothing; print what would change')
      .option('--json', 'print the result as JSON'),
  run: async (paths, options, terminal) => {
    const [check = false, diff = false, json = false] = ['check', 'diff', 'json'].map((name) => flag(options, name));
    const stdin = paths.includes(STDIN);
    const found = stdin ? [await formatInput(paths)] : specFiles(paths).map((path) => formatSpec(path, readSpec));
    const dry = check || diff || stdin;
    const results = dry ? found : found.map((result) => writeFormatted(nodeFiles, result));
    await showFormatted(results, { json, diff, names: !stdin, texts: stdin && !check }, terminal);
    if (!stdin && !json) terminal.tell(summary(results, dry));
    return exitOf(results, check);
  },
};

async function formatInput(paths: readonly string[]): Promise<Formatted> {
  if (paths.length > 1) throw cliFailure('stdin-with-files', {});
  const bytes = await buffer(process.stdin);
  return formatSpec('<stdin>', (path) => sourceOfBytes(path, bytes));
}

function summary(results: readonly Formatted[], dry: boolean): string {
  const changed = results.filter(isChanged).length;
  const failed = results.filter(({ kind }) => kind === 'failed').length;
  const count = (n: number): string => `${n} file${n === 1 ? '' : 's'}`;
  const parts = [
    ...(changed > 0 ? [`${count(changed)} ${dry ? 'would change' : 'formatted'}`] : []),
    ...(failed > 0 ? [`${count(failed)} left as ${failed === 1 ? 'it is' : 'they are'}`] : []),
    `${count(results.length - changed - failed)} unchanged`,
  ];
  return parts.join(', ');
}

function exitOf(results: readonly Formatted[], check: boolean): ExitCode {
  const [failed] = results.flatMap((one) => (one.kind === 'failed' ? [one.failure.exitCode] : []));
  return failed ?? (check && results.some(isChanged) ? EXIT.input : EXIT.ok);
}
