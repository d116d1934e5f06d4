/**
 * `npm run bench [-- --sizes S,M,D --rounds 5 --programs tfm,tfjs]`: measures, writes raw results under results/, and the
 * table of README.md from them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareSteps } from './compare-steps.ts';
import { describeMachine } from './machine.ts';
import { PROGRAMS } from './programs.ts';
import { readmeWithResults } from './readme.ts';
import { SIZES } from './sizes.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: 'S,M,D' },
    rounds: { type: 'string', default: '5' },
    programs: { type: 'string', default: '' },
    out: { type: 'string' },
  },
});

const tell = (text: string): void => void process.stderr.write(`${text}\n`);
const asked = values.programs === '' ? PROGRAMS : PROGRAMS.filter((p) => values.programs.split(',').includes(p.name));
const programs = asked.filter((program) => {
  const why = program.missing();
  if (why !== undefined) tell(`${program.name} is left out: ${why}`);
  return why === undefined;
});
const machine = await describeMachine();
const steps: Record<string, unknown> = {};
for (const name of values.sizes.split(',')) {
  const size = SIZES[name];
  if (!size) throw new Error(`there is no size ${name}: ${Object.keys(SIZES).join(', ')}`);
  steps[name] = { size, programs: await compareSteps(size, programs, Number(values.rounds), tell) };
}
const day = new Date().toISOString().slice(0, 10);
const folder = new URL('results/', import.meta.url);
mkdirSync(folder, { recursive: true });
const path = values.out ?? new URL(`steps-${day}-${machine.slug}.json`, folder).pathname;
writeFileSync(path, `${JSON.stringify({ format_version: 1, date: day, machine, steps }, null, 1)}\n`);
if (values.out === undefined) {
  const here = new URL('./', import.meta.url);
  writeFileSync(new URL('README.md', here), readmeWithResults(here));
}
tell(`written to ${path}`);
