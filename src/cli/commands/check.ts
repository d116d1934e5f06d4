import { checkSource } from '../../compiler/compile.ts';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { diagnosticsJson, renderDiagnostics } from '../../compiler/diagnostics/render.ts';
import { isFolder, readSpec } from '../../runtime/read-spec.ts';
import type { CliCommand } from '../command.ts';
import { flag } from '../options.ts';
import { SPEC, specOptions, takesSpec } from '../spec-options.ts';

export const check: CliCommand = {
  name: 'check',
  summary: 'find what is wrong with a spec, without compiling it to kernels',
  configure: (command) => takesSpec(command, SPEC),
  run: async ([path = ''], options, terminal) => {
    if (isFolder(path)) throw cliFailure('needs-spec', { command: 'check', path });
    const found = checkSource({ source: readSpec(path), ...specOptions(options) });
    const errors = found.filter((d) => d.severity === 'error').length;
    if (flag(options, 'json')) terminal.print(JSON.stringify(diagnosticsJson(found)));
    else {
      if (found.length > 0) terminal.tell(renderDiagnostics(found, { color: terminal.color }).trimEnd());
      if (errors === 0) terminal.print(`${path}: no errors`);
    }
    return errors > 0 ? EXIT.input : EXIT.ok;
  },
};
