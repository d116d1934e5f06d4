import { explanations } from '../../compiler/diagnostics/catalog.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import type { Example } from '../../compiler/diagnostics/example.ts';
import { didYouMean } from '../../compiler/support/did-you-mean.ts';
import type { CliCommand } from '../command.ts';
import { flag } from '../options.ts';
import { wrap } from '../wrap.ts';

export const explain: CliCommand = {
  configure: (command) =>
    command.argument('[code]', 'code of a diagnostic, as it stands in brackets').option('--json', 'as JSON'),
  run: async ([code], options, terminal) => {
    const all = explanations();
    const wanted = code === undefined ? all : all.filter((e) => e.code === code);
    if (code !== undefined && wanted.length === 0) {
      throw cliFailure('unknown-code', {
        code,
        near: didYouMean(
          code,
          all.map((e) => e.code),
        ),
      });
    }
    if (flag(options, 'json')) terminal.print(JSON.stringify({ format_version: 1, explanations: wanted }));
    else if (code === undefined) for (const e of all) terminal.print(e.code);
    else {
      for (const { severity, code: name, explain: words, example } of wanted)
        terminal.print(`${severity} ${name}\n\n${wrap(words, 100)}\n\n${shownExample(example)}`);
    }
    return EXIT.ok;
  },
};

function shownExample(example: Example): string {
  if (example.kind === 'situation') return wrap(`For example: ${example.words}`, 100);
  const indented = (text: string): string => text.trimEnd().replaceAll(/^(?=.)/gm, '    ');
  const of = (text: string): string =>
    example.kind === 'spec' ? indented(text) : indented(`${example.option} '${text}'`);
  return `  wrong\n${of(example.bad)}\n\n  right\n${of(example.good)}`;
}
