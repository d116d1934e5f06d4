/** What can go wrong with a run: its folder, its checkpoints, its numbers. */
import { EXIT } from './diagnostic.ts';
import { diagnosticsOf, entry } from './entry.ts';
import { failuresOf } from './fail.ts';
import { readableBytes } from './memory.ts';

export const runEntries = {
  diverged: entry<{ step: number; what: string; loss: number; checkpoint: string | undefined }>({
    severity: 'error',
    message: ({ step, what, loss }) => `training diverged at step ${step}: ${what} (loss ${loss})`,
    help: ({ checkpoint }) =>
      `${checkpoint ? `the last good checkpoint is ${checkpoint}; ` : ''}try a lower learning rate, more warm-up, or clip`,
    explain:
      'The loss or a gradient became infinite or not a number. The step was not applied: weights and moments are as ' +
      'they were before it. The step is counted from 1, as in the log.',
    exit: EXIT.diverged,
  }),
  'lr-not-finite': entry<{ step: number; value: number }>({
    severity: 'error',
    message: ({ step, value }) => `the learning rate is ${value} at step ${step}`,
    help: () => 'look for a division by zero in lr, such as warmup(0)',
    explain: 'The learning rate is an expression of the step, and must be a finite number at each.',
  }),
  'no-checkpoint': entry<{ folder: string; skipped: readonly string[] }>({
    severity: 'error',
    message: ({ folder, skipped }) =>
      `'${folder}' has no usable checkpoint${skipped.map((s) => `\n  - ${s}`).join('')}`,
    help: ({ skipped }) =>
      skipped.length
        ? 'start a new run; damaged checkpoints are never loaded'
        : 'name the folder of a run that saved one',
    explain:
      'A checkpoint is used only when its manifest is intact and the size and SHA-256 of each of its files agree with it.',
    exit: EXIT.data,
  }),
  'checkpoint-corrupt': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `the checkpoint '${path}' is not usable: ${reason}`,
    help: () => 'use an earlier checkpoint of the run',
    explain: 'The manifest is damaged or was written by something else, or a file differs from what the manifest says.',
    exit: EXIT.data,
  }),
  'checkpoint-foreign': entry<{ path: string; problems: readonly string[] }>({
    severity: 'error',
    message: ({ path, problems }) =>
      `the checkpoint '${path}' belongs to another model:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    help: () => 'use the spec and the settings that the run began with; the run folder has a copy',
    explain: 'A checkpoint must have exactly the weights of the model, by name and shape.',
    exit: EXIT.data,
  }),
  'resume-differs': entry<{ folder: string; keys: readonly string[] }>({
    severity: 'error',
    message: ({ folder, keys }) => `the run in '${folder}' began with other settings: ${keys.join(', ')}`,
    help: () => 'resume with the settings in its config.json, or start a new run in another folder',
    explain:
      'Resuming gives the same weights as a run without interruption, so what decides them must not change. The number ' +
      'of steps, and how often to log, evaluate and save, may.',
  }),
  'run-exists': entry<{ folder: string }>({
    severity: 'error',
    message: ({ folder }) => `'${folder}' already holds a run`,
    help: () => 'continue it with --resume, or choose another folder with --out',
    explain: 'A new run never overwrites an old one.',
  }),
  'run-missing': entry<{ folder: string }>({
    severity: 'error',
    message: ({ folder }) => `'${folder}' does not hold a run`,
    help: () => 'name the folder that tfm train wrote',
    explain: 'The folder of a run has the files config.json and metrics.jsonl and the folder checkpoints.',
    exit: EXIT.data,
  }),
  'run-damaged': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `the file '${path}' of the run is not usable: ${reason}`,
    help: () => 'restore the file, or remove it: the run goes on, and its numbers may differ in their last bits',
    explain:
      'A run keeps in tiles.json by which tiles its kernels compute, so that it goes on with the same kernels. Without the file they are those ' +
      'of a run that began before there was one.',
    exit: EXIT.data,
  }),
  'tiles-unusable': entry<{ path: string; reason: string }>({
    severity: 'warning',
    message: ({ path, reason }) => `the tiles in '${path}' are not used: ${reason}`,
    help: () => 'remove the file; tfm tune measures them anew',
    explain:
      'What tfm tune measured is kept in the user’s cache, a file for each adapter. Without it kernels compute the same by tiles that are estimated ' +
      'to be good, which may be slower.',
  }),
  'run-locked': entry<{ folder: string; pid: number; host: string }>({
    severity: 'error',
    message: ({ folder, pid, host }) => `'${folder}' is in use by process ${pid} on ${host}`,
    help: () => 'wait for it or stop it; if it is not running any more, remove the file named lock in the folder',
    explain: 'Two trainers in one folder would destroy each other’s checkpoints, so a run holds a lock on its folder.',
    exit: EXIT.environment,
  }),
  'not-writable': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `'${path}' cannot be written: ${reason}`,
    help: () => 'check the permissions, or choose another folder with --out',
    explain: 'The file system refused to write, for the reason in the message.',
    exit: EXIT.environment,
  }),
  'disk-full': entry<{ path: string; needs?: number; has?: number }>({
    severity: 'error',
    message: ({ path, needs, has }) =>
      needs === undefined || has === undefined
        ? `no space is left to write '${path}'`
        : `writing '${path}' takes ${readableBytes(needs)}, and ${readableBytes(has)} are free`,
    help: () => 'free some space or keep fewer checkpoints, then continue with --resume',
    explain: 'Checkpoints are written beside the old ones before those are removed, so nothing that was saved is lost.',
    exit: EXIT.environment,
  }),
  'file-error': entry<{ path: string; reason: string }>({
    severity: 'error',
    message: ({ path, reason }) => `a file operation on '${path}' failed: ${reason}`,
    help: () => 'check the disk; a run continues from its last checkpoint with --resume',
    explain: 'The operating system reported an error while a file of the run was written or read.',
    exit: EXIT.environment,
  }),
  'program-missing': entry<{ what: string; needs: string }>({
    severity: 'error',
    message: ({ what, needs }) => `${what} needs a model with ${needs}, which this one does not compute`,
    help: ({ needs }) => `give the model ${needs}`,
    explain: 'Training and evaluation need a value named loss, sampling needs one named logits.',
  }),
  'sampling-option': entry<{ option: string; value: number; rule: string }>({
    severity: 'error',
    message: ({ option, value, rule }) => `${option} is ${value}, and must be ${rule}`,
    explain: 'Temperature, top-k and top-p shape the distribution from which the next token is drawn.',
    exit: EXIT.usage,
  }),
  'logits-not-finite': entry<{ position: number }>({
    severity: 'error',
    message: ({ position }) => `the logits of token ${position} are not finite`,
    help: () => 'the weights are not usable; take an earlier checkpoint',
    explain: 'The model gave infinite or undefined logits, so no next token can be drawn.',
    exit: EXIT.diverged,
  }),
};

export const runFailure = failuresOf(runEntries);
export const runWarning = diagnosticsOf(runEntries);
