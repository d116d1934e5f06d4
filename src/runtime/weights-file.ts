import type { LoadedPlan } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { present } from '../compiler/support/invariant.ts';
import { matchWeights, type NameMap } from './match-weights.ts';
import { writeWeights } from './plan-io.ts';
import { parseSafetensors, type TensorFile } from './safetensors.ts';
import { isObject, parseStrictJson } from './strict-json.ts';
import { floatsOf } from './tensor-values.ts';
import { readUserFile } from './user-file.ts';

export function readTensorFile(path: string): TensorFile {
  return parseSafetensors(readUserFile(path), path);
}

/** Reads a map of names: a JSON object of strings. */
export function readNameMap(path: string): NameMap {
  const fail = (reason: string): never => {
    throw dataFailure('names-malformed', { path, reason });
  };
  const text = new TextDecoder().decode(readUserFile(path));
  try {
    const json = parseStrictJson(text);
    if (!isObject(json)) return fail('it is not a JSON object');
    return new Map(
      Object.entries(json).map(([name, file]) => [
        name,
        typeof file === 'string' ? file : fail(`the value of '${name}' is not a string`),
      ]),
    );
  } catch (error) {
    if (error instanceof SyntaxError) return fail(error.message);
    throw error;
  }
}

/** Puts the tensors of a file into the weights of a plan. Fails with one `weights-mismatch` that lists all that is wrong. */
export function importWeights(loaded: LoadedPlan, file: TensorFile, path: string, names?: NameMap): void {
  const { tensors, problems } = matchWeights(loaded.plan.weights, file.tensors, names);
  if (problems.length) throw dataFailure('weights-mismatch', { path, problems });
  writeWeights(loaded, 'weights', loaded.plan.weights, (p) => floatsOf(present(tensors.get(p.name), p.name)));
}
