// Copies what the compiled code reads at run time to its place beside it: the standard library, templates of projects, and tiles of known
// adapters.
import { cpSync } from 'node:fs';

for (const folder of ['src/std', 'src/templates', 'src/tiles'])
  cpSync(new URL(`../${folder}`, import.meta.url), new URL(`../dist/${folder}`, import.meta.url), { recursive: true });
