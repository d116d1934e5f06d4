/**
 * Measures, writes raw results under results/, and the tables of README.md from them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { productsOf } from './ceiling.ts';
import { compareSteps } from './compare-steps.ts';
import { describeMachine } from './machine.ts';
import { MICRO_CASES, type MicroCase, microTensors } from './micro-cases.ts';
import { OURS, PROGRAMS, type ProgramSpec, SCHEMES, UNFUSED_ATTENTION } from './programs.ts';
import { readmeWithResults } from './readme.ts';
import { SIZES } from './sizes.ts';
import { startTensors } from './start-tensors.ts';

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    sizes: { type: 'string', default: 'S,M,D' },
    rounds: { type: 'string', default: '5' },
    programs: { type: 'string', default: '' },
    micro: { type: 'string', default: '.' },
    pairs: { type: 'string', default: '20' },
    out: { type: 'string' },
  },
});

const HELP = `npm run bench -- [OPTIONS]
  --sizes S,M,D      sizes of the model whose step is measured; '' for none
  --micro PATTERN    single functions whose names match, such as 'product|norm'; '' for none
  --rounds 5         rounds in which the programs take turns
  --pairs 20         rounds of the scheme LNS beside PreNorm; 0 for none
  --programs A,B     ${PROGRAMS.map(({ name }) => name).join(', ')}
  --out FILE         raw results go there, and README.md stays as it is
`;
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const tell = (text: string): void => void process.stderr.write(`${text}\n`);
const asked =
  values.programs === ''
    ? PROGRAMS.filter(({ onRequest }) => !onRequest)
    : PROGRAMS.filter((p) => values.programs.split(',').includes(p.name));
const programs = asked.filter((program) => {
  const why = program.missing();
  if (why !== undefined) tell(`${program.name} is left out: ${why}`);
  return why === undefined;
});
/** A single function in the programs that have it, and in some more. */
function compareMicro(one: MicroCase, some: readonly ProgramSpec[], more: readonly ProgramSpec[] = []) {
  const job = { name: one.name, size: one, tensors: microTensors(one) };
  const able = some.flatMap((program) => (program.micro === undefined ? [] : [{ ...program, file: program.micro }]));
  return compareSteps(job, [...able, ...more], rounds, tell);
}

const machine = await describeMachine();
const rounds = Number(values.rounds);
const steps: Record<string, unknown> = {};
for (const name of values.sizes.split(',').filter((name) => name !== '')) {
  const size = SIZES[name];
  if (!size) throw new Error(`there is no size ${name}: ${Object.keys(SIZES).join(', ')}`);
  const compared = await compareSteps({ name, size, tensors: startTensors(size) }, programs, rounds, tell);
  const ours = programs.filter((program) => program.name === OURS);
  const products: unknown[] = [];
  for (const use of ours.length > 0 ? productsOf(size) : []) {
    const [measured] = await compareMicro(use.case, ours);
    products.push({ ...use, rounds: measured?.rounds ?? [] });
  }
  steps[name] = { size, programs: compared, products };
}
const micro: unknown[] = [];
const pattern = new RegExp(values.micro);
for (const one of values.micro === '' ? [] : MICRO_CASES.filter(({ name }) => pattern.test(name))) {
  const more = one.kind === 'attention' ? [UNFUSED_ATTENTION] : [];
  micro.push({ case: one, programs: await compareMicro(one, programs, more) });
}
const pairs = Number(values.pairs);
const schemes =
  pairs > 0 && SIZES.S
    ? await compareSteps(
        { name: 'schemes', size: SIZES.S, tensors: startTensors(SIZES.S), differ: true },
        SCHEMES,
        pairs,
        tell,
      )
    : [];
const day = new Date().toISOString().slice(0, 10);
const folder = new URL('results/', import.meta.url);
mkdirSync(folder, { recursive: true });
const path = values.out ?? new URL(`steps-${day}-${machine.slug}.json`, folder).pathname;
writeFileSync(path, `${JSON.stringify({ format_version: 1, date: day, machine, steps, micro, schemes }, null, 1)}\n`);
if (values.out === undefined) {
  const here = new URL('./', import.meta.url);
  writeFileSync(new URL('README.md', here), readmeWithResults(here));
}
tell(`written to ${path}`);
