/** Diagnostics of commands, runs and devices: how each comes about. */
import type { cliEntries } from '../cli.ts';
import type { dataEntries } from '../data.ts';
import type { deviceEntries } from '../device.ts';
import type { editorEntries } from '../editor.ts';
import { type ExamplesOf, when } from '../example.ts';
import type { kernelEntries } from '../kernel.ts';
import type { memoryEntries } from '../memory.ts';
import type { runEntries } from '../run.ts';

export const MEMORY_EXAMPLES: ExamplesOf<typeof memoryEntries> = {
  'memory-exceeded': when('`tfm train llama.tfm --set width=16384` on a small device.'),
  'process-memory': when('`tfm train` of a model with a table of 20 GB on a machine with 16 GB.'),
  'tensor-too-large': when(
    '`tfm train llama.tfm --set vocab=4000000`: the table of the embedding alone is beyond what one buffer holds.',
  ),
};

export const DATA_EXAMPLES: ExamplesOf<typeof dataEntries> = {
  'data-missing': when('The train block says `data = text("corpsu/*.txt")`, and the folder is called `corpus`.'),
  'data-not-declared': when('`tfm train` of a spec whose train block has no `data = …`.'),
  'package-missing': when('The train block takes its text from an npm package, and nobody installed that.'),
  'path-escapes': when('The train block says `data = text("../secret.txt")`.'),
  'data-unreadable': when('A data file belongs to another user.'),
  'data-empty': when('All files that the pattern matches are empty.'),
  'data-too-short': when('A text of 100 bytes is to fill batches of 16 times 64 tokens.'),
  'validation-too-short': when('`validation = 0.01` of a short text leaves less than one window.'),
  'token-outside-vocabulary': when('The text is in bytes, and the model has `vocab = 128`.'),
  'token-file-malformed': when('`tokens("corpus.txt")` names a text in the place of a file of tokens.'),
  'tokenizer-malformed': when('`huggingface("config.json")` names a file that is no tokenizer.json.'),
  'no-tokenizer': when('`tfm sample --prompt "…"` for a model that was trained on files of tokens.'),
  'input-not-provided': when('The model has an input `mask: bool[batch, time]`, which no text has.'),
  'data-changed': when('A run is resumed after a line was added to its text.'),
  'tensor-file-malformed': when('A download of weights.safetensors was cut off.'),
  'weights-mismatch': when('`--weights` names those of a model with another width.'),
  'names-malformed': when('`--names` names a file that holds a list in the place of an object.'),
  'batch-mismatch': when('The tensors in `--batch` have a time of 32, and the spec has 64.'),
};

export const RUN_EXAMPLES: ExamplesOf<typeof runEntries> = {
  diverged: when('`tfm train llama.tfm --set train.lr=10`.'),
  'lr-not-finite': when('The train block says `lr = 1 / (step - 5)`.'),
  'no-checkpoint': when('`--resume` of a run that was stopped before it saved anything.'),
  'checkpoint-corrupt': when('A byte of a checkpoint’s weights was changed on the disk.'),
  'checkpoint-foreign': when('A run is resumed after its model was given another width.'),
  'resume-differs': when('`--resume --set train.lr=1e-4` of a run that began with another learning rate.'),
  'run-exists': when('`tfm train llama.tfm --out runs/llama` for the second time.'),
  'run-missing': when('`tfm eval llama.tfm --weights runs/lama`.'),
  'run-damaged': when('A run is resumed after its tiles.json was cut off.'),
  'tiles-unusable': when('A byte of a file in the cache was changed on the disk.'),
  'run-locked': when('Two `tfm train` at once with one `--out`.'),
  'not-writable': when('`--out /run` as a user who may not write there.'),
  'disk-full': when('The disk has no room for the next checkpoint.'),
  'file-error': when('The disk fails while a checkpoint is written.'),
  'program-missing': when('`tfm sample` of a model that binds no `logits`.'),
  'sampling-option': when('`tfm sample --temperature -1`.'),
  'logits-not-finite': when('`tfm sample` with the weights of a training that diverged.'),
};

