/** What can be wrong with values that are known while compiling, and with calls. */
import { entry } from './entry.ts';
import { replaceWith, useFrom } from './fixes.ts';

const LISTED = 10;

/** `a, b, c`, cut when there are many. */
export function listed(names: readonly string[]): string {
  return names.length > LISTED ? `${names.slice(0, LISTED).join(', ')}, …` : names.join(', ');
}

export function didYouMean(suggestion: string | undefined, known: readonly string[] = []): string | undefined {
  if (suggestion !== undefined) return `did you mean \`${suggestion}\`?`;
  return known.length > 0 ? `there are ${listed(known)}` : undefined;
}

export const VALUES = {
  'unknown-name': entry<{ name: string; suggestion: string | undefined; use: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is not bound`,
    help: (p) => (p.use ? `add \`use ${p.use}.{${p.name}}\`` : didYouMean(p.suggestion)),
    fixes: (p, span) => (p.use ? [useFrom(p.use, p.name, span)] : replaceWith(p.suggestion, span)),
    explain:
      'A name must be a parameter, bound before it is used, declared at the top level of the file, brought in by `use`, or ' +
      'one that the language or its prelude has. `fan_in` and `fan_out` exist for weights with an arrow only.',
  }),
  'wrong-kind': entry<{ text: string; found: string; wanted: string }>({
    severity: 'error',
    message: (p) =>
      p.text === p.found
        ? `${p.found} stands where ${p.wanted} is wanted`
        : `\`${p.text.replaceAll('`', '')}\` is ${p.found} where ${p.wanted} is wanted`,
    explain:
      'The values of the language are numbers, truth values, strings, axes, functions, instances, lists, records, and tensors.',
  }),
  'record-wanted': entry<{ text: string; name: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is a function where a record is wanted`,
    help: (p) => `call it first: \`${p.name ?? p.text}()\``,
    explain:
      'Some schemes are functions that make a record, such as `MixLN(post = 0.25)`. A function itself has no entries.',
  }),
  'unknown-key': entry<{ text: string; key: string; suggestion: string | undefined; known: readonly string[] }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` has no \`${p.key}\``,
    help: (p) => didYouMean(p.suggestion, p.known),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      'A record has the keys that it was written with. An instance has the final bindings of its body, its weights included.',
  }),
  'key-twice': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `the record has \`${p.name}\` twice`,
    explain: 'A record holds one value under each key, so that `record.key` means one thing.',
  }),
  'not-applied': entry<{ text: string; key: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` has not been applied yet, so it has no \`${p.key}\``,
    help: () => 'apply it first',
    explain:
      'The fields of an instance are the bindings of its body, which is elaborated when the instance is applied.',
  }),
  'applied-twice': entry<{ text: string; key: string; times: number }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` was applied ${p.times} times, with different values of \`${p.key}\``,
    help: () => 'bind each application, or make an instance for each',
    explain:
      'A field of an instance must be the same in all its applications, or it would depend on which one came last.',
  }),
  'tuple-length': entry<{ wanted: number; found: number }>({
    severity: 'error',
    message: (p) => `the pattern has ${p.wanted} parts and the value ${p.found}`,
    explain: 'A pattern of a tuple names all its parts; `_` stands for one that is not wanted.',
  }),
  'index-out-of-range': entry<{ text: string; index: number; length: number }>({
    severity: 'error',
    message: (p) => `index ${p.index} is outside of ${p.text} of ${p.length}`,
    help: (p) => (p.index === 0 ? 'lists count from 1' : undefined),
    explain: 'Lists and layers count from 1; positions in tensors count from 0.',
  }),
  'empty-list': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` of an empty list`,
    explain: '`last`, `drop_last`, `stack` and the files of a data source need at least one item to work with.',
  }),
  'not-integral': entry<{ text: string; value: number; wanted: string; division: Division | undefined }>({
    severity: 'error',
    message: (p) =>
      p.division
        ? `${p.wanted} must be an integer: ${divisionText(p.text, p.division)}`
        : `${p.wanted} must be an integer, not ${short(p.value)}`,
    help: (p) => p.division && divisorHelp(p.division),
    explain:
      'Sizes, counts and indices are integers. Numbers are float64 while compiling; what division leaves is forgiven up to 1e-9.',
  }),
  'bad-size': entry<{ name: string; size: number }>({
    severity: 'error',
    message: (p) => `the axis \`${p.name}\` cannot have the size ${short(p.size)}`,
    explain: 'Sizes of axes are integers from 1 to 2147483647.',
  }),
  'not-a-number': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'the value is not a number (0/0, or a root or logarithm of a negative number)',
    explain: 'Numbers are computed in float64 while compiling. One that is not a number cannot enter a tensor.',
  }),
  'beyond-f32': entry<{ value: number }>({
    severity: 'error',
    message: (p) => `${p.value} is beyond the range of f32`,
    help: () => 'write `inf` for no bound',
    explain: 'A number that meets a tensor becomes an f32 constant, up to about 3.4e38.',
  }),
  'int-with-fraction': entry<{ value: number }>({
    severity: 'error',
    message: (p) => `${short(p.value)} is not an integer and meets a tensor of integers`,
    help: () => 'convert the tensor with `float(…)`',
    explain: 'A number that meets an int tensor becomes an int constant.',
  }),
  'tensor-where-number': entry<{ text: string; wanted: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is a tensor where ${p.wanted} is wanted, which must be known while compiling`,
    help: () => 'sizes cannot depend on data; for a fixed number of chosen elements use positions and `x[a = ids]`',
    explain:
      'Only tensors exist at run time. Sizes, ranges, counts, powers of initial distributions and the like are known when compiling.',
  }),
  'out-of-range': entry<{ name: string; value: number; low: number; below: number }>({
    severity: 'error',
    message: (p) =>
      `\`${p.name}\` is ${short(p.value)} and must be at least ${p.low}${Number.isFinite(p.below) ? ` and less than ${p.below}` : ''}`,
    explain: 'The value has no meaning outside of its range.',
  }),
  'condition-on-tensor': entry<{ text: string }>({
    severity: 'error',
    message: (p) => `the condition \`${p.text}\` depends on a tensor; both sides would be needed`,
    help: (p) => `use \`where(${p.text}, a, b)\``,
    explain: '`if` chooses while compiling which program there is. `where` chooses at run time, element by element.',
  }),
  'too-many-arguments': entry<{ callee: string; takes: number; given: number }>({
    severity: 'error',
    message: (p) => `\`${p.callee}\` takes ${count(p.takes, 'argument')} and is given ${p.given}`,
    explain: 'Arguments are positional first, then named. Each belongs to one parameter.',
  }),
  'missing-argument': entry<{ callee: string; name: string }>({
    severity: 'error',
    message: (p) => `\`${p.callee}\` needs \`${p.name}\``,
    explain: 'Parameters without a default must be given.',
  }),
  'unknown-argument': entry<{ callee: string; name: string; suggestion: string | undefined; known: readonly string[] }>(
    {
      severity: 'error',
      message: (p) => `\`${p.callee}\` has no parameter \`${p.name}\``,
      help: (p) => didYouMean(p.suggestion, p.known),
      fixes: (p, span) => replaceWith(p.suggestion, span),
      explain: 'Named arguments must be parameters of the list that is applied. `f(a)(b)` applies two lists.',
    },
  ),
  'argument-twice': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is given twice`,
    explain: 'Each parameter takes one argument, by position or by name.',
  }),
  'positional-after-named': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a positional argument cannot follow a named one',
    explain: 'Arguments are positional first, then named.',
  }),
  'callback-arity': entry<{ callee: string; takes: number; given: number }>({
    severity: 'error',
    message: (p) => `${p.callee} takes ${count(p.takes, 'argument')} where one of ${p.given} is wanted`,
    explain:
      'A function that is handed over is called with a fixed number of arguments, such as `mask(i, j)` and `score(s, i, j)`.',
  }),
  'default-cycle': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `the default of \`${p.name}\` needs \`${p.name}\` itself`,
    explain: 'Defaults may use any other parameter, but not in a circle.',
  }),
};

/** A division that left a fraction. */
export interface Division {
  readonly dividend: number;
  readonly divisor: number;
  readonly dividendText: string;
  readonly divisorText: string;
}

function short(value: number): string {
  return Number.isInteger(value) || !Number.isFinite(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function divisionText(text: string, { dividend, divisor }: Division): string {
  return `\`${text}\` = ${dividend} / ${divisor} = ${(dividend / divisor).toFixed(2)}`;
}

/** The nearest divisors below and above. */
function divisorHelp({ dividend, divisor, dividendText, divisorText }: Division): string {
  const divisors: number[] = [];
  for (let d = 1; d <= Math.min(dividend, 1 << 16); d += 1) if (dividend % d === 0) divisors.push(d);
  const near = divisors.toSorted((a, b) => Math.abs(a - divisor) - Math.abs(b - divisor)).slice(0, 3);
  const shown = near.toSorted((a, b) => a - b).join(', ');
  return `${divisorText} must divide ${dividendText} (${shown} do)`;
}
