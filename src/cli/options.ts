/** What commander parsed, as the types that commands want. */
import { InvalidArgumentError, Option } from 'commander';
import { InternalError } from '../compiler/support/invariant.ts';

export type Options = Readonly<Record<string, unknown>>;

export function flag(options: Options, name: string): boolean {
  return options[name] === true;
}

export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** An option that commander has made mandatory or given a default. */
export function givenText(options: Options, name: string): string {
  const value = text(options, name);
  if (value === undefined) throw new InternalError(`option ${name} has no value`);
  return value;
}

export function number(options: Options, name: string): number | undefined {
  const value = options[name];
  return typeof value === 'number' ? value : undefined;
}

export function givenNumber(options: Options, name: string): number {
  const value = number(options, name);
  if (value === undefined) throw new InternalError(`option ${name} has no value`);
  return value;
}

export function texts(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((v) => typeof v === 'string') : [];
}

/** A value that may be given several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], 'none')
    .argParser((value: string, previous: readonly string[]) => [...previous, value]);
}

/** A whole number, at least `least`. */
export function whole(least: number): (value: string) => number {
  return (value) => {
    const digits = value.replaceAll('_', '');
    const parsed = Number(digits);
    if (/^\d+$/.test(digits) && Number.isSafeInteger(parsed) && parsed >= least) return parsed;
    throw new InvalidArgumentError(`It must be a whole number, at least ${least}.`);
  };
}

export function real(value: string): number {
  const parsed = Number(value);
  if (value.trim() === '' || !Number.isFinite(parsed)) throw new InvalidArgumentError('It must be a number.');
  return parsed;
}
