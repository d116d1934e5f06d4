import type { CliCommand } from './command.ts';
import { check } from './commands/check.ts';
import { compile } from './commands/compile.ts';
import { demo } from './commands/demo.ts';
import { doctor } from './commands/doctor.ts';
import { evaluate } from './commands/eval.ts';
import { explain } from './commands/explain.ts';
import { grad } from './commands/grad.ts';
import { lsp } from './commands/lsp.ts';
import { params } from './commands/params.ts';
import { sample } from './commands/sample.ts';
import { train } from './commands/train.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CliCommand[] = [
  check,
  compile,
  train,
  evaluate,
  sample,
  params,
  grad,
  doctor,
  explain,
  lsp,
  demo,
];