export const DEVICE_EXAMPLES: ExamplesOf<typeof deviceEntries> = {
  'no-adapter': when('A machine without a GPU, without a software driver and without a network.'),
  'adapter-unknown': when('`TFM_ADAPTER=nvidia tfm train llama.tfm` on a machine without such an adapter.'),
  'webgpu-missing': when('The platform has no build of the npm package webgpu.'),
  'device-refused': when('The driver lists an adapter that another program holds.'),
  'device-lost': when('The driver resets the GPU in the middle of a training.'),
  'device-memory': when('Another program holds most of the memory of the GPU.'),
  'kernel-refused': when('A kernel in a compiled folder was edited, and has a mistake.'),
  'kernel-defect': when('The compiler writes a kernel in which a name has no declaration: a defect of the compiler.'),
  'cuda-missing': when('`tfm train llama.tfm --device cuda` on a machine without an NVIDIA GPU.'),
  'cuda-too-old': when('`tfm train llama.tfm --device cuda` on a GPU from 2017.'),
  'cuda-error': when('The GPU falls off the bus while it trains.'),
  'cublaslt-missing': when(
    '`tfm train llama.tfm --device cuda --lib` on a machine with the NVIDIA driver and no CUDA.',
  ),
  'cublaslt-error': when('cuBLASLt of CUDA 12 is asked for a product on a GPU that came after it.'),
  'compiler-missing': when('`tfm train llama.tfm --device cuda-cpu` on a machine without a C++ compiler.'),
  'ptx-differs': when('A kernel of a folder with PTX was edited, and the machine has no compiler.'),
  'kernel-missing': when('A kernel was removed from a compiled folder.'),
  'plan-refused': when('In a compiled folder the size of a segment was made smaller in plan.json.'),
  'plan-other-target': when('`tfm train` of a folder that `tfm compile --target cuda` wrote, on WebGPU.'),
  'plan-needs-more': when('A folder that was compiled on a large GPU is trained on a small one.'),
  'device-lacks-feature': when('A folder that was compiled where there are subgroups is trained where there are none.'),
  'guard-overwritten': when(
    'A kernel writes beside its tensor: a defect of the compiler, found by the tests of the compiler.',
  ),
  'software-driver-unavailable': when('The first `tfm train` on a machine without any driver, and without a network.'),
};

export const KERNEL_EXAMPLES: ExamplesOf<typeof kernelEntries> = {
  'too-many-bindings': when('A tensor is so large that it takes several bindings, on a device that allows eight.'),
  'workgroup-memory-exceeded': when('A device offers less workgroup memory than WebGPU promises.'),
  'workgroup-too-large': when('A device offers smaller workgroups than WebGPU promises.'),
};

export const CLI_EXAMPLES: ExamplesOf<typeof cliEntries> = {
  'spec-unreadable': when('`tfm check lama.tfm` where there is only `llama.tfm`.'),
  'spec-unwritable': when('`tfm fmt examples` where another user owns the files.'),
  'no-specs': when('`tfm fmt src` in a project that keeps its specs in another folder.'),
  'lib-unsuited': when('`tfm train llama.tfm --lib` on WebGPU.'),
  'ptx-unwanted': when('`tfm compile llama.tfm --ptx`.'),
  'stdin-with-files': when('`tfm fmt - llama.tfm`.'),
  'folder-unnamed': when('`tfm new --template gpt2`.'),
  'folder-exists': when('`tfm new llama` where there is a folder of that name.'),
  'folder-unwritable': when('`tfm new /opt/llama` as a user who may not write there.'),
  'folder-not-compiled': when('`tfm train src`: the folder holds no plan.json.'),
  'folder-is-fixed': when('`tfm train build/llama --set depth=24`.'),
  'needs-spec': when('`tfm check build/llama`.'),
  'unknown-code': when('`tfm explain divergd`.'),
  'unknown-dump': when('`tfm compile llama.tfm --dump fusion`.'),
  'train-block-missing': when('`tfm train` of a spec that has a model and no `train`.'),
  'internal-error': when('A pass of the compiler makes a graph that breaks a rule of its level.'),
  'too-slow': when('`npm run demo` on a software driver of a very slow machine.'),
};

export const EDITOR_EXAMPLES: ExamplesOf<typeof editorEntries> = {
  'check-cut-short': when(
    'An editor has a spec open that goes through its 4,000 layers one by one, because they carry a list that grows.',
  ),
};
