import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';

/** Where a run goes unless `--out` says: `runs/NAME`, `runs/NAME-2`, … the first that is free, or to resume the last there is. */
export function defaultRunPath(spec: string, resume: boolean): string {
  const name = basename(spec, extname(spec)).replace(/[^\w.-]/g, '_') || 'run';
  const path = (n: number): string => join('runs', n === 1 ? name : `${name}-${n}`);
  let n = 1;
  while (existsSync(path(n))) n += 1;
  return path(resume ? Math.max(1, n - 1) : n);
}
