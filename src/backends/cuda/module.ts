import type { KernelType, StorageType } from '../../compiler/ir/kernel.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import type {
  Module,
  ModuleArray,
  ModuleBuffer,
  ModuleFunction,
  ModuleMemory,
  UniformBlock,
} from '../shared/dialect.ts';
import { indent } from '../shared/print-statement.ts';

export const TYPES: { readonly [T in KernelType]: string } = {
  f32: 'float',
  i32: 'int',
  u32: 'unsigned',
  bool: 'bool',
  vec4: 'float4',
};

const ELEMENTS: { readonly [T in StorageType]: string } = {
  f32: 'float',
  i32: 'int',
  u32: 'unsigned',
  f16: 'unsigned short',
  bf16: 'unsigned short',
};

export const ENTRY_POINT = 'kernel';
export const NAMESPACE = 'tfm';

/**
 * The file of a kernel: header, uniform structs, shared memory, helpers, functions, entry point. It includes nothing, so
 * that NVRTC and nvcc take the same text; the namespace keeps its names apart from those of the headers that nvcc adds.
 */
export function moduleText(m: Module): string {
  const blocks = [m.launch, m.runtime].filter((b) => b.fields.length > 0);
  const sections: readonly (readonly string[])[] = [
    m.header.map((line) => `// ${line}`.trimEnd()),
    [`namespace ${NAMESPACE} {`],
    ...blocks.map(structText),
    sharedText(m),
    ...m.helpers.map((h) => [h.text]),
    ...m.functions.map(functionText),
    entryText(m),
    ['}'],
  ];
  const filled = sections.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** Shared memory is declared array by array; of more than can be declared, the address is what the launch gives. */
function sharedText({ shared, asked }: Module): readonly string[] {
  if (asked === undefined) return shared.flatMap((memory) => memoryText(memory, '__shared__ '));
  const { name, typeName } = asked;
  return [
    `struct ${typeName} {`,
    ...indent(shared.flatMap((memory) => memoryText(memory, ''))),
    '};',
    '// More than can be declared: the launch asks for it.',
    `extern __shared__ ${typeName} ${name}[];`,
  ];
}

/** Arrays of workgroup memory that lie in one place are a union. */
function memoryText({ name, arrays }: ModuleMemory, space: string): readonly string[] {
  if (name === undefined) return arrays.map((array) => arrayText(array, space));
  return [`${space}union {`, ...indent(arrays.map((array) => arrayText(array, ''))), `} ${name};`];
}

function arrayText({ name, type, elements, isAligned }: ModuleArray, space: string): string {
  const element = isNarrow(type) ? 'unsigned short' : TYPES[type];
  return `${isAligned ? 'alignas(16) ' : ''}${space}${element} ${name}[${elements}];`;
}

function structText(block: UniformBlock): readonly string[] {
  return [`struct ${block.typeName} {`, ...block.fields.map((f) => `  ${TYPES[f.type]} ${f.name};`), '};'];
}

/** A launch never writes what another of its buffers holds, so each may be taken to be all that points there. */
function bufferText(b: ModuleBuffer): string {
  return `${b.isWritten ? '' : 'const '}${ELEMENTS[b.type]}* __restrict__ ${b.name}`;
}

function functionText(f: ModuleFunction): readonly string[] {
  const params = [
    ...f.params.map((p) => `${TYPES[p.type]} ${p.name}`),
    ...f.captures.buffers.map(bufferText),
    ...f.captures.blocks.map((b) => `const ${b.typeName}& ${b.name}`),
  ];
  const comment = f.comment === '' ? [] : [`// ${f.comment}`];
  const result = f.result === undefined ? 'void' : TYPES[f.result];
  const head = `__device__ inline ${result} ${f.name}(`;
  const line = `${head}${params.join(', ')}) {`;
  const opening = line.length <= COLUMNS ? [line] : [head, ...listed(params).map((p) => `    ${p}`), ') {'];
  return [...comment, ...opening, ...indent(f.body), '}'];
}

const COLUMNS = 120;

function listed(params: readonly string[]): readonly string[] {
  return params.map((p, i) => (i + 1 < params.length ? `${p},` : p));
}

/**
 * One block on a multiprocessor is enough to ask for, if the kernel does not say more: else ptxas spills registers to let many
 * small blocks live at once.
 *
 * Parameters in the order of the plan's bindings: buffers, the uniforms of the launch by value, the host's by pointer.
 */
function entryText(m: Module): readonly string[] {
  const { group, local, subgroup_lane: lane } = m.places;
  const hasHost = m.runtime.fields.length > 0;
  const params = listed([
    ...m.buffers.map(bufferText),
    ...(m.launch.fields.length > 0 ? [`const __grid_constant__ ${m.launch.typeName} ${m.launch.name}`] : []),
    ...(hasHost ? [`const ${m.runtime.typeName}* __restrict__ host_scalars`] : []),
  ]);
  const column = Math.max(0, ...params.slice(0, m.buffers.length).map((text) => text.length));
  const places = [
    ...(hasHost ? [`const ${m.runtime.typeName}& ${m.runtime.name} = *host_scalars;`] : []),
    ...(group === undefined ? [] : [`const unsigned ${group} = blockIdx.x;`]),
    ...(local === undefined ? [] : [`const unsigned ${local} = threadIdx.x;`]),
    ...(lane === undefined ? [] : [`const unsigned ${lane} = threadIdx.x % 32;`]),
  ];
  return [
    `extern "C" __global__ void __launch_bounds__(${m.workgroup}, ${m.resident}) ${ENTRY_POINT}(`,
    ...params.map((text, i) => {
      const comment = m.buffers[i]?.comment ?? '';
      return comment === '' ? `  ${text}` : `  ${text.padEnd(column)} // ${comment}`;
    }),
    ') {',
    ...indent([...places, ...m.body]),
    '}',
  ];
}
