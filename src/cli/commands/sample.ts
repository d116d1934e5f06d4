import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { tokenizerOfData } from '../../runtime/data/open-tokenizer.ts';
import { sample as sampleText } from '../../runtime/sample.ts';
import type { CliCommand } from '../command.ts';
import { takesDevice } from '../device-options.ts';
import { loadGivenWeights, takesWeights } from '../given-weights.ts';
import { flag, givenNumber, givenText, number, real, whole } from '../options.ts';
import { withSession } from '../session.ts';
import { SPEC_OR_FOLDER, takesSpec } from '../spec-options.ts';
import { harmless } from '../terminal.ts';

export const sample: CliCommand = {
  configure: (command) =>
    takesWeights(takesDevice(takesSpec(command, SPEC_OR_FOLDER)))
      .option('--prompt <text>', 'the text to continue', '')
      .option('--tokens <count>', 'tokens to add', whole(1), 256)
      .option('--temperature <t>', 'divides the logits; 0 takes the likeliest token', real, 1)
      .option('--top-k <k>', 'draw from the k likeliest tokens', whole(1))
      .option('--top-p <p>', 'draw from the likeliest tokens that together have this probability', real)
      .option('--seed <n>', 'the same seed gives the same text', whole(0), 0),
  run: ([path = ''], options, terminal) =>
    withSession({ path, command: 'sample', purposes: ['decode'] }, options, terminal, async (session) => {
      const { loaded, config, model } = session;
      const tokenizer = tokenizerOfData(config.data, model.dataFolder, 'sampling');
      const origin = loadGivenWeights(loaded, options, terminal);
      const [prompt, seed] = [givenText(options, 'prompt'), givenNumber(options, 'seed')];
      const json = flag(options, 'json');
      let made = '';
      const settings = {
        prompt,
        seed,
        tokens: givenNumber(options, 'tokens'),
        temperature: givenNumber(options, 'temperature'),
        topK: number(options, 'topK'),
        topP: number(options, 'topP'),
        step: origin.step,
      };
      const write = (more: string): void => {
        if (json) made += more;
        else terminal.write(harmless(more));
      };
      // What there is to tell is told at once, so that it does not stand within the text.
      const sampled = sampleText(loaded, tokenizer, settings, write, terminal.tell);
      if (!json) terminal.write(prompt);
      const { decode, reason } = await sampled;
      const result = {
        format_version: 1,
        weights: origin.path,
        step: origin.step,
        prompt,
        seed,
        text: made,
        decode,
        reason,
      };
      terminal.print(json ? JSON.stringify(result) : '');
      return EXIT.ok;
    }),
};
