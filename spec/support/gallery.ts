/** The files of the examples and of the gallery, and a small size at which their numbers are compared. */
import { readdirSync, readFileSync } from 'node:fs';
import type { WeightMember } from '../../src/compiler/ir/graph.ts';
import { initialValues } from '../../src/runtime/init.ts';
import { noise } from './gradient-check.ts';

export const FOLDER = new URL('../../examples/', import.meta.url);
const specsIn = (path: string): readonly string[] =>
  readdirSync(new URL(path, FOLDER)).flatMap((name) => (name.endsWith('.tfm') ? [`${path}${name}`] : []));

/** Paths from the folder of the examples. */
export const GALLERY = specsIn('gallery/');
export const EXAMPLES = specsIn('./').map((file) => file.slice(2));

export const textOf = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

export const [VOCAB, ROWS, TIME] = [13, 2, 7];
const SIZES = [`vocab=${VOCAB}`, 'width=24', 'heads=4', 'hidden=20', 'depth=4'];
const OWN_SETTINGS = [`train.batch=${ROWS}`, `train.micro=${ROWS}`, `train.time=${TIME}`];
export const tokens = Int32Array.from({ length: ROWS * TIME }, (_, i) => (5 * i + 3) % VOCAB);
export const targets = tokens.map((t, i) => (i % 5 === 4 ? -1 : (t * t + 1) % VOCAB));

/** Settings for a small size, of the parameters that a spec has. */
export function smallSizes(text: string): readonly string[] {
  const has = (setting: string): boolean => new RegExp(`\\b${setting.split('=')[0]}(: axis)? = `).test(text);
  return [...SIZES.filter(has), ...OWN_SETTINGS];
}

/** Values of a weight that matter: what it begins with, and noise. */
export function livelyValues({ name, init }: Pick<WeightMember, 'name' | 'init'>, shape: readonly number[]) {
  const start = initialValues({ name, init, shape }, 1);
  const moved = noise(name, start.length);
  return Float64Array.from(start, (x, i) => Math.fround(x + 0.2 * (moved[i] ?? 0)));
}
