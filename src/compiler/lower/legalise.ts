/**
 * Fits a kernel to the limits of a target.
 *
 * A buffer larger than one binding becomes several, its windows; a load chooses among them by its index, a store goes to
 * the one that has its element. A grid wider than one dimension is folded by the planner, so that the last workgroups of
 * the last row may have nothing to do: they leave. A buffer of a narrow type that the target lacks becomes one of f32, in which
 * what is stored lies rounded.
 */
import { type kernelEntries, kernelFailure } from '../diagnostics/kernel.ts';
import type { Expr, Kernel, KernelBuffer, Statement, TargetLimits } from '../ir/kernel.ts';
import { and, binary, bool, builtin, local, lt, min, select, sub, u32, unary } from '../ir/kernel-expr.ts';
import { mapFunction, mapOperands, mapStatement, namesIn } from '../ir/kernel-walk.ts';
import { ELEMENT_BYTES, heldAs, isNarrow, sharedBytes } from '../ir/storage-type.ts';
import { freeName } from '../support/free-name.ts';
import { present } from '../support/invariant.ts';
import { dropUnused } from './drop-unused.ts';

/** A kernel that can run within `limits`; a `Failure` when there is none. */
export function legalise(kernel: Kernel, limits: TargetLimits): Kernel {
  const held = withFeatures(asHeld(dropUnused(kernel), limits));
  const fitted = foldGuarded(inWindows(held, limits), limits);
  require('too-many-bindings', kernel, fitted.buffers.length, limits.storageBindings);
  require('workgroup-memory-exceeded', kernel, sharedBytes(fitted.shared), limits.sharedBytes);
  require('workgroup-too-large', kernel, fitted.workgroup, limits.invocationsPerGroup);
  return fitted;
}

function require(code: keyof typeof kernelEntries, kernel: Kernel, needs: number, has: number): void {
  if (needs > has) throw kernelFailure(code, { kernel: kernel.name, needs, has });
}

function foldGuarded(kernel: Kernel, limits: TargetLimits): Kernel {
  if (kernel.groups <= limits.groupsPerDimension) return kernel;
  const condition = binary('ge', builtin('group'), u32(kernel.groups));
  const leave: Statement = { kind: 'if', condition, then: [{ kind: 'return' }], else: [] };
  return { ...kernel, body: [leave, ...kernel.body] };
}

/** What is stored to a buffer that cannot hold its type is rounded before. */
function asHeld(kernel: Kernel, limits: TargetLimits): Kernel {
  const rounded = new Map(
    kernel.buffers.flatMap(({ name, type }) =>
      type !== heldAs(type, limits) && isNarrow(type) ? [[name, `round_${type}` as const]] : [],
    ),
  );
  if (rounded.size === 0) return kernel;
  const rewrite = (statements: readonly Statement[]): readonly Statement[] =>
    statements.map((statement) => {
      const own = mapStatement(statement, (expr) => expr, rewrite);
      const round = own.kind === 'store' ? rounded.get(own.buffer) : undefined;
      return own.kind === 'store' && round ? { ...own, value: unary(round, own.value) } : own;
    });
  return {
    ...kernel,
    buffers: kernel.buffers.map((buffer) => ({ ...buffer, type: heldAs(buffer.type, limits) })),
    functions: kernel.functions.map((fn) => ({ ...fn, body: rewrite(fn.body) })),
    body: rewrite(kernel.body),
  };
}

function withFeatures(kernel: Kernel): Kernel {
  const half = kernel.buffers.some(({ type }) => type === 'f16') && !kernel.features.includes('shader-f16');
  return half ? { ...kernel, features: [...kernel.features, 'shader-f16'] } : kernel;
}

/** The windows of each buffer that needs more than one. */
type Windows = ReadonlyMap<string, readonly KernelBuffer[]>;

function inWindows(kernel: Kernel, limits: TargetLimits): Kernel {
  const windows: Windows = new Map(
    kernel.buffers
      .map((buffer) => [buffer.name, windowsOf(buffer, limits)] as const)
      .filter(([, parts]) => parts.length > 1),
  );
  if (windows.size === 0) return kernel;
  const taken = namesIn(kernel);
  const fresh = (wish: string): string => {
    const name = freeName(wish, (candidate) => taken.has(candidate));
    taken.add(name);
    return name;
  };
  return {
    ...kernel,
    buffers: kernel.buffers.flatMap((buffer) => windows.get(buffer.name) ?? [buffer]),
    functions: kernel.functions.map((fn) => mapFunction(fn, (body) => split(body, windows, fresh))),
    body: split(kernel.body, windows, fresh),
  };
}

