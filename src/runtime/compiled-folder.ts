/**
 * A compiled folder: what `tfm compile` writes, and all that training needs.
 *
 *     plan.json     memory, launches, weights      kernels/*   the texts that the plan names, and PTX if it was asked for
 *     config.json   the train block, resolved      trainer.ts  the same for people and programs
 *     model.tfm     a copy of the spec, for people; spec/ has the files that it uses
 *
 * Data is not copied: `config.json` says where it is, relative to the folder.
 */
import { join, relative, resolve } from 'node:path';
import { PTX_FILE } from '../backends/cuda/ptx-file.ts';
import type { KernelTexts } from '../backends/device.ts';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import { PLAN_VERSION, type Plan } from '../compiler/ir/plan.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { type Files, guardFiles, readAll, reasonOf, replaceFile } from './files.ts';
import { type SpecCopy, writeSpecCopy } from './spec-copy.ts';

export interface CompiledFolder {
  readonly plan: Plan;
  readonly texts: KernelTexts;
  /** Undefined when the spec has no train block. */
  readonly train: TrainConfig | undefined;
  /** The folder to which paths of data are relative. */
  readonly dataFolder: string;
}

export interface FolderContent extends CompiledFolder {
  readonly spec: SpecCopy;
  readonly trainer: string | undefined;
}

/** Writes the folder; kernels of an earlier compilation go. Fails with the codes of `guardFiles`. */
export function writeCompiledFolder(files: Files, path: string, content: FolderContent): void {
  const { plan, texts, train, dataFolder, spec, trainer } = content;
  guardFiles(path, () => {
    files.makeFolder(path);
    files.remove(join(path, 'plan.json'));
    files.remove(join(path, 'kernels'));
    files.makeFolder(join(path, 'kernels'));
    for (const [file, text] of Object.entries(texts)) replaceFile(files, join(path, file), text);
    const config = { format_version: 1, data_folder: relative(resolve(path), resolve(dataFolder)) || '.', train };
    replaceFile(files, join(path, 'config.json'), jsonText(config));
    writeSpecCopy(files, path, spec);
    if (trainer !== undefined) replaceFile(files, join(path, 'trainer.ts'), trainer);
    // Last, because a folder without it is no compiled spec.
    replaceFile(files, join(path, 'plan.json'), jsonText(plan));
  });
}

/** Fails with `folder-not-compiled`. */
export function readCompiledFolder(files: Files, path: string): CompiledFolder {
  const fail = (reason: string): never => {
    throw cliFailure('folder-not-compiled', { path, reason });
  };
  const read = (name: string): string => {
    try {
      return new TextDecoder().decode(readAll(files, join(path, name)));
    } catch (error) {
      return fail(`${name}: ${reasonOf(error)}`);
    }
  };
  const json = (name: string): unknown => {
    const text = read(name);
    try {
      return JSON.parse(text);
    } catch {
      return fail(`${name} is not JSON`);
    }
  };
  const plan = json('plan.json');
  if (!isPlan(plan)) return fail(`plan.json is not a plan of version ${PLAN_VERSION}`);
  const config = json('config.json');
  if (!isConfig(config)) return fail('config.json is not what tfm compile writes');
  const texts = Object.fromEntries(
    plan.kernels.map(({ file }) => {
      if (!/^kernels\/[\w.-]+$/.test(file)) fail(`plan.json names a file outside of the folder: ${file}`);
      return [file, read(file)];
    }),
  );
  const ptx = join(path, PTX_FILE);
  const all = files.exists(ptx) ? { ...texts, [PTX_FILE]: read(PTX_FILE) } : texts;
  return { plan, texts: all, train: config.train, dataFolder: join(path, config.data_folder) };
}

interface ConfigFile {
  readonly data_folder: string;
  readonly train?: TrainConfig;
}

/** What a damaged or foreign file lacks; a plan that was altered with care is refused by the device. */
function isPlan(value: unknown): value is Plan {
  return (
    isRecord(value) &&
    value.format_version === PLAN_VERSION &&
    ['segments', 'kernels', 'matmuls', 'weights', 'uniformRows'].every((key) => Array.isArray(value[key])) &&
    isRecord(value.programs) &&
    isRecord(value.memory)
  );
}

function isConfig(value: unknown): value is ConfigFile {
  if (!isRecord(value) || value.format_version !== 1 || typeof value.data_folder !== 'string') return false;
  return value.train === undefined || (isRecord(value.train) && typeof value.train.batch === 'number');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
