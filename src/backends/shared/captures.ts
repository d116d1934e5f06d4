import type { Expr, Kernel, KernelFunction, Statement } from '../../compiler/ir/kernel.ts';
import { expressionsOf, operandsOf, walkStatements } from '../../compiler/ir/kernel-walk.ts';

/** What of a kernel a function uses, by the names in the IR: itself, or through functions that it calls. */
export interface CapturedNames {
  readonly buffers: ReadonlySet<string>;
  /** Whether it reads a uniform of the launch, and a scalar of the host. */
  readonly launch: boolean;
  readonly runtime: boolean;
}

/** What each function uses. A function calls only those before it. */
export function capturesOf(kernel: Kernel): ReadonlyMap<string, CapturedNames> {
  const isHost = new Map(kernel.uniforms.map((u) => [u.name, u.source.kind === 'runtime']));
  const known = new Map<string, CapturedNames>();
  for (const fn of kernel.functions) {
    const buffers = new Set<string>();
    let [launch, runtime] = [false, false];
    const call = (name: string): void => {
      const inner = known.get(name);
      for (const buffer of inner?.buffers ?? []) buffers.add(buffer);
      launch ||= inner?.launch ?? false;
      runtime ||= inner?.runtime ?? false;
    };
    const visit = (expr: Expr): void => {
      if (expr.kind === 'load') buffers.add(expr.buffer);
      if (expr.kind === 'call') call(expr.fn);
      if (expr.kind === 'uniform') {
        if (isHost.get(expr.name)) runtime = true;
        else launch = true;
      }
      operandsOf(expr).forEach(visit);
    };
    walkFunction(fn, visit, (statement) => {
      if (statement.kind === 'store' || statement.kind === 'copy_shared') buffers.add(statement.buffer);
      if (statement.kind === 'call') call(statement.fn);
    });
    known.set(fn.name, { buffers, launch, runtime });
  }
  return known;
}

/** The buffers to which a kernel stores. */
export function writtenBuffers(kernel: Kernel): ReadonlySet<string> {
  const written = new Set<string>();
  for (const { body } of [kernel, ...kernel.functions])
    walkStatements(body, (statement) => {
      if (statement.kind === 'store') written.add(statement.buffer);
    });
  return written;
}

function walkFunction(fn: KernelFunction, visit: (expr: Expr) => void, see: (statement: Statement) => void): void {
  walkStatements(fn.body, (statement) => {
    see(statement);
    expressionsOf(statement).forEach(visit);
  });
  if (fn.result) visit(fn.result);
}
