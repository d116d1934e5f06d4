import { basename, resolve } from 'node:path';
import { Option } from 'commander';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { nodeFiles } from '../../runtime/files.ts';
import type { CliCommand } from '../command.ts';
import { projectFiles, TEMPLATES } from '../new/templates.ts';
import { writeProject } from '../new/write-project.ts';
import { flag, givenText } from '../options.ts';
import { table } from '../table.ts';

export const makeNew: CliCommand = {
  configure: (command) =>
    command
      .argument('[name]', 'the folder to make')
      .addOption(
        new Option('--template <name>', 'what it begins with')
          .choices(TEMPLATES.map(({ name }) => name))
          .default(TEMPLATES[0].name),
      )
      .option('--list', 'list the templates')
      .option('--json', 'print the result as JSON'),
  run: async ([folder], options, terminal) => {
    const json = flag(options, 'json');
    if (flag(options, 'list')) {
      if (json) terminal.print(JSON.stringify({ format_version: 1, templates: TEMPLATES }));
      else
        terminal.print(
          table(
            TEMPLATES.map(({ name, summary }) => [name, summary]),
            'll',
          ),
        );
      return EXIT.ok;
    }
    if (folder === undefined || folder.trim() === '') throw cliFailure('folder-unnamed', {});
    const template = givenText(options, 'template');
    const files = projectFiles(template, basename(resolve(folder)));
    writeProject(nodeFiles, folder, files);
    if (json) terminal.print(JSON.stringify({ format_version: 1, folder, template, files: [...files.keys()] }));
    else {
      terminal.print(`${folder}: ${[...files.keys()].join(', ')}`);
      terminal.tell(`begin with: cd ${folder} && tfm train model.tfm --out runs/first`);
    }
    return EXIT.ok;
  },
};
