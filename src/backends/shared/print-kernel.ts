import type { Kernel, KernelFunction } from '../../compiler/ir/kernel.ts';
import { movedInPieces, usedInFours } from '../../compiler/ir/kernel-walk.ts';
import { RUNTIME_SCALARS } from '../../compiler/ir/plan.ts';
import { isNarrow, sharedBytes } from '../../compiler/ir/storage-type.ts';
import { present } from '../../compiler/support/invariant.ts';
import { arrayFloats } from './array-loops.ts';
import { capturesOf, writtenBuffers } from './captures.ts';
import type {
  Captures,
  Dialect,
  Module,
  ModuleArray,
  ModuleBuffer,
  ModuleFunction,
  ModuleMemory,
  UniformBlock,
} from './dialect.ts';
import { bufferComment, headerOf } from './header.ts';
import { commentText, makeScope, type NameKind, type Scope, type Speller } from './namer.ts';
import { nameOf } from './print-expr.ts';
import { printBlock, type StatementContext } from './print-statement.ts';

/** How a kernel is printed: for people, or with neutral names and nothing said beside, for its hash. */
export interface PrintStyle {
  readonly speller: () => Speller;
  readonly comments: boolean;
}

/** The text of a kernel. Every name is respelled for the target, so that no name in the IR can mean anything there. */
export function printKernel(kernel: Kernel, dialect: Dialect, style: PrintStyle): string {
  const said = (text: string): string => (style.comments ? commentText(text) : '');
  const scope = makeScope(dialect.reserved, style.speller());
  const find = (kind: NameKind, name: string): string => nameOf(kind, name, scope);
  for (const b of kernel.buffers) scope.declare('buffer', b.name);
  const { memories, arrays, asked } = declareShared(kernel, scope, dialect);
  for (const f of kernel.functions) scope.declare('function', f.name);

  const { launch, runtime, uniforms } = declareUniforms(kernel, scope, makeScope(dialect.keywords, style.speller()));
  const places = {
    group: scope.declare('place', 'group'),
    local: scope.declare('place', 'local', 'lane'),
    subgroup_lane: scope.declare('place', 'subgroup_lane'),
  };
  const written = writtenBuffers(kernel);
  const inFours = dialect.loadFour ? new Set<string>() : usedInFours(kernel);
  const buffers = kernel.buffers.map(
    (b): ModuleBuffer => ({
      name: find('buffer', b.name),
      type: b.type,
      inFours: inFours.has(b.name),
      access: b.access,
      isWritten: written.has(b.name),
      comment: style.comments ? bufferComment(b) : '',
    }),
  );
  const captures = dialect.bindingsAreGlobal ? new Map<string, never>() : capturesOf(kernel);
  const captured = new Map(
    [...captures].map(([fn, names]): [string, Captures] => [
      fn,
      {
        buffers: buffers.filter((_, i) => names.buffers.has(present(kernel.buffers[i], 'a buffer').name)),
        blocks: [...(names.launch ? [launch] : []), ...(names.runtime ? [runtime] : [])],
      },
    ]),
  );
  const context: StatementContext = {
    dialect,
    scope,
    uniforms,
    captured: new Map([...captured].map(([fn, c]) => [fn, [...c.buffers, ...c.blocks].map(({ name }) => name)])),
    helpers: new Set(),
    places: new Set(),
    comments: style.comments,
    inFours,
    narrow: new Map(kernel.buffers.flatMap(({ name, type }) => (isNarrow(type) ? [[name, type] as const] : []))),
    shared: arrays,
    arrayFloats: arrayFloats(kernel.body),
  };
  const functions = kernel.functions.map((f) => {
    const own = { name: find('function', f.name), comment: said(f.doc), captures: captured.get(f.name) ?? NOTHING };
    return { ...own, ...printFunction(f, context) };
  });
  const body = printBlock(kernel.body, context);
  const used = (place: keyof typeof places): string | undefined =>
    context.places.has(place) ? places[place] : undefined;
  return dialect.module({
    header: style.comments ? headerOf(kernel) : [],
    features: kernel.features,
    buffers,
    launch,
    runtime,
    shared: memories,
    asked,
    helpers: [...context.helpers],
    functions,
    workgroup: kernel.workgroup,
    resident: kernel.resident ?? 1,
    body,
    places: { group: used('group'), local: used('local'), subgroup_lane: used('subgroup_lane') },
  });
}

interface DeclaredMemory extends Pick<Module, 'asked'> {
  readonly memories: readonly ModuleMemory[];
  /** What the text calls each array. */
  readonly arrays: ReadonlyMap<string, ModuleArray>;
}

/** The arrays of workgroup memory; those that lie over one another are one union. */
function declareShared(kernel: Kernel, scope: Scope, { hasUnions, declaredBytes }: Dialect): DeclaredMemory {
  const { shared } = kernel;
  const moved = movedInPieces(kernel);
  const arrays = new Map<string, ModuleArray>();
  const bases = shared.filter(({ over }) => over === undefined || !hasUnions);
  const asked =
    sharedBytes(shared) <= declaredBytes
      ? undefined
      : { name: scope.declare('block', 'shared'), typeName: scope.declare('block', 'Shared') };
  const memories = bases.map((base): ModuleMemory => {
    const together = [base, ...shared.filter(({ over }) => hasUnions && over === base.name)];
    const own = together.map(({ name, type, elements }) => ({
      ...{ type, elements, name: scope.declare('shared', name) },
      // Fours of narrow elements and lines of fragments are moved at once too.
      isAligned: isNarrow(type) || moved.has(name),
    }));
    const name = own.length > 1 ? scope.declare('block', `memory of ${base.name}`, 'memory') : undefined;
    const path = `${asked ? `${asked.name}->` : ''}${name === undefined ? '' : `${name}.`}`;
    together.forEach((array, i) => {
      const member = present(own[i], 'an array');
      arrays.set(array.name, { ...member, name: `${path}${member.name}` });
    });
    return { name, arrays: own };
  });
  return { memories, arrays, asked };
}

/** The scalars that the host sets are declared in their fixed order, if any is read. */
function declareUniforms(kernel: Kernel, scope: Scope, fields: Scope) {
  const own = kernel.uniforms.filter((u) => u.source.kind !== 'runtime');
  const host = own.length < kernel.uniforms.length ? RUNTIME_SCALARS : [];
  const declareBlock = (name: string, typeName: string, members: UniformBlock['fields']): UniformBlock => ({
    name: scope.declare('block', name),
    typeName: scope.declare('block', typeName),
    fields: members.map((f) => ({ name: fields.declare('field', f.name), type: f.type })),
  });
  const runtime = declareBlock('host', 'Host', host);
  const launch = declareBlock('launch', 'Launch', own);
  const uniforms = new Map(
    kernel.uniforms.map((u) => {
      const { source } = u;
      const [block, index] =
        source.kind === 'runtime' ? [runtime, host.findIndex((s) => s.name === source.name)] : [launch, own.indexOf(u)];
      return [u.name, `${block.name}.${present(block.fields[index], `host scalar ${u.name}`).name}`];
    }),
  );
  return { launch, runtime, uniforms };
}

const NOTHING: Captures = { buffers: [], blocks: [] };

function printFunction(
  f: KernelFunction,
  context: StatementContext,
): Pick<ModuleFunction, 'params' | 'result' | 'body'> {
  const within = { ...context, scope: context.scope.inner(), arrayFloats: arrayFloats(f.body) };
  const params = f.params.map((p) => ({ name: within.scope.declare('local', p.name), type: p.type }));
  return { params, result: f.result?.type, body: printBlock(f.body, within, f.result) };
}
