import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * Programs that compile kernels or watch them, and where they are looked for besides the folders of PATH. `override` is a variable that names
 * another file, and is then all that is tried.
 */
const PROGRAMS = {
  nvcc: {
    override: 'TFM_NVCC',
    names: ['nvcc'],
    variables: ['CUDA_HOME', 'CUDA_PATH'],
    folders: ['/usr/local/cuda/bin'],
  },
  'compute-sanitizer': {
    override: 'TFM_COMPUTE_SANITIZER',
    names: ['compute-sanitizer'],
    variables: ['CUDA_HOME', 'CUDA_PATH'],
    folders: ['/usr/local/cuda/bin'],
  },
  'g++': { override: 'TFM_CXX', names: ['g++', 'c++'], variables: [], folders: [] },
} as const;

export type ProgramName = keyof typeof PROGRAMS;

/** Every path that is tried, in this order. */
export function placesOf(program: ProgramName): readonly string[] {
  const { override, names, variables, folders } = PROGRAMS[program];
  const named = process.env[override];
  if (named) return [named];
  const homes = variables.flatMap((name) => (process.env[name] ? [join(process.env[name], 'bin')] : []));
  // A relative folder of PATH is not searched: what stands in the current folder is not the user's compiler.
  const path = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return [...new Set([...homes, ...path, ...folders])].flatMap((folder) =>
    names.map((name) => join(folder, `${name}${suffix}`)),
  );
}

/** The path of a program; undefined where there is none. */
export function findProgram(program: ProgramName): string | undefined {
  return placesOf(program).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
