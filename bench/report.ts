/** The tables of README.md, from raw results. */
import { ceilingOf, type MeasuredUse } from './ceiling.ts';
import type { ProgramResult } from './compare-steps.ts';
import type { Machine } from './machine.ts';
import { median, medianInterval } from './median.ts';
import type { MicroCase } from './micro-cases.ts';
import { OURS } from './programs.ts';
import { productFlops, type Size } from './sizes.ts';

export interface StepResults {
  readonly format_version: 1;
  readonly date: string;
  readonly machine: Machine;
  /** Of single functions; results of before there were any lack it. */
  readonly micro?: readonly { readonly case: MicroCase; readonly programs: readonly ProgramResult[] }[];
  /** PreNorm and LNS. */
  readonly schemes?: readonly ProgramResult[];
  readonly steps: Readonly<Record<string, StepResult>>;
}

interface StepResult {
  readonly size: Size;
  readonly programs: readonly ProgramResult[];
  /** Results of before they were measured lack them. */
  readonly products?: readonly MeasuredUse[];
}

export function report({ date, machine, steps, micro = [], schemes = [] }: StepResults): string {
  const { adapter, cpu, cores, node } = machine;
  const head = `Measured ${date} on ${adapter} (${cpu}, ${cores} cores), Node ${node}.`;
  const sections = Object.values(steps).map(section);
  const [before, after] = schemes;
  return [
    head,
    ...sections,
    ...(micro.length > 0 ? [microSection(micro)] : []),
    ...(before && after ? [schemeSection(before, after)] : []),
  ].join('\n\n');
}

function section({ size, programs, products = [] }: StepResult): string {
  const { name, vocab, width, depth, heads, hidden, time, batch } = size;
  const about = `vocab ${vocab}, width ${width}, ${depth} blocks, ${heads} heads, hidden ${hidden}, time ${time}, batch ${batch}`;
  const ours = programs.find(({ program }) => program === OURS);
  const rows = programs.map((one) => row(size, one, ours));
  const ceiling = ours && products.length > 0 ? ['', ceilingText(ours, products)] : [];
  return [`### ${name}: ${about}`, '', table([HEADINGS, ...rows]), ...ceiling].join('\n');
}

function ceilingText({ rounds }: ProgramResult, products: readonly MeasuredUse[]): string {
  const { ms, rate } = ceilingOf(products);
  return (
    `The ceiling: the products with weights alone, each as fast as by itself (measured right after, ${rate.toFixed(1)} GFLOP/s in all), take ` +
    `${ms.toFixed(0)} ms of a step of tfm, which is ${((100 * ms) / median(rounds)).toFixed(0)} % of it.`
  );
}

/** A row for each function: ours first, then each rival with how many times faster ours is. */
function microSection(micro: NonNullable<StepResults['micro']>): string {
  const rivals = [...new Set(micro.flatMap(({ programs }) => programs.map(({ program }) => program)))].filter(
    (name) => name !== OURS,
  );
  const rows = micro.map(({ case: { name, flops }, programs }) => {
    const of = (wanted: string) => programs.find(({ program }) => program === wanted);
    const ours = of(OURS);
    const ms = ours ? median(ours.rounds) : Number.NaN;
    const rate = flops > 0 ? (flops / ms / 1e6).toFixed(1) : '';
    const beside = rivals.flatMap((rival) => {
      const one = of(rival);
      return one ? [median(one.rounds).toFixed(1), ours ? ratio(one, ours) : ''] : ['', ''];
    });
    return [name, ms.toFixed(1), rate, ...beside];
  });
  const headings = ['function', 'tfm, ms', 'GFLOP/s', ...rivals.flatMap((name) => [`${name}, ms`, 'tfm is'])];
  return ['### Single functions, forward and backward', '', table([headings, ...rows])].join('\n');
}

/** What one scheme takes beside another: of each pair of rounds, since the machine changes more from pair to pair. */
function schemeSection(before: ProgramResult, after: ProgramResult): string {
  const ratios = before.rounds.map((ms, i) => (after.rounds[i] ?? Number.NaN) / ms);
  const [low, high] = medianInterval(ratios);
  const percent = (ratioOf: number): string => `${(100 * ratioOf).toFixed(2)} %`;
  return [
    `### ${after.program} beside ${before.program}, at S`,
    '',
    `Over ${ratios.length} pairs a step of ${after.program} takes ${percent(median(ratios))} of the time of one of ${before.program}, in the median, ` +
      `which lies between ${percent(low)} and ${percent(high)} with a confidence of 95 %. ` +
      `Launches: ${after.dispatches} and ${before.dispatches}.`,
  ].join('\n');
}

const HEADINGS: readonly string[] = [
  'program',
  'ms a step',
  'tokens/s',
  'GFLOP/s of products',
  'tfm is',
  'launches',
  'buffers, MiB',
  'RSS, MiB',
  'encode, ms',
  'first step cold, warm, s',
];

function row(size: Size, one: ProgramResult, ours: ProgramResult | undefined): readonly string[] {
  const ms = median(one.rounds);
  const mib = (bytes: number | undefined): string => (bytes === undefined ? '' : (bytes / 2 ** 20).toFixed(0));
  return [
    one.program,
    `${ms.toFixed(0)} [${Math.min(...one.rounds).toFixed(0)}-${Math.max(...one.rounds).toFixed(0)}]`,
    ((size.batch * size.time * 1000) / ms).toFixed(0),
    (productFlops(size) / ms / 1e6).toFixed(1),
    ours && ours !== one ? ratio(one, ours) : '',
    one.dispatches === undefined ? '' : String(one.dispatches),
    mib(one.gpuPeakBytes),
    mib(one.peakRssBytes),
    one.encodeMs === undefined ? '' : one.encodeMs.toFixed(1),
    `${(one.coldStartMs / 1000).toFixed(1)}, ${(one.warmStartMs / 1000).toFixed(1)}`,
  ];
}

/** How many times faster ours is: of each round, since the machine changes more from round to round. */
function ratio(one: ProgramResult, ours: ProgramResult): string {
  const ratios = one.rounds.flatMap((ms, i) => {
    const own = ours.rounds[i];
    return own === undefined ? [] : [ms / own];
  });
  return `${median(ratios).toFixed(2)}x [${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}]`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
