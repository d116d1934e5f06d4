import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InternalError } from '../compiler/support/invariant.ts';

/** The folder of this package, from the sources and from the built package. */
export function packageFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new InternalError('the package has no package.json');
  }
}
