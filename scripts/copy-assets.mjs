// Copies what the compiler reads at run time beside the compiled code: the standard library.
import { cpSync } from 'node:fs';

cpSync(new URL('../src/std', import.meta.url), new URL('../dist/src/std', import.meta.url), { recursive: true });
