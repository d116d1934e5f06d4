import type { CliCommand } from './command.ts';

/** A command as the help lists it. What it needs is loaded when it is asked for, so that no command waits for another's. */
export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CliCommand>;
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'new',
    summary: 'begin a project: a folder with a model, a text to train on, and what to do with them',
    load: async () => (await import('./commands/new.ts')).makeNew,
  },
  {
    name: 'check',
    summary: 'find what is wrong with a spec, without compiling it to kernels',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'fmt',
    summary: 'give specs their canonical form',
    load: async () => (await import('./commands/fmt.ts')).fmt,
  },
  {
    name: 'compile',
    summary: 'compile a spec to kernels, a plan and a trainer',
    load: async () => (await import('./commands/compile.ts')).compile,
  },
  {
    name: 'train',
    summary: 'train a spec or a compiled folder as its train block says',
    load: async () => (await import('./commands/train.ts')).train,
  },
  {
    name: 'eval',
    summary: 'loss, perplexity and bits per byte of trained weights on the validation data',
    load: async () => (await import('./commands/eval.ts')).evaluate,
  },
  {
    name: 'sample',
    summary: 'continue a text with trained weights',
    load: async () => (await import('./commands/sample.ts')).sample,
  },
  {
    name: 'params',
    summary: 'list the weights of a model, and what training it takes',
    load: async () => (await import('./commands/params.ts')).params,
  },
  {
    name: 'grad',
    summary: 'loss, logits, gradients and optimizer steps for given weights and one given batch',
    load: async () => (await import('./commands/grad.ts')).grad,
  },
  {
    name: 'bench',
    summary: 'time each kernel of a training step, beside what it must move and compute at least',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
  {
    name: 'tune',
    summary:
      'measure by which tiles the products of a model are fastest on the device, and keep that for all that follows',
    load: async () => (await import('./commands/tune.ts')).tune,
  },
  {
    name: 'doctor',
    summary: 'report the adapter, its driver, limits and features, and what is missing',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'explain',
    summary: 'say at length what a diagnostic means; without a code, list all codes',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'lsp',
    summary: 'serve an editor over stdin and stdout, in the Language Server Protocol',
    load: async () => (await import('./commands/lsp.ts')).lsp,
  },
  {
    name: 'demo',
    summary: 'train a small LLaMA with PreNorm and with LNS on English text, in less than five minutes',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];
