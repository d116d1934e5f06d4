/** What can be wrong with bodies, loops, files, and trainings. */
import { entry } from './entry.ts';
import { replaceWith } from './fixes.ts';
import { didYouMean, listed } from './language-values.ts';

export const PROGRAM = {
  'rebinds-outer': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `a lambda cannot rebind \`${p.name}\` of the body around it`,
    help: () => 'choose another name, or return the value and bind it outside',
    explain:
      'Rebinding gives a name a new value in its own body. A lambda may be called at any time, so it may only read what is around it.',
  }),
  'carried-type-changes': entry<{ name: string; before: string; now: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is ${p.before} before the loop's body and ${p.now} after it`,
    help: () => 'bind another name, or keep a list',
    explain:
      'A tensor that is bound before a loop and rebound in it is carried from one iteration to the next and keeps its axes.',
  }),
  'two-variables': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a range has one variable',
    explain: 'Two variables take key and value of a record, or index and item of a list.',
  }),
  'too-many-iterations': entry<{ limit: number; count: number; chain: readonly string[] }>({
    severity: 'error',
    message: (p) => `the loop has more than ${p.limit} iterations${within(p.chain)}`,
    explain: 'A `for` is unrolled while compiling, so it has at most 4096 iterations.',
  }),
  'too-many-steps': entry<{ limit: number; chain: readonly string[] }>({
    severity: 'error',
    message: (p) => `elaboration took more than ${p.limit} steps${within(p.chain)}`,
    help: () => 'look for nested loops over large ranges',
    explain:
      'Each evaluated expression counts as a step. A specification that needs more than a million would not compile in a useful time.',
  }),
  'too-deep': entry<{ limit: number; chain: readonly string[] }>({
    severity: 'error',
    message: (p) => `calls nest more than ${p.limit} deep: ${listed(p.chain)}`,
    explain:
      'Functions that call functions are elaborated in place. More than 64 levels are most likely a recursion by way of arguments.',
  }),
  recursion: entry<{ name: string; chain: readonly string[] }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` calls itself (${p.chain.slice(-4).join(' -> ')})`,
    help: () => 'use `for`; depth must be known when compiling',
    explain: 'Weights are identified by their path of places through the program, which recursion would make infinite.',
  }),
  'instance-at-top-level': entry<{ text: string; name: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` at the top level would be one instance for all models`,
    help: (p) => `write a function that makes one: \`x => ${p.text}(x)\``,
    explain: 'Applying the first list of a function makes an instance, which owns weights. Weights belong to a model.',
  }),
  'param-at-top-level': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a weight can only be made within a model',
    explain:
      'The function was called at the top level of a file, where there is no model that its weights could belong to.',
  }),
  'tensor-at-top-level': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a tensor can only be computed within a model',
    help: () => 'make it a function: `name = () => …`, and call it where it is needed',
    explain: 'Top-level bindings are constants. Tensors, and `step`, exist in models and their training.',
  }),
  'model-called': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `the model \`${p.name}\` cannot be applied to tensors`,
    help: () => 'make the shared part an `fn`',
    explain: 'A model is an entry: its inputs come from data, and its outputs are its final bindings.',
  }),
  'declared-twice': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is declared twice`,
    explain: 'At the top level and in a train block each name is declared once.',
  }),
  'cyclic-binding': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is defined by itself`,
    explain: 'Top-level bindings are constants in any order, but not in a circle.',
  }),
  'unknown-module': entry<{ path: string; suggestion: string | undefined; known: readonly string[] }>({
    severity: 'error',
    message: (p) => `there is no module \`${p.path}\``,
    help: (p) => didYouMean(p.suggestion, p.known),
    explain: '`std` is the library that comes with the compiler.',
  }),
  'unknown-export': entry<{ name: string; path: string; suggestion: string | undefined; found: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.path}\` has no \`${p.name}\``,
    help: (p) => (p.found ? `it is in \`${p.found}\`` : didYouMean(p.suggestion)),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain: 'A module gives what it declares at its top level, except names that begin with `_`.',
  }),
  'file-unreadable': entry<{ path: string; reason: string; suggestion: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.path}\` cannot be used: ${p.reason}`,
    help: (p) => didYouMean(p.suggestion),
    explain:
      'A path in `use` begins at the file in which it stands. It may lead anywhere within the project: the nearest folder above the specification that has a package.json or a repository, or else the folder of the specification.',
  }),
  'files-use-each-other': entry<{ chain: readonly string[] }>({
    severity: 'error',
    message: (p) => `files use each other: ${p.chain.join(' -> ')}`,
    help: () => 'move what both need to a third file',
    explain: 'A file is read after those that it uses, so they cannot use it in turn.',
  }),
  'no-model': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'the file declares no model',
    help: () => 'write `model NAME(…)(tokens: int[batch, time], targets: int[batch, time]) { … }`',
    explain: 'A model is what is trained and sampled. A file may declare several, and a train block for each.',
  }),
  'several-entries': entry<{ names: readonly string[] }>({
    severity: 'error',
    message: (p) => `the file has ${p.names.length} to choose from: ${listed(p.names)}`,
    help: () => 'name one with --entry; train blocks are named `train NAME: MODEL { … }`',
    explain: 'A command works on one train block or model.',
  }),
  'unknown-entry': entry<{ name: string; suggestion: string | undefined; names: readonly string[] }>({
    severity: 'error',
    message: (p) => `the file has no train block or model \`${p.name}\``,
    help: (p) => didYouMean(p.suggestion, p.names),
    explain: 'An entry is the name of a train block, or of a model.',
  }),
  'input-type': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'an input of a model needs a type with named axes, such as `tokens: int[batch, time]`',
    explain: 'The last list of a model holds its inputs, which come from data. Their axes get sizes from the training.',
  }),
  'input-size': entry<{ axis: string }>({
    severity: 'error',
    message: (p) => `the size of the input axis \`${p.axis}\` is not known`,
    help: (p) => `set \`${p.axis} = …\` in a train block`,
    explain: 'The axes of inputs get their sizes from the train block or from the command line.',
  }),
  'output-missing': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `the model does not compute \`${p.name}\``,
    help: (p) => `bind it: \`${p.name} = …\``,
    explain: 'The outputs of a model are its final bindings: training needs `loss`, sampling needs `logits`.',
  }),
  'loss-not-scalar': entry<{ axes: string }>({
    severity: 'error',
    message: (p) => `the loss must be a single float, and is a tensor ${p.axes}`,
    help: () => 'reduce it: `mean(…)`',
    explain:
      'What training minimises is one number: reduce the loss over all axes, with `mean(…, where = …)` for example.',
  }),
  'unknown-setting': entry<{ name: string; suggestion: string | undefined; known: readonly string[] }>({
    severity: 'error',
    message: (p) => `there is nothing called \`${p.name}\` to set`,
    help: (p) => didYouMean(p.suggestion, p.known),
    explain: '`--set NAME=EXPR` sets a parameter of the model, or `train.KEY` of its train block.',
  }),
  'malformed-setting': entry<{ text: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is not of the form NAME=EXPR`,
    explain: '`--set NAME=EXPR` takes one name and an expression of the language.',
  }),
  'unknown-train-key': entry<{ key: string; suggestion: string | undefined; known: readonly string[] }>({
    severity: 'error',
    message: (p) => `a train block has no \`${p.key}\``,
    help: (p) => didYouMean(p.suggestion, p.known),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      'The keys of a train block are a closed list, so that a spelling mistake is not a silent default. The sizes of the axes of inputs are among them.',
  }),
  'train-key-pattern': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a train block binds one key at a time',
    explain: 'Each line of a train block is `key = value`.',
  }),
  'train-key-missing': entry<{ key: string }>({
    severity: 'error',
    message: (p) => `the train block does not say \`${p.key}\``,
    help: (p) => `add \`${p.key} = …\``,
    explain: 'The number of steps and the sizes of the axes of inputs have no defaults.',
  }),
  'micro-not-divisor': entry<{ micro: number; batch: number }>({
    severity: 'error',
    message: (p) => `micro-batches of ${p.micro} do not divide a batch of ${p.batch}`,
    help: () => 'choose a divisor, or `micro = auto`',
    explain: 'A step runs batch / micro micro-batches of equal size and adds up their gradients.',
  }),
  'not-a-memory-size': entry<{ text: string }>({
    severity: 'error',
    message: (p) => `"${p.text}" is no size of memory`,
    help: () => 'write a number and a unit, such as "2 GiB" or "800 MB"',
    explain: 'The units are B; KB, MB, GB and TB, a thousand of the one before; and KiB, MiB, GiB and TiB, 1024 of it.',
  }),
};

function within(chain: readonly string[]): string {
  return chain.length > 0 ? ` (within ${listed(chain)})` : '';
}
