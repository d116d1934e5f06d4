/** What can be wrong with files that a run reads: text, tokens, tokenizers, weights and batches. */
import { EXIT } from './diagnostic.ts';
import { entry } from './entry.ts';
import { failuresOf } from './fail.ts';

/** `1 file`, `3 files`. */
function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

export const dataEntries = {
  'data-missing': entry<{ pattern: string; folder: string }>({
    severity: 'error',
    message: ({ pattern, folder }) => `no file matches '${pattern}' in '${folder}'`,
    help: () => "paths in a spec are relative to the spec's folder; '*' stays in a folder and '**' enters folders",
    explain:
      'A data source names files, glob patterns, or files of an installed package (npm:PACKAGE/GLOB). This one matches ' +
      "nothing. Patterns are relative to the folder of the spec, not to the shell's folder.",
    exit: EXIT.data,
  }),
  'data-not-declared': entry<{ what: string }>({
    severity: 'error',
    message: ({ what }) => `${what} needs data, and the train block names none`,
    help: () => 'add a line such as: data = text("corpus/*.txt", tokenizer = bytes)',
    explain: 'Training and evaluation read text or tokens from the sources that the train block names.',
    exit: EXIT.data,
  }),
  'package-missing': entry<{ package: string }>({
    severity: 'error',
    message: ({ package: name }) => `the package '${name}', from which data was asked, is not installed`,
    help: ({ package: name }) => `install it beside the spec: npm install ${name}`,
    explain:
      'npm:PACKAGE/GLOB reads text that an npm package ships. The package is looked for in the node_modules folders ' +
      'above the spec, then in those above tfm itself.',
    exit: EXIT.data,
  }),
  'path-escapes': entry<{ path: string; folder: string }>({
    severity: 'error',
    message: ({ path, folder }) => `'${path}' leads out of '${folder}', and a spec may only read beside itself`,
    help: () => 'move the file, or keep the spec in a folder above it',
    explain:
      'A spec that comes from somebody else must not make tfm read any file of the machine. So paths in a spec are ' +
      "relative, contain no '..', and may not leave the spec's folder through a link.",
    exit: EXIT.data,
  }),
  'data-unreadable': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' cannot be read: ${reason}`,
    help: () => 'check the path and its permissions',
    explain: 'The file system refused to give the file, for the reason in the message.',
    exit: EXIT.data,
  }),
  'data-empty': entry<{ files: number }>({
    severity: 'error',
    message: ({ files }) => `${counted(files, 'data file')} matched and hold${files === 1 ? 's' : ''} no token`,
    help: () => 'check that the pattern names the files you mean',
    explain: 'There is nothing to train on: the files exist, and are empty.',
    exit: EXIT.data,
  }),
  'data-too-short': entry<{ tokens: number; needs: number; batch: number; time: number }>({
    severity: 'error',
    message: ({ tokens, needs, batch, time }) =>
      `the training data has ${counted(tokens, 'token')}, and one batch of ${batch} windows of ${time} needs ${needs}`,
    help: () => 'give more text, or a smaller batch or time',
    explain:
      'A step takes `batch` different windows of `time` tokens and their next tokens. The part that is kept for ' +
      'validation does not count.',
    exit: EXIT.data,
  }),
  'validation-too-short': entry<{ tokens: number; needs: number }>({
    severity: 'error',
    message: ({ tokens, needs }) =>
      `the validation data has ${counted(tokens, 'token')}, and one pass of the evaluation needs ${needs}`,
    help: () => 'keep a larger share for validation, or use a smaller micro-batch or time',
    explain: 'Validation runs whole micro-batches over the tail of the data that is never trained on.',
    exit: EXIT.data,
  }),
  'token-outside-vocabulary': entry<{ token: number; vocab: number; place: string }>({
    severity: 'error',
    message: ({ token, vocab, place }) =>
      `token ${token} at ${place} is outside of the model's vocabulary of ${vocab} tokens`,
    help: ({ token }) => `set the vocabulary to at least ${token + 1}, or use another tokenizer`,
    explain:
      'Token ids index rows of the embedding, so each must be at least 0 and less than the size of the vocabulary axis.',
    exit: EXIT.data,
  }),
  'token-file-malformed': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' is not a file of tokens: ${reason}`,
    help: () => "tokens(…) reads llm.c's format (1,024 bytes of header, then u16) and bare u16, little-endian",
    explain:
      "Token files are llm.c's, which open with a header of 256 32-bit integers (20240520, version 1, number of tokens), " +
      'or plain arrays of 16-bit tokens as nanoGPT writes them.',
    exit: EXIT.data,
  }),
  'tokenizer-malformed': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' is not a usable tokenizer: ${reason}`,
    help: () => 'a tokenizer is a tokenizer.json as Hugging Face tokenizers write it',
    explain: 'The tokenizer.json could not be parsed, or asks for a kind of model that is not supported.',
    exit: EXIT.data,
  }),
  'no-tokenizer': entry<{ what: string }>({
    severity: 'error',
    message: ({ what }) => `${what} needs a tokenizer, and data of ready-made tokens has none`,
    help: () => 'use text(…, tokenizer = …) in the train block',
    explain: 'Text can only be turned into tokens and back when the train block says which tokenizer made them.',
    exit: EXIT.data,
  }),
  'input-not-provided': entry<{ name: string; shape: string }>({
    severity: 'error',
    message: ({ name, shape }) => `the model has an input '${name}' ${shape} that data of tokens does not provide`,
    help: () => "a model that is trained on text has the inputs 'tokens' and 'targets', both int[batch, time]",
    explain: 'Windows of tokens feed two inputs: tokens, and targets, which are the tokens that come next.',
    exit: EXIT.data,
  }),
  'data-changed': entry<{ was: string; now: string }>({
    severity: 'error',
    message: ({ was, now }) => `the data is not what the run began with: it was ${was} and is ${now}`,
    help: () => 'put the data back as it was, or start a new run',
    explain:
      'A resumed run continues in the middle of a permutation of the data, so the data must be the same: the same ' +
      'files, tokens and tokenizer.',
    exit: EXIT.data,
  }),
  'tensor-file-malformed': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' is not a valid safetensors file: ${reason}`,
    help: () => 'the file is damaged or of another format; get it again',
    explain:
      'A safetensors file is 8 bytes of length, a JSON header and the data. Everything is checked before use: sizes, ' +
      'names, types, and that the tensors cover the data without gap or overlap.',
    exit: EXIT.data,
  }),
  'weights-mismatch': entry<{ path: string; problems: readonly string[] }>({
    severity: 'error',
    message: ({ path, problems }) =>
      `the weights in '${path}' do not fit the model:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    help: () => 'tfm params SPEC lists what the model expects; --names MAP renames',
    explain:
      'A file of weights must have exactly the tensors of the model, by name and shape. Axes that are merged or split ' +
      'in row-major order are accepted, since the elements lie in the same order.',
    exit: EXIT.data,
  }),
  'names-malformed': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' is not a map of names: ${reason}`,
    help: () => 'a map is a JSON object from names of the spec to names in the file',
    explain: 'A map of names lets weights be read and written under other names than those that the spec gives them.',
    exit: EXIT.data,
  }),
  'batch-mismatch': entry<{ path: string; problem: string }>({
    severity: 'error',
    message: ({ path, problem }) => `the batch in '${path}' does not fit the model: ${problem}`,
    help: () => "a batch has the tensors 'tokens' and 'targets', I32 [batch, time]",
    explain: 'The batch must have the tensors that are inputs of the model, with whole numbers and the compiled sizes.',
    exit: EXIT.data,
  }),
};

export const dataFailure = failuresOf(dataEntries);
