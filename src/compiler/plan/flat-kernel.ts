/** What the kernels of flat runs of elements are made of: weights, gradients and moments have one layout. */
import type { Expr, Kernel, KernelBuffer, KernelUniform, Statement } from '../ir/kernel.ts';
import { add, and, builtin, local, lt, mul, u32, uniform } from '../ir/kernel-expr.ts';
import { SHARE } from '../widen/share.ts';
import { widen } from '../widen/widen.ts';

export const LANES = 64;
export const launch = (name: string, type: 'f32' | 'u32'): KernelUniform => ({
  name,
  type,
  source: { kind: 'launch', name },
});
export const runtime = (name: string): KernelUniform => ({ name, type: 'f32', source: { kind: 'runtime', name } });

export function buffer(name: string, access: 'read' | 'read_write', shape: string): KernelBuffer {
  return { name, holds: name, type: 'f32', elements: 0, access, shape };
}

export const assignAdd = (name: string, value: Expr): Statement => ({
  kind: 'assign',
  name,
  value: add(local(name, 'f32'), value),
});
export const variable = (name: string, value: Expr): Statement => ({ kind: 'var', name, type: value.type, value });
export const define = (name: string, value: Expr): Statement => ({ kind: 'let', name, value });
export const when = (condition: Expr, then: readonly Statement[]): Statement => ({
  kind: 'if',
  condition,
  then,
  else: [],
});
export const store = (name: string, index: Expr, value: Expr): Statement => ({
  kind: 'store',
  buffer: name,
  index,
  value,
});

export const base = { shared: [], functions: [], features: [], workgroup: LANES } as const;
export const invocation = add(mul(builtin('group'), u32(LANES)), builtin('local'));
export const i = local('i', 'u32');

export type DeviceClass = keyof typeof SHARE;

/**
 * A kernel that runs `body` for each element i of a run, and what goes `before` once. Runs are whole numbers of shares, because every
 * weight begins where a binding may; behind a weight lie zeros, which updates leave.
 */
export function overRun(
  kernel: Omit<Kernel, keyof typeof base | 'groups' | 'body' | 'flops' | 'bytes'>,
  deviceClass: DeviceClass,
  body: readonly Statement[],
  { before = [], condition }: { readonly before?: readonly Statement[]; readonly condition?: Expr } = {},
): Kernel {
  const share = u32(SHARE[deviceClass]);
  const first = mul(local('share', 'u32'), share);
  const isThere = lt(first, uniform('count', 'u32'));
  const each: Statement = { kind: 'for', name: 'i', from: first, to: add(first, share), step: u32(1), body };
  return widen({
    ...base,
    ...kernel,
    groups: 1,
    body: [define('share', invocation), ...before, when(condition ? and(isThere, condition) : isThere, [each])],
    flops: 0,
    bytes: 0,
  });
}
