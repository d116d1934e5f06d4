import type { KernelType } from '../../compiler/ir/kernel.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import { InternalError } from '../../compiler/support/invariant.ts';
import type { Module, ModuleArray, ModuleBuffer, ModuleFunction, Places, UniformBlock } from '../shared/dialect.ts';
import { indent } from '../shared/print-statement.ts';

export const TYPES: { readonly [T in KernelType]: string } = {
  f32: 'f32',
  i32: 'i32',
  u32: 'u32',
  bool: 'bool',
  vec4: 'vec4f',
};

/** The type of a buffer's elements, as they are declared. */
function elementType({ name, type, inFours }: ModuleBuffer): string {
  switch (type) {
    case 'bf16':
      throw new InternalError(`${name} holds bf16, of which WGSL has no buffers`);
    case 'f16':
      return inFours ? 'vec4h' : 'f16';
    case 'f32':
      return inFours ? 'vec4f' : 'f32';
    case 'i32':
    case 'u32':
      return type;
  }
}

const FEATURES = { subgroups: 'subgroups', 'shader-f16': 'f16' } as const;

/** The file of a kernel: header, bindings, workgroup memory, helpers, functions, entry point. */
export function moduleText(m: Module): string {
  const blocks = [m.launch, m.runtime].filter((b) => b.fields.length > 0);
  const sections: readonly (readonly string[])[] = [
    m.header.map((line) => `// ${line}`.trimEnd()),
    m.features.map((f) => `enable ${FEATURES[f]};`),
    ...blocks.map(structText),
    bindingTexts(m, blocks),
    m.shared.flatMap(({ arrays }) => arrays.map(sharedText)),
    ...m.helpers.map((h) => [h.text]),
    ...m.functions.map(functionText),
    entryText(m),
  ];
  const filled = sections.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function sharedText({ name, type, elements }: ModuleArray): string {
  if (isNarrow(type)) throw new InternalError(`workgroup memory of ${type} is not for WGSL`);
  return `var<workgroup> ${name}: array<${TYPES[type]}, ${elements}>;`;
}

function structText(block: UniformBlock): readonly string[] {
  return [`struct ${block.typeName} {`, ...block.fields.map((f) => `  ${f.name}: ${TYPES[f.type]},`), '}'];
}

/** The declarations of storage and uniforms, with the comments beside them in one column. */
function bindingTexts(m: Module, blocks: readonly UniformBlock[]): readonly string[] {
  const declare = (binding: number, space: string, name: string, type: string): string =>
    `@group(0) @binding(${binding}) var<${space}> ${name}: ${type};`;
  const buffers = m.buffers.map((b, i) => declare(i, `storage, ${b.access}`, b.name, `array<${elementType(b)}>`));
  const column = Math.max(0, ...buffers.map((text) => text.length));
  return [
    ...m.buffers.map(({ comment }, i) => {
      const text = buffers[i] ?? '';
      return comment === '' ? text : `${text.padEnd(column)} // ${comment}`;
    }),
    ...blocks.map((b, i) => declare(buffers.length + i, 'uniform', b.name, b.typeName)),
  ];
}

function functionText(f: ModuleFunction): readonly string[] {
  const params = f.params.map((p) => `${p.name}: ${TYPES[p.type]}`).join(', ');
  const comment = f.comment === '' ? [] : [`// ${f.comment}`];
  const result = f.result === undefined ? '' : ` -> ${TYPES[f.result]}`;
  return [...comment, `fn ${f.name}(${params})${result} {`, ...indent(f.body), '}'];
}

/** The number of the workgroup is made linear again: a grid that is too long for one dimension is folded in two. */
function entryText(m: Module): readonly string[] {
  const { group } = m.places;
  const linear = group === undefined ? [] : [`let ${group} = workgroup_id.y * num_workgroups.x + workgroup_id.x;`];
  return [
    `@compute @workgroup_size(${m.workgroup})`,
    'fn main(',
    ...indent(parameters(m.places)),
    ') {',
    ...indent([...linear, ...m.body]),
    '}',
  ];
}

function parameters(places: Places): readonly string[] {
  const { group, local, subgroup_lane: lane } = places;
  return [
    ...(group === undefined
      ? []
      : ['@builtin(workgroup_id) workgroup_id: vec3u,', '@builtin(num_workgroups) num_workgroups: vec3u,']),
    ...(local === undefined ? [] : [`@builtin(local_invocation_index) ${local}: u32,`]),
    ...(lane === undefined ? [] : [`@builtin(subgroup_invocation_id) ${lane}: u32,`]),
  ];
}
