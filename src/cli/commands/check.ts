import { check as checkSpec } from '../../compiler/check.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { isFolder, readSpec } from '../../runtime/read-spec.ts';
import type { CliCommand } from '../command.ts';
import { flag } from '../options.ts';
import { showDiagnostics } from '../show-diagnostics.ts';
import { SPEC, specOptions, takesSpec } from '../spec-options.ts';

export const check: CliCommand = {
  configure: (command) => takesSpec(command, SPEC).option('--deny-warnings', 'exit with 1 when there are warnings'),
  run: async ([path = ''], options, terminal) => {
    if (isFolder(path)) throw cliFailure('needs-spec', { command: 'check', path });
    const { format, ...spec } = specOptions(options);
    const { warnings, notes } = checkSpec({ source: readSpec(path), ...spec });
    const exit = flag(options, 'denyWarnings') && warnings.length > 0 ? EXIT.input : EXIT.ok;
    showDiagnostics(warnings, format, terminal);
    if (format !== 'json') terminal.print([`${path}: no errors`, ...notes].join('\n'));
    return exit;
  },
};
