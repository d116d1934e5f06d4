/**
 * Compiles a spec once, in a process that has compiled nothing before, and prints the milliseconds it took: `cold-compile.ts
 * SPEC DEPTH`. Loading the compiler does not count.
 */
import { readFileSync } from 'node:fs';
import { compileText } from './compile-text.ts';

const [path = '', depth = ''] = process.argv.slice(2);
const text = readFileSync(path, 'utf8');
const start = performance.now();
compileText(text, {
  set: ['scheme=LNS', `depth=${depth}`],
  sizes: { batch: 8, time: 64 },
  purposes: ['train', 'evaluate', 'logits', 'probes'],
});
console.log(performance.now() - start);
