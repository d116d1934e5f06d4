import type { WeightPlace } from '../compiler/ir/plan.ts';
import type { Tensor } from './safetensors.ts';

/** Names of the spec to names in files; a weight that it lacks keeps its name. */
export type NameMap = ReadonlyMap<string, string>;

export interface WeightMatch {
  /** By the spec's names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** One sentence for each tensor that is missing, unknown or of the wrong shape; empty when all fit. */
  readonly problems: readonly string[];
}

/** Finds the tensor of each weight, and everything that does not fit. */
export function matchWeights(
  weights: readonly Pick<WeightPlace, 'name' | 'shape'>[],
  tensors: ReadonlyMap<string, Tensor>,
  names: NameMap = new Map(),
): WeightMatch {
  const matched = new Map<string, Tensor>();
  const problems: string[] = [];
  const users = new Map<string, string>();
  const known = new Set(weights.map((w) => w.name));
  for (const [name, file] of names) {
    if (!known.has(name)) problems.push(`the map names '${name}' (for '${file}'), which the model does not have`);
  }
  for (const { name, shape } of weights) {
    const file = names.get(name) ?? name;
    const label = file === name ? `'${name}'` : `'${file}' (the model's '${name}')`;
    const tensor = tensors.get(file);
    const other = users.get(file);
    users.set(file, name);
    if (other !== undefined) problems.push(`'${file}' stands for both '${other}' and '${name}'`);
    else if (!tensor) problems.push(`${label} ${sizes(shape)} is missing`);
    else if (!sameOrder(tensor.shape, shape)) {
      problems.push(`${label} is ${sizes(tensor.shape)}, and the model has ${sizes(shape)}`);
    } else matched.set(name, tensor);
  }
  for (const [file, { shape }] of tensors) {
    if (!users.has(file)) problems.push(`'${file}' ${sizes(shape)} is not in the model`);
  }
  return { tensors: matched, problems };
}

export function sizes(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/**
 * Whether the elements of two shapes lie in one row-major order, because axes were only merged or split: [4, 3, 8] and
 * [12, 8], but not [3, 8] and [8, 3]. Axes of size 1 do not matter.
 */
export function sameOrder(left: readonly number[], right: readonly number[]): boolean {
  const a = left.filter((n) => n !== 1);
  const b = right.filter((n) => n !== 1);
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    let [sizeA, sizeB] = [a[i++] ?? 0, b[j++] ?? 0];
    const [startA, startB] = [i, j];
    while (sizeA !== sizeB) {
      if (sizeA < sizeB && i < a.length) sizeA *= a[i++] ?? 0;
      else if (sizeB < sizeA && j < b.length) sizeB *= b[j++] ?? 0;
      else return false;
    }
    if (i > startA && j > startB) return false;
  }
  return i === a.length && j === b.length;
}
