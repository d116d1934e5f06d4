// Copies what the compiled code reads at run time to its place beside it: the standard library, and templates of projects.
import { cpSync } from 'node:fs';

for (const folder of ['src/std', 'src/templates'])
  cpSync(new URL(`../${folder}`, import.meta.url), new URL(`../dist/${folder}`, import.meta.url), { recursive: true });
