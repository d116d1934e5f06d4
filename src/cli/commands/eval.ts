import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { openTrainingData } from '../../runtime/data/training-data.ts';
import { evaluate as evaluateLoss } from '../../runtime/evaluate.ts';
import { stepScalars } from '../../runtime/step-scalars.ts';
import type { CliCommand } from '../command.ts';
import { takesDevice } from '../device-options.ts';
import { loadGivenWeights, takesWeights } from '../given-weights.ts';
import { flag, number, whole } from '../options.ts';
import { withSession } from '../session.ts';
import { SPEC_OR_FOLDER, takesSpec } from '../spec-options.ts';

export const evaluate: CliCommand = {
  configure: (command) =>
    takesWeights(takesDevice(takesSpec(command, SPEC_OR_FOLDER))).option(
      '--tokens <count>',
      'evaluate on about this many tokens instead of all',
      whole(1),
    ),
  run: ([path = ''], options, terminal) =>
    withSession({ path, command: 'eval', purposes: ['evaluate', 'logits'] }, options, terminal, async (session) => {
      const { loaded, config, model } = session;
      const origin = loadGivenWeights(loaded, options, terminal);
      const { validation } = openTrainingData(config, model.dataFolder);
      if (!validation) throw dataFailure('validation-too-short', { tokens: 0, needs: 1 });
      const scalars = stepScalars(config, origin.step);
      const result = await evaluateLoss(loaded, validation, scalars, number(options, 'tokens'));
      if (flag(options, 'json')) {
        terminal.print(JSON.stringify({ format_version: 1, weights: origin.path, step: origin.step, ...result }));
        return EXIT.ok;
      }
      const rows: readonly (readonly [string, string])[] = [
        ['weights', origin.path],
        ['loss', result.loss.toFixed(6)],
        ['perplexity', result.perplexity.toFixed(4)],
        ...(result.bitsPerByte === undefined ? [] : [['bits per byte', result.bitsPerByte.toFixed(4)] as const]),
        ['tokens', result.tokens.toLocaleString('en')],
      ];
      for (const [name, value] of rows) terminal.print(`${name.padEnd(14)} ${value}`);
      return EXIT.ok;
    }),
};
