/** What can be wrong with weights, their attributes and the rules for them. */
import { entry } from './entry.ts';
import { replaceWith } from './fixes.ts';
import { didYouMean } from './language-values.ts';

export const WEIGHTS = {
  'weight-two-shapes': entry<{ name: string; before: string; now: string }>({
    severity: 'error',
    message: (p) =>
      `the weight \`${p.name}\` is shared by two uses but is ${p.before} in one and ${p.now} in the other`,
    help: () => 'make an instance for each use',
    explain:
      'An instance that is applied twice has one set of weights, so its weights must have the same axes in both.',
  }),
  'weight-name-clash': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `two weights would be called \`${p.name}\``,
    help: () => 'bind one of them to a name, as in `norm2 = RMSNorm()`',
    explain:
      'Weights are named by the bindings, record keys and loops around them. Names must differ, since checkpoints go by them.',
  }),
  'training-changes-weights': entry<{ name: string; when: 'training' | 'inference' }>({
    severity: 'error',
    message: (p) => `the weight \`${p.name}\` exists only in ${p.when}`,
    help: () => 'declare it outside of the `if training`',
    explain: 'A checkpoint that training writes is what sampling and evaluation read, so both have the same weights.',
  }),
  'training-changes-loops': entry<{ name: string; when: 'training' | 'inference' }>({
    severity: 'error',
    message: (p) => `the loop over the layers of \`${p.name}\` is cut at other places in training than in inference`,
    help: () => 'let what depends on the layer be a number, such as a probability of 0, in place of an `if`',
    explain:
      'The weights of a loop lie next to each other, in the same way for training and inference. A condition on both the ' +
      'layer and `training` gives the layers different bodies in one of them only.',
  }),
  'no-fans': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`xavier` needs a weight with an arrow',
    help: () => 'write the axes as `[from -> to]`, or use `normal(std)`',
    explain: 'The arrow tells which axes a weight maps from and to, whose sizes are `fan_in` and `fan_out`.',
  }),
  'unknown-attribute': entry<{ name: string; suggestion: string | undefined; known: readonly string[] }>({
    severity: 'error',
    message: (p) => `weights have no attribute \`${p.name}\``,
    help: (p) => didYouMean(p.suggestion, p.known),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      'Attributes are init, lr and eps (factors on those of the training), decay, clip (of the own norm), freeze, after (a ' +
      'function that is applied to the weight at the beginning and after each update) and via (every use sees a function ' +
      'of the weight).',
  }),
  'weight-function-type': entry<{
    name: string;
    attribute: string;
    weight: string;
    value: string;
    maker: string | undefined;
  }>({
    severity: 'error',
    message: (p) => `\`${p.attribute}\` makes ${p.value} of \`${p.name}\`, which is ${p.weight}`,
    help: (p) =>
      p.maker === undefined
        ? 'give a float tensor with the axes of the weight'
        : `the weight went into the first list of \`${p.maker}\`; write \`${p.maker}()\` to fill that one with defaults`,
    explain:
      'What `after` gives is written back to the weight, and what `via` gives stands in its place, so both keep its axes. ' +
      'Their order does not matter.',
  }),
  'weight-function-captures': entry<{ attribute: string; name: string | undefined }>({
    severity: 'error',
    message: (p) => {
      const what = p.name === undefined ? 'a tensor' : `\`${p.name}\``;
      return `the function of \`${p.attribute}\` uses ${what} of the model around it`;
    },
    help: () => 'use the weight alone, and make what else it takes in the function',
    explain:
      '`after` runs between steps, when there are no activations. `via` is applied before the weight is first used, when ' +
      'other tensors of the model need not be there. Numbers and axes from around the function are known while compiling.',
  }),
  'after-has-weights': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'the function of `after` has weights of its own, which nothing would train',
    help: () => 'compute with the weight alone, or use `via`, whose weights are trained',
    explain: '`after` changes a weight at the beginning and after each update, outside of the loss and its gradient.',
  }),
  'rule-selects-nothing': entry<{
    selector: string;
    suggestion: string | undefined;
    example: string | undefined;
  }>({
    severity: 'error',
    message: (p) => `\`${p.selector}\` selects no weight`,
    help: (p) =>
      p.suggestion
        ? `did you mean \`${p.suggestion}\`?`
        : p.example && `a weight is called \`${p.example}\` here; tfm params lists all`,
    explain:
      '`*` stands for one part of a name and `**` for any number. A rule that selects nothing is most likely a spelling mistake.',
  }),
  'rule-on-function': entry<{ text: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is a function, which has no weights of its own`,
    help: () => 'select below an instance, or by path',
    explain: 'Weights belong to instances. A lambda makes its instances where it is called.',
  }),
};
