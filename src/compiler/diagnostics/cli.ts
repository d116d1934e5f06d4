/** What can be wrong with a command: its arguments, and the files that they name. */
import { EXIT } from './diagnostic.ts';
import { entry } from './entry.ts';
import { failuresOf } from './fail.ts';

export const cliEntries = {
  'spec-unreadable': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `the spec '${path}' cannot be read: ${reason}`,
    help: () => 'name a .tfm file, or a folder that tfm compile wrote',
    explain: 'A command takes the path of a spec, a text file in UTF-8 that ends in .tfm by custom.',
  }),
  'spec-unwritable': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `the spec '${path}' cannot be written: ${reason}`,
    help: () => 'check the permissions of the file and of its folder',
    explain:
      'A formatted text is written beside the file and then takes its place, so that nothing is lost whatever happens. The ' +
      'file is as it was.',
    exit: EXIT.environment,
  }),
  'no-specs': entry<{ folder: string }>({
    severity: 'error',
    message: ({ folder }) => `there is no .tfm file in '${folder}'`,
    help: () => 'name a file, or a folder that holds some',
    explain:
      'A folder stands for the files in it and in its folders whose names end in .tfm. Hidden ones and node_modules are ' +
      'left out.',
    exit: EXIT.usage,
  }),
  'ptx-unwanted': entry<Record<never, never>>({
    severity: 'error',
    message: () => '--ptx is for kernels in CUDA C++ that are written to a folder',
    help: () => 'add --target cuda and --out FOLDER, or leave --ptx out',
    explain: 'PTX is what NVIDIA’s compilers make of CUDA C++. It lies in the compiled folder beside the kernels.',
    exit: EXIT.usage,
  }),
  'lib-unsuited': entry<{ option: string }>({
    severity: 'error',
    message: ({ option }) => `${option} takes products of matrices to cuBLASLt, which only CUDA has`,
    help: ({ option }) =>
      `add --device cuda (for tfm compile: --target cuda), or leave ${option} out: without it every kernel is generated`,
    explain:
      'On NVIDIA GPUs large products of matrices may go to NVIDIA’s library cuBLASLt. WebGPU has no such library, and the float64 interpreter ' +
      'needs none. The processor in the place of a GPU (--device cuda-cpu) computes such products itself.',
    exit: EXIT.usage,
  }),
  'stdin-with-files': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`-` is the standard input, and stands alone',
    help: () => 'format the files in another command',
    explain: 'What comes from the standard input goes to the standard output, where nothing else must be.',
    exit: EXIT.usage,
  }),
  'folder-unnamed': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'tfm new needs the name of the folder to make',
    help: () => 'say, for example: tfm new my-model. tfm new --list shows what it can begin with',
    explain: 'A new project is a folder with a spec, a text to train on, and a README that says what to do with them.',
    exit: EXIT.usage,
  }),
  'folder-exists': entry<{ folder: string }>({
    severity: 'error',
    message: ({ folder }) => `'${folder}' exists already`,
    help: () => 'choose another name',
    explain: 'A new project never overwrites anything, not even an empty folder.',
    exit: EXIT.usage,
  }),
  'folder-unwritable': entry<{ folder: string; reason: string }>({
    severity: 'error',
    message: ({ folder, reason }) => `the folder '${folder}' cannot be made: ${reason}`,
    help: () => 'check the permissions, or choose another place',
    explain: 'The file system refused to make the folder or a file in it. What was written is removed again.',
    exit: EXIT.environment,
  }),
  'folder-not-compiled': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `the folder '${path}' is not a compiled spec: ${reason}`,
    help: ({ path }) => `make one with: tfm compile SPEC --out ${path}`,
    explain:
      'A folder in the place of a spec must be one that tfm compile wrote: plan.json, config.json, and the kernels that the ' +
      'plan names.',
  }),
  'folder-is-fixed': entry<{ path: string; option: string }>({
    severity: 'error',
    message: ({ path, option }) => `${option} changes what is compiled, and '${path}' is compiled already`,
    help: () => 'give the spec instead of the folder',
    explain:
      'A compiled folder holds kernels and a memory plan for fixed sizes. Other settings need another compilation.',
    exit: EXIT.usage,
  }),
  'needs-spec': entry<{ command: string; path: string }>({
    severity: 'error',
    message: ({ command, path }) => `tfm ${command} needs a spec, and '${path}' is a folder`,
    help: () => 'name the .tfm file',
    explain: 'This command looks into the compiler, so it needs the source and not what was compiled from it.',
    exit: EXIT.usage,
  }),
  'unknown-code': entry<{ code: string; near: string | undefined }>({
    severity: 'error',
    message: ({ code }) => `no diagnostic has the code '${code}'`,
    help: ({ near }) => (near === undefined ? 'tfm explain lists all codes' : `did you mean '${near}'?`),
    explain: 'Codes stand in brackets after each message.',
    exit: EXIT.usage,
  }),
  'unknown-dump': entry<{ pass: string; passes: readonly string[]; near: string | undefined }>({
    severity: 'error',
    message: ({ pass }) => `no pass is named '${pass}'`,
    help: ({ passes, near }) =>
      near === undefined
        ? `the passes are ${passes.join(', ')}`
        : `did you mean '${near}'? The passes are ${passes.join(', ')}`,
    explain: 'Every level of the compiler has a text form, which --dump prints by the name of the pass that made it.',
    exit: EXIT.usage,
  }),
  'train-block-missing': entry<{ command: string; path: string }>({
    severity: 'error',
    message: ({ command, path }) => `tfm ${command} needs a train block, and '${path}' has none`,
    help: () =>
      'add one, such as: train Model() { data = text("corpus/*.txt"); batch = 8; time = 64; steps = 100; lr = 1e-3 }',
    explain:
      'A train block says on what a model is trained and how: data, batch, sizes of the input axes, steps, optimizer and ' +
      'learning rate.',
  }),
  'internal-error': entry<{ message: string; steps: readonly string[]; report: string | undefined }>({
    severity: 'error',
    message: ({ message, steps }) =>
      `tfm has a defect${steps.length === 0 ? '' : ` in ${steps.join(', ')}`}: ${message}`,
    help: ({ report }) => howToReport(report),
    explain:
      'What tfm assumes of itself does not hold; nothing in the spec is to blame. A file was written for the report: the command, the ' +
      'spec and the files that it uses, the versions of tfm and Node, and where in the program it happened. Nothing of the environment is ' +
      'in it, and it is sent nowhere.',
    exit: EXIT.internal,
  }),
  'too-slow': entry<{ adapter: string }>({
    severity: 'error',
    message: ({ adapter }) =>
      `'${adapter}' is too slow for the demonstration: not even 20 small steps fit into two minutes`,
    help: () => 'tfm doctor says whether a faster driver can be installed',
    explain:
      'The demonstration promises to take less than five minutes, so it measures a few steps first. Training itself works ' +
      'at any speed: tfm train.',
    exit: EXIT.environment,
  }),
} as const;

/** What to do about a defect, given the file that was written for the report. */
export function howToReport(report: string | undefined): string {
  return report === undefined
    ? 'please report it with the command and the spec; no file could be written for it'
    : `please report it with the file '${report}', which holds the command, the spec and where it happened`;
}

export const cliFailure = failuresOf(cliEntries);