/** Whole pieces that one binding holds, each beginning where a binding may. */
function windowsOf(buffer: KernelBuffer, limits: TargetLimits): readonly KernelBuffer[] {
  const bytes = ELEMENT_BYTES[buffer.type];
  const aligned = Math.max(8, limits.offsetAlignment / bytes);
  const most = Math.max(1, Math.floor(limits.bindingBytes / bytes / aligned)) * aligned;
  if (buffer.elements <= most) return [buffer];
  return Array.from({ length: Math.ceil(buffer.elements / most) }, (_, i) => ({
    ...buffer,
    name: `${buffer.name}_part${i + 1}`,
    elements: Math.min(most, buffer.elements - i * most),
    window: { start: i * most },
  }));
}

function split(
  statements: readonly Statement[],
  windows: Windows,
  fresh: (wish: string) => string,
): readonly Statement[] {
  return statements.flatMap((statement) => {
    const before: Statement[] = [];
    const named = (wish: string, value: Expr): Expr => {
      if (value.kind === 'local' || value.kind === 'literal') return value;
      const name = fresh(wish);
      before.push({ kind: 'let', name, value });
      return local(name, value.type);
    };
    const inWindow = (expr: Expr): Expr => {
      const inner = mapOperands(expr, inWindow);
      const parts = inner.kind === 'load' ? windows.get(inner.buffer) : undefined;
      if (inner.kind !== 'load' || !parts) return inner;
      return named(`${inner.buffer}_i`, loadFrom(parts, inner, named('at', inner.index)));
    };
    const own = mapStatement(statement, inWindow, (body) => split(body, windows, fresh));
    if (own.kind !== 'store' && own.kind !== 'copy_shared') return [...before, own];
    const parts = windows.get(own.buffer);
    if (!parts) return [...before, own];
    const last =
      own.kind === 'copy_shared'
        ? copyFrom(parts, own, named('at', own.from))
        : storeTo(parts, { ...own, value: named('element', own.value) }, named('at', own.index));
    return [...before, ...last];
  });
}

function startOf(part: KernelBuffer): number {
  return part.window?.start ?? 0;
}

/** All windows are read, each within its bounds, and the right one is chosen. A window begins with a whole eight, and ends with a four. */
function loadFrom(parts: readonly KernelBuffer[], load: Expr & { readonly kind: 'load' }, index: Expr): Expr {
  const width = load.type === 'vec4' ? 4 : 1;
  const loads = parts.map((part): Expr => {
    const start = startOf(part) / width;
    const inPart = start === 0 ? index : sub(binary('max', index, u32(start)), u32(start));
    return { ...load, buffer: part.name, index: min(inPart, u32(part.elements / width - 1)) };
  });
  return loads.reduceRight((later, earlier, i) => {
    const next = present(parts[i + 1], 'next window');
    return select(lt(index, u32(startOf(next) / width)), earlier, later);
  });
}

function storeTo(
  parts: readonly KernelBuffer[],
  store: Statement & { readonly kind: 'store' },
  index: Expr,
): readonly Statement[] {
  const width = store.value.type === 'vec4' ? 4 : 1;
  return inOneOf(parts, index, width, (buffer, inPart) => ({ ...store, buffer, index: inPart }));
}

function copyFrom(
  parts: readonly KernelBuffer[],
  copy: Statement & { readonly kind: 'copy_shared' },
  index: Expr,
): readonly Statement[] {
  return inOneOf(parts, index, copy.elements, (buffer, inPart) => ({ ...copy, buffer, from: inPart }));
}

/** What `make` makes for the window that holds `index`, which counts in `width` elements. */
function inOneOf(
  parts: readonly KernelBuffer[],
  index: Expr,
  width: number,
  make: (buffer: string, inPart: Expr) => Statement,
): readonly Statement[] {
  return parts.map((part, i) => {
    const start = startOf(part) / width;
    const next = parts[i + 1];
    const after = start === 0 ? bool(true) : binary('ge', index, u32(start));
    const condition = next ? and(after, lt(index, u32(startOf(next) / width))) : after;
    return { kind: 'if', condition, then: [make(part.name, sub(index, u32(start)))], else: [] };
  });
}
