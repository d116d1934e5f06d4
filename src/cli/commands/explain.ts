import { explanations } from '../../compiler/diagnostics/catalog.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { didYouMean } from '../../compiler/support/did-you-mean.ts';
import type { CliCommand } from '../command.ts';
import { flag } from '../options.ts';
import { wrap } from '../wrap.ts';

export const explain: CliCommand = {
  name: 'explain',
  summary: 'say at length what a diagnostic means; without a code, list all codes',
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
    else for (const e of wanted) terminal.print(`${e.severity} ${e.code}\n\n${wrap(e.explain, 100)}`);
    return EXIT.ok;
  },
};
